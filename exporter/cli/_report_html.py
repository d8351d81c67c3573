"""A report as one HTML file: no script, nothing from elsewhere, everything escaped."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exporter import __version__
from exporter.analysis.finding import Severity
from exporter.analysis.report import Report
from exporter.analysis.wording import brief, duration, figure, number, percent, size
from exporter.cli._report_text import WORDS, value_text
from exporter.cli._terminal import kept_line

TEMPLATE = "_report.html.j2"
STATEMENTS, TABLES = 50, 50


def _printable(value: object) -> object:
    """What is put in: nothing that turns the direction of what follows, or that a terminal obeys."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(map(kept_line, value.split("\n")))


def html_report(report: Report) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": size,
        "duration": duration,
        "number": number,
        "percent": percent,
        "brief": brief,
        "evidence": value_text,
        "figure": figure,
        "when": lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    tables = [(name, t) for name, r in report.relations.items() for t in r.tables.values() if t.kind != "p"]
    return environment.get_template(TEMPLATE).render(
        report=report,
        version=__version__,
        counts=Counter(finding.severity for finding in report.findings),
        severities=list(Severity),
        words=WORDS,
        matters=[finding for finding in report.findings if finding.severity is not Severity.INFO],
        others=[finding for finding in report.findings if finding.severity is Severity.INFO],
        known={statement.key: statement for statement in report.statements},
        statements=sorted(report.statements, key=lambda one: -one.counters.exec_ms)[:STATEMENTS],
        tables=sorted(tables, key=lambda one: -(one[1].bytes + one[1].index_bytes))[:TABLES],
    )
