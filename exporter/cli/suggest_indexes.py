"""Says which indexes are missing, and which ones only cost: with SQL, evidence and confidence."""

from __future__ import annotations

import asyncio
import json
from argparse import _ArgumentGroup
from typing import TYPE_CHECKING

from exporter.cli._analysis import (
    MOST_TABLES,
    add_analysis,
    add_table,
    check_found,
    memory_bytes,
    progress,
    with_server,
)
from exporter.cli._options import Options
from exporter.settings import Settings

if TYPE_CHECKING:
    from exporter.analysis.report import Report
    from exporter.sources.postgres.server import PostgresServer


OF_INDEXES = ("index", "statements", "everything", "tables")
"""Words by which what was not looked at matters here."""


def add_options(group: _ArgumentGroup) -> None:
    """`--table`, `--format` and the common ones: attributes of the same names."""
    add_analysis(group)
    add_table(group)
    group.add_argument(
        "--format",
        choices=("text", "sql", "json"),
        default="text",
        help="sql: to be reviewed. Default: text.",
    )


def run(settings: Settings, options: Options) -> int:
    """Analyses the indexes of the target's PostgreSQL server; 0, or 2 if it can't be asked.

    Raises:
        SettingsError: there is no such target, or it has no PostgreSQL server.
    """
    from exporter.log import configure_logging  # noqa: PLC0415

    configure_logging("error", settings.log.format)

    async def work(server: PostgresServer) -> int:
        report = await _examined(server, options)
        check_found(report, options)
        _write(_about_indexes(report), options.format)
        return 0

    return asyncio.run(with_server(settings, options, work))


async def _examined(server: PostgresServer, options: Options) -> Report:
    from exporter.analysis.examine import Scope, examine  # noqa: PLC0415
    from exporter.model.deadline import Deadline  # noqa: PLC0415

    scope = Scope(
        databases=options.database,
        table=options.table,
        most_tables=MOST_TABLES,
        memory_bytes=memory_bytes(server.address),
    )
    bar, step = progress()
    with bar:
        return await examine(server, Deadline.after(options.seconds), scope, step)


def _about_indexes(report: Report) -> Report:
    """The report with what is about indexes only."""
    from dataclasses import replace  # noqa: PLC0415

    from exporter.analysis.finding import INDEXES  # noqa: PLC0415

    findings = [finding for finding in report.findings if finding.kind in INDEXES]
    gaps = [gap for gap in report.gaps if any(word in gap.what for word in OF_INDEXES)]
    return replace(report, findings=findings, gaps=gaps)


def _write(report: Report, how: str) -> None:
    if how == "json":
        from exporter.analysis.document import finding_document, gap_document  # noqa: PLC0415

        findings = [finding_document(finding) for finding in report.findings]
        gaps = [gap_document(gap) for gap in report.gaps]
        print(json.dumps({"target": report.target, "findings": findings, "gaps": gaps}, indent=2))
        return
    if how == "sql":
        print("\n".join(_script(report)))
        return
    from exporter.cli._report_text import write_findings, write_gaps  # noqa: PLC0415
    from exporter.cli._terminal import console  # noqa: PLC0415

    write_findings(console(), report, detailed=True)
    write_gaps(console(), report.gaps)


def _script(report: Report) -> list[str]:
    """The statements of all findings, each below a comment that says why; nothing in it drops unread."""
    from exporter.cli._terminal import one_line  # noqa: PLC0415

    lines = ["-- To be reviewed, and run one by one: CONCURRENTLY can't be in a transaction."]
    for finding in report.findings:
        where = f"{finding.confidence}, database {one_line(finding.datname)}"
        lines += ["", f"-- {one_line(finding.title)} ({where})", *finding.sql]
    for gap in report.gaps:
        lines += ["", f"-- Not looked at: {one_line(gap.what)}: {one_line(gap.why)}"]
    return lines if report.findings else [*lines[:1], "-- Nothing was found.", *lines[1:]]
