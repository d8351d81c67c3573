"""Shows the plan of one statement, or why there is none; nothing of it is executed."""

from __future__ import annotations

import asyncio
import json
from argparse import _ArgumentGroup
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.analysis.wording import brief, counted
from exporter.cli._analysis import positive, with_server
from exporter.cli._options import Options, add_target
from exporter.model.errors import SourceError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.facts.statement import Statement
    from exporter.sources.postgres.plans import Explained
    from exporter.sources.postgres.server import PostgresServer

LIMIT_SECONDS = 30.0
NO_PLAN = 1
SHOWN = 5
"""Ids of statements that a message names."""


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
        SettingsError: there is no such target, or it has no PostgreSQL server.
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
    from exporter.model.errors import Refused, Skip  # noqa: PLC0415
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
    found = [s for s in statements if wanted and _is_meant(wanted.lower(), s)]
    exact = [s for s in found if wanted in s.queryids or wanted.lower() == s.key.id]
    ids = sorted({statement.key.id for statement in exact or found})
    if not ids:
        looked = counted(len(statements), "statement")
        raise SourceError(f"no statement has the id {wanted!r}, of {looked}; analyze --detailed shows ids")
    if len(ids) > 1:
        more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
        named = ", ".join(ids[:SHOWN])
        raise SourceError(f"the id of several statements begins with {wanted}: {named}{more}")
    return max(exact or found, key=lambda statement: statement.counters.exec_ms)


def _is_meant(wanted: str, statement: Statement) -> bool:
    return wanted in statement.queryids or statement.key.id.startswith(wanted)


def _write(statement: Statement, explained: Explained, how: str) -> None:
    from exporter.analysis.plans.text import plan_lines  # noqa: PLC0415
    from exporter.cli._terminal import kept_line, one_line  # noqa: PLC0415
    from exporter.sql.parser import parser_fingerprint  # noqa: PLC0415
    from exporter.sql.plan import redacted_plan  # noqa: PLC0415

    plan = None if explained.plan is None else redacted_plan(explained.plan, statement.raw)
    if how == "json":
        found = {
            **statement.key._asdict(),
            "query": statement.text,
            "pg_query_fingerprint": parser_fingerprint(statement.raw),
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
        f" {one_line(statement.key.user)}: {counted(counters.calls, 'call')},"
        f" {brief(counters.mean_ms / 1000)} each"
    )
    print()
    if plan is None:
        _write_why(explained)
        return
    print("Generic plan: the planner does not know the parameters, and estimates for usual ones.")
    print("\n".join(kept_line(line) for line in plan_lines(plan)))


def _write_why(explained: Explained) -> None:
    from exporter.analysis.plans.outcomes import WHY  # noqa: PLC0415
    from exporter.cli._terminal import one_line  # noqa: PLC0415

    why = WHY[explained.outcome]
    detail = f" ({one_line(explained.detail)})" if explained.detail else ""
    print(f"No plan: {why.reason}{detail}.")
    if why.remedy:
        print(why.remedy)
