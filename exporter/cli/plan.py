"""Shows the plan of one statement, or why there is none; nothing of it is executed."""

from __future__ import annotations

import asyncio
import json
from argparse import _ArgumentGroup
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.cli._analysis import positive, with_server
from exporter.cli._options import Options, add_target
from exporter.model.errors import SettingsError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.facts.statement import Statement
    from exporter.sources.postgres.plans import Explained
    from exporter.sources.postgres.server import PostgresServer

LIMIT_SECONDS = 30.0
NO_PLAN = 1


def add_options(group: _ArgumentGroup) -> None:
    """`QUERYID`: `options.queryid`; `--target`, `--seconds`, `--format`: attributes of the same names."""
    add_target(group)
    group.add_argument(
        "queryid",
        metavar="QUERYID",
        help="A queryid of pg_stat_statements, or the id that analyze shows; its first digits will do.",
    )
    group.add_argument(
        "--seconds", type=positive, default=LIMIT_SECONDS, metavar="SECONDS", help="How long it may take."
    )
    group.add_argument("--format", choices=("text", "json"), default="text", help="Default: text.")


def run(settings: Settings, options: Options) -> int:
    """Asks for the plan; 0, 1 if there is none to be had, or 2 if the server can't be asked.

    Raises:
        SettingsError: there is no such target or statement, or the target has no PostgreSQL server.
    """
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)

    async def work(server: PostgresServer) -> int:
        statement, explained = await _explained(server, options)
        _write(statement, explained, options.format)
        return 0 if explained.plan is not None else NO_PLAN

    return asyncio.run(with_server(settings, options, work))


async def _explained(server: PostgresServer, options: Options) -> tuple[Statement, Explained]:
    from exporter.facts.read_statements import read_statements  # noqa: PLC0415
    from exporter.model.deadline import Deadline  # noqa: PLC0415
    from exporter.model.errors import Refused, Skip, SourceError  # noqa: PLC0415
    from exporter.sources.postgres.plans import Explained, PlanOutcome  # noqa: PLC0415

    deadline = Deadline.after(options.seconds)
    try:
        reading = await read_statements(server, deadline)
    except Skip as error:
        raise SourceError(str(error)) from None
    statement = _chosen(options.queryid, reading.statements)
    key = statement.key
    try:
        async with server.plan_session(deadline, key.datname) as session:
            found = await session.explain(statement.raw, deadline, statement.tables, user=key.user)
    except Refused as error:
        found = Explained(PlanOutcome.SUPERUSER, detail=str(error))
    return statement, found


def _chosen(wanted: str, statements: Sequence[Statement]) -> Statement:
    """The statement that is meant; of several with one id the one that takes most time."""
    found = [s for s in statements if wanted in s.queryids or s.key.id.startswith(wanted.lower())]
    ids = {statement.key.id for statement in found}
    if not found or not wanted:
        raise SettingsError(["QUERYID: none of the statements that matter; analyze --detailed lists them"])
    if len(ids) > 1:
        raise SettingsError([f"QUERYID: it is the beginning of several: {', '.join(sorted(ids))}"])
    return max(found, key=lambda statement: statement.counters.exec_ms)


def _write(statement: Statement, explained: Explained, how: str) -> None:
    from exporter.analysis.plans.text import plan_lines  # noqa: PLC0415
    from exporter.cli._terminal import one_line  # noqa: PLC0415
    from exporter.sql.plan import redacted_plan  # noqa: PLC0415

    plan = None if explained.plan is None else redacted_plan(explained.plan)
    if how == "json":
        found = {
            **statement.key._asdict(),
            "query": statement.text,
            "outcome": str(explained.outcome),
            "detail": explained.detail,
            "plan": plan,
        }
        print(json.dumps(found, indent=2))
        return
    counters = statement.counters
    print(one_line(statement.text))
    print(
        f"id {statement.key.id}, database {one_line(statement.key.datname)}, role"
        f" {one_line(statement.key.user)}: {counters.calls:,.0f} calls, {counters.mean_ms:,.3f} ms each"
    )
    print()
    if plan is None:
        print(f"no plan: {explained.outcome}{f': {one_line(explained.detail)}' if explained.detail else ''}")
        return
    print("generic plan: the planner does not know the parameters, and estimates for usual ones")
    print("\n".join(one_line_kept(line) for line in plan_lines(plan)))


def one_line_kept(line: str) -> str:
    """A line with its indent, and nothing in it that a terminal obeys."""
    from exporter.cli._terminal import one_line  # noqa: PLC0415

    return " " * (len(line) - len(line.lstrip(" "))) + one_line(line)
