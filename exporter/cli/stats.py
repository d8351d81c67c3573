"""Resets statistics, when somebody wants that: the exporter itself never does."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import _ArgumentGroup
from getpass import getuser
from typing import TYPE_CHECKING

from exporter.cli._analysis import with_server
from exporter.cli._options import Options, add_target
from exporter.model.errors import SettingsError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LIMIT_SECONDS = 30.0
KINDS = ("statements", "database")


def add_options(group: _ArgumentGroup) -> None:
    """`reset KIND`: `options.action`, `options.kind`; `--database`, `--yes`, `--target`."""
    add_target(group)
    group.add_argument("action", choices=("reset",), metavar="reset", help="What to do.")
    group.add_argument(
        "kind",
        choices=KINDS,
        metavar="statements|database",
        help=(
            "statements: all of pg_stat_statements. database: the counters of one database, those that"
            " autovacuum goes by too, so run ANALYZE afterwards."
        ),
    )
    group.add_argument("--database", metavar="NAME", help="Which one (default: that of postgres.dsn).")
    group.add_argument("--yes", action="store_true", help="Don't ask: whoever else reads them loses them.")


def run(settings: Settings, options: Options) -> int:
    """Resets, and logs who did what; 0, 1 if it is not wanted after all, or 2 if the server says no.

    Raises:
        SettingsError: there is no such target, or it has no PostgreSQL server; nobody is there to be asked.
    """
    from exporter.log import configure_logging, get_logger  # noqa: PLC0415

    configure_logging("info", settings.log.format)
    if options.kind == "statements" and options.database:
        raise SettingsError(["--database: pg_stat_statements is reset for all databases"])
    if not options.yes and not _agreed(options):
        return 1

    async def work(server: PostgresServer) -> int:
        from exporter.facts.reset_statistics import Statistics, reset_statistics  # noqa: PLC0415
        from exporter.model.deadline import Deadline  # noqa: PLC0415

        deadline = Deadline.after(LIMIT_SECONDS)
        await reset_statistics(server, Statistics(options.kind), deadline, options.database)
        which = {"database": options.database} if options.database else {}
        get_logger("exporter.audit").info(
            "statistics reset", target=server.address, statistics=options.kind, by=_account(), **which
        )
        return 0

    return asyncio.run(with_server(settings, options, work))


def _agreed(options: Options) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError(["stats reset: --yes is needed where nobody can be asked"])
    question = f"Reset the statistics ({options.kind}) for everybody who reads them? [y/N] "
    try:
        agreed = input(question).strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        print("datastack-exporter: nothing was reset", file=sys.stderr)
    return agreed


def _account() -> str:
    """The account of the operating system that runs the command."""
    try:
        return getuser()
    except (KeyError, OSError):  # an account without a name, in a container
        return str(os.getuid())
