"""Says which queries are slow, why, and what to do: statements, indexes, tables, settings, clients."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import _ArgumentGroup
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from exporter.cli._analysis import (
    FAILED,
    MOST_TABLES,
    add_analysis,
    add_table,
    check_found,
    memory_bytes,
    positive,
    progress,
    with_server,
)
from exporter.cli._options import Options
from exporter.model.errors import SettingsError
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.analysis.examine import Scope
    from exporter.analysis.report import Report
    from exporter.sources.postgres.server import PostgresServer

SEVERITIES = ("critical", "warning", "info")


def add_options(group: _ArgumentGroup) -> None:
    """`--detailed`, `--table`, `--observe`, `--format` and so on: attributes of the same names."""
    add_analysis(group)
    group.add_argument("--detailed", action="store_true", help="All findings in full, more statements.")
    add_table(group)
    group.add_argument(
        "--observe",
        type=positive,
        metavar="SECONDS",
        help="Watch statements for so long first: N+1 patterns show in that only (60 is a good time).",
    )
    group.add_argument("--no-plans", action="store_true", help="Don't ask for plans.")
    group.add_argument("--format", choices=("text", "json", "html"), default="text", help="Default: text.")
    group.add_argument("--output", type=Path, metavar="FILE", help="Write to this file.")
    group.add_argument(
        "--fail-on", choices=SEVERITIES, help="Exit code 1 if anything so severe, or more, is found."
    )


def run(settings: Settings, options: Options) -> int:
    """Analyses the target's PostgreSQL server; 0, 1 by `--fail-on`, or 2 if it can't be asked.

    Raises:
        SettingsError: there is no such target or table, or it has no PostgreSQL server; `--output` can't be.
    """
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)
    if options.output is not None and not options.output.absolute().parent.is_dir():
        raise SettingsError([f"--output: there is no folder {options.output.absolute().parent}"])

    async def work(server: PostgresServer) -> int:
        report = await _examined(server, options)
        check_found(report, options)
        return _write(report, options) or _verdict(report, options.fail_on)

    return asyncio.run(with_server(settings, options, work))


async def _examined(server: PostgresServer, options: Options) -> Report:
    from exporter.analysis.examine import Scope, examine  # noqa: PLC0415
    from exporter.model.deadline import Deadline  # noqa: PLC0415

    scope = Scope(
        databases=options.database,
        table=options.table,
        plans=not options.no_plans,
        most_tables=MOST_TABLES,
        memory_bytes=memory_bytes(server.address),
    )
    if options.observe:
        scope = await _observed(server, options.observe, scope)
    bar, step = progress()
    with bar:
        return await examine(server, Deadline.after(options.seconds), scope, step)


async def _observed(server: PostgresServer, seconds: float, scope: Scope) -> Scope:
    from dataclasses import replace  # noqa: PLC0415

    from exporter.cli._terminal import wait  # noqa: PLC0415
    from exporter.facts.observe import observe  # noqa: PLC0415
    from exporter.model.errors import Skip  # noqa: PLC0415

    try:
        seen = await observe(server, seconds, lambda pause: wait(pause, f"watching {server.address}"))
    except Skip:
        return scope  # the analysis says why there are no statements
    return replace(scope, history=seen.history, described=seen.statements)


def _write(report: Report, options: Options) -> int:
    """Writes the report where it is wanted; 2 if that can't be."""
    if options.output is None:
        _print(report, options, sys.stdout)
        return 0
    try:
        with options.output.open("w", encoding="utf-8") as file:
            _print(report, options, file)
    except OSError as error:
        print(f"datastack-exporter: {options.output}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return 0


def _print(report: Report, options: Options, file: TextIO) -> None:
    if options.format == "json":
        from exporter.analysis.document import report_document  # noqa: PLC0415

        json.dump(report_document(report, detailed=options.detailed), file, indent=2)
        file.write("\n")
    elif options.format == "html":
        from exporter.cli._report_html import html_report  # noqa: PLC0415

        file.write(html_report(report))
    else:
        from exporter.cli._report_text import write_report  # noqa: PLC0415
        from exporter.cli._terminal import console  # noqa: PLC0415

        terminal = console() if file is sys.stdout else console(file)
        write_report(terminal, report, detailed=options.detailed)


def _verdict(report: Report, fail_on: str | None) -> int:
    worst = report.worst()
    if fail_on is None or worst is None:
        return 0
    return int(SEVERITIES.index(str(worst)) <= SEVERITIES.index(fail_on))
