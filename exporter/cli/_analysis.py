"""What the commands that analyze have in common: the server, the time, and what people see meanwhile."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, _ArgumentGroup
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from exporter.cli._options import Options, add_target, of_target
from exporter.model.errors import ExporterError, SettingsError, SourceError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.analysis.examine import Progress
    from exporter.analysis.report import Report
    from exporter.sources.postgres.server import PostgresServer

FAILED = 2
MOST_TABLES = 10_000
"""Of each database: a command has the memory that the daemon would have to keep."""
LIMIT_SECONDS = 120.0


def add_analysis(group: _ArgumentGroup) -> None:
    """`--target`, `--database` (a list), `--seconds`: attributes of the same names."""
    add_target(group)
    group.add_argument(
        "--database", action="append", default=[], metavar="NAME", help="This database only. Repeatable."
    )
    group.add_argument(
        "--seconds",
        type=positive,
        default=LIMIT_SECONDS,
        metavar="SECONDS",
        help=f"How long it may take; what is not done by then is said (default: {LIMIT_SECONDS:g}).",
    )


def add_table(group: _ArgumentGroup) -> None:
    """`--table`: `options.table` is the name, empty for all."""
    group.add_argument("--table", default="", metavar="TABLE", help="This table only: schema.table or table.")


def check_found(report: Report, options: Options) -> None:
    """What was asked for by name is there: silence about something else would be taken for health.

    Raises:
        SourceError: a database or the table is not, or can't be read.
    """
    for name in options.database:
        if name not in report.relations:
            why = " ".join(gap.why for gap in report.gaps if name in gap.what)
            raise SourceError(f"database {name} can't be analyzed: {why}")
    if options.table and not any(known.named(options.table) for known in report.relations.values()):
        databases = ", ".join(report.relations) or "any database"
        raise SourceError(f"there is no table {options.table} in {databases}")


def positive(text: str) -> float:
    """A number of seconds from a command line."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise ArgumentTypeError("expected seconds from above 0 to 86400")
    return seconds


async def with_server(
    settings: Settings, options: Options, work: Callable[[PostgresServer], Awaitable[int]]
) -> int:
    """Runs the work on the target's PostgreSQL server; says on standard error why it can't.

    Returns:
        The work's exit code, or 2 if the server can't be asked.

    Raises:
        SettingsError: there is no such target, or it has no PostgreSQL server.
    """
    server = server_of(of_target(settings, options.target))
    try:
        return await work(server)
    except SettingsError:
        raise
    except ExporterError as error:
        print(f"datastack-exporter: {error}", file=sys.stderr)
        return FAILED
    finally:
        await server.close()


def server_of(settings: Settings) -> PostgresServer:
    """The PostgreSQL server of these settings; nothing is connected yet.

    Raises:
        SettingsError: there is none.
    """
    from exporter.sources.build import BUILDERS  # noqa: PLC0415

    if settings.postgres.dsn is None:
        raise SettingsError(["postgres.dsn is not set: there is no PostgreSQL server to look at"])
    _, build = BUILDERS["postgres"]
    server: PostgresServer = build(settings)
    return server


def progress() -> tuple[Any, Progress]:
    """A progress bar on standard error, where that is a terminal, and what moves it."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    errors = Console(stderr=True)
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    task = bar.add_task("", total=1)

    def step(what: str, done: int, of: int) -> None:
        bar.update(task, description=what, completed=done, total=of)

    return bar, step


def memory_bytes(address: str) -> int | None:
    """Memory of the server's machine if it is this one: where its address is a loopback one, or a socket."""
    import psutil  # noqa: PLC0415

    host = address.rpartition(":")[0]
    local = host in ("localhost", "::1") or host.startswith(("127.", "/"))
    return int(psutil.virtual_memory().total) if local else None
