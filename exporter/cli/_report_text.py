"""A report as people read it in a terminal: the findings first, then the statements and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exporter.analysis.finding import Evidence, Finding, Gap, Severity
from exporter.analysis.report import Report, ServerSummary
from exporter.analysis.wording import duration, number, percent, size
from exporter.cli._terminal import one_line
from exporter.facts.relations import Relation
from exporter.facts.statement import Statement, StatementKey

COLOURS = {Severity.CRITICAL: "bold white on red", Severity.WARNING: "bold yellow", Severity.INFO: "cyan"}
STATEMENTS, TABLES = 10, 10
DETAILED = 50
AFFECTED = 3


def write_report(console: Console, report: Report, *, detailed: bool = False) -> None:
    """All of it; findings that are only worth knowing in a line each, unless it is to be detailed."""
    console.print(*_head(report), "", sep="\n")
    write_findings(console, report, detailed=detailed)
    most = DETAILED if detailed else STATEMENTS
    if report.statements:
        console.print("", _statements(report, most), sep="\n")
    tables = [(name, t) for name, r in report.relations.items() for t in r.tables.values() if t.kind != "p"]
    if tables:
        console.print("", _tables(tables, DETAILED if detailed else TABLES), sep="\n")
    write_gaps(console, report.gaps)


def write_findings(console: Console, report: Report, *, detailed: bool = False) -> None:
    """The findings: those that matter in full."""
    counts = Counter(finding.severity for finding in report.findings)
    console.print(Text(_counted(counts) if report.findings else "Nothing was found.", "bold"))
    by_key = {statement.key: statement for statement in report.statements}
    short = [] if detailed else [f for f in report.findings if f.severity is Severity.INFO]
    for finding in report.findings:
        if detailed or finding.severity is not Severity.INFO:
            console.print("", _finding(finding, by_key, detailed=detailed), sep="\n")
    if short:
        console.print("", Text("Worth knowing (--detailed says more):", "bold"), sep="\n")
        for finding in short:
            console.print(Text("  - ") + Text(one_line(finding.title)) + Text(_where(finding), "dim"))


def write_gaps(console: Console, gaps: Sequence[Gap]) -> None:
    """What was not looked at."""
    if not gaps:
        return
    console.print("", Text("Not looked at:", "bold"), sep="\n")
    for gap in gaps:
        console.print(Text(f"  - {one_line(gap.what)}: {_sentence(gap.why)}"))
        if gap.remedy:
            console.print(Text(f"    {one_line(gap.remedy)}", "green"))


def _head(report: Report) -> Iterator[Text]:
    server = report.server
    role = {True: "standby", False: "primary", None: ""}[server.is_standby]
    parts = [report.target, f"PostgreSQL {server.version}", role]
    if server.started_at is not None:
        parts.append(f"up {duration(max(0.0, report.taken_at - server.started_at))}")
    yield Text(" · ".join(filter(None, parts)), "bold")
    yield Text(" · ".join(_figures(server)))
    when = datetime.fromtimestamp(report.taken_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield Text(f"analyzed {when} in {report.seconds:.1f} s", "dim")


def _figures(server: ServerSummary) -> Iterator[str]:
    if server.connections is not None:
        of = f" of {server.max_connections}" if server.max_connections else ""
        yield f"{server.connections}{of} connections, {server.active} active"
    if server.cache_hit_ratio is not None:
        yield f"cache hit ratio {server.cache_hit_ratio:.1%}"
    if server.transactions_per_second is not None:
        yield f"{server.transactions_per_second:,.1f} transactions/s"
    if server.statements_seconds is not None:
        yield f"statements counted for {duration(server.statements_seconds)}"


def _counted(counts: Counter[Severity]) -> str:
    words = {Severity.CRITICAL: "critical", Severity.WARNING: "to mend", Severity.INFO: "worth knowing"}
    return "Findings: " + ", ".join(f"{counts[s]} {word}" for s, word in words.items() if counts[s])


def _finding(finding: Finding, known: dict[StatementKey, Statement], *, detailed: bool) -> RenderableType:
    label = Text(f" {finding.severity.upper()} ", COLOURS[finding.severity])
    head = label + Text(f" {one_line(finding.title)}", "bold") + Text(_where(finding), "dim")
    body: list[RenderableType] = [Text(_sentence(finding.why))]
    if finding.evidence:
        body.append(Text("; ".join(map(_evidence, finding.evidence)), "dim"))
    shown = finding.statements if detailed else finding.statements[:AFFECTED]
    body += [Text(f"{key.id}  {one_line(known[key].text)}", "blue", no_wrap=True, overflow="ellipsis")
             for key in shown if key in known]  # fmt: skip
    body += [Text(_plain(line), "green") for line in finding.sql]
    if finding.cost and (detailed or finding.sql):
        body.append(Text(f"cost: {_sentence(finding.cost)}", "dim"))
    return Group(head, Padding(Group(*body), (0, 0, 0, 2)))


def _where(finding: Finding) -> str:
    place = f", database {finding.datname}" if finding.datname else ""
    return f"  ({finding.confidence}{one_line(place)})"


def _evidence(evidence: Evidence) -> str:
    return f"{evidence.name}: {value_text(evidence)}"


def value_text(evidence: Evidence) -> str:
    """A figure with its unit, as people write it."""
    value, unit = evidence.value, evidence.unit
    if isinstance(value, str):
        return one_line(value)
    if unit == "bytes":
        return size(value)
    if unit == "seconds":
        return duration(value) if value >= 60 else seconds_text(value)
    if unit == "ratio":
        return percent(value) if 0 <= value <= 1 else f"{value:,.1f}"
    text = number(value) if value == int(value) else f"{value:,.4g}"
    return text if unit in evidence.name.split() else f"{text} {unit}".rstrip()


def seconds_text(seconds: float) -> str:
    """A short time in the unit that fits it: `1.52 ms`."""
    for bound, factor, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if seconds >= bound:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs" if seconds else "0"


def _statements(report: Report, most: int) -> RenderableType:
    table = _columns("share", "calls", "mean", "longest", "rows/call", "id", "statement")
    ordered = sorted(report.statements, key=lambda statement: -statement.counters.exec_ms)
    for one in ordered[:most]:
        counters = one.counters
        share = counters.exec_ms / report.statements_total_ms if report.statements_total_ms else 0.0
        table.add_row(
            f"{share:.1%}",
            number(counters.calls),
            seconds_text(counters.mean_ms / 1000),
            "" if one.max_ms is None else seconds_text(one.max_ms / 1000),
            f"{counters.rows / counters.calls:,.4g}" if counters.calls else "",
            one.key.id,
            one_line(one.text),
        )
    return Group(Text("Statements by time", "bold"), table, *_more(len(ordered), most))


def _tables(tables: Sequence[tuple[str, Relation]], most: int) -> RenderableType:
    shown = _columns("size", "indexes", "rows", "dead", "seq scans", "index scans", "table")
    ordered = sorted(tables, key=lambda one: -(one[1].bytes + one[1].index_bytes))
    for datname, table in ordered[:most]:
        shown.add_row(
            size(table.bytes),
            size(table.index_bytes),
            number(table.n_live_tup),
            number(table.n_dead_tup),
            number(table.seq_scan),
            number(table.idx_scan),
            one_line(f"{datname}: {table.schema}.{table.name}"),
        )
    return Group(Text("Largest tables", "bold"), shown, *_more(len(ordered), most))


def _columns(*names: str) -> Table:
    """Numbers to the right; the last column is the one that is cut."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for name in names[:-1]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(names[-1], no_wrap=True, overflow="ellipsis", ratio=1)
    return table


def _more(count: int, most: int) -> Iterable[str]:
    if count > most:
        yield f"... and {count - most:,} more"


def _sentence(text: str) -> str:
    """With one full stop at its end."""
    text = one_line(text)
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def _plain(lines: str) -> str:
    return "\n".join(one_line(line) if line.strip() == line else line for line in lines.splitlines())
