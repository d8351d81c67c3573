"""A report as people read it in a terminal: the findings first, then the statements and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exporter.analysis.finding import Evidence, Finding, Gap, Kind, Severity
from exporter.analysis.report import Report, ServerSummary
from exporter.analysis.wording import brief, counted, duration, figure, number, percent, size
from exporter.cli._terminal import kept_line, one_line
from exporter.facts.statement import Statement, StatementKey

COLOURS = {Severity.CRITICAL: "bold white on red", Severity.WARNING: "bold yellow", Severity.INFO: "cyan"}
WORDS = {Severity.CRITICAL: "critical", Severity.WARNING: "to mend", Severity.INFO: "worth knowing"}
STATEMENTS, TABLES = 10, 10
DETAILED = 50
IN_FULL, IN_A_LINE = 20, 40
"""Findings that are shown so, unless all is to be detailed."""
AFFECTED = 3
NARROW = 100
"""Columns of a terminal below which tables have no room for everything."""
OF_STATEMENTS = frozenset({Kind.ANTI_PATTERN, Kind.SLOW_STATEMENT, Kind.N_PLUS_ONE})
"""What is said of one statement: its id tells which."""

Known = Mapping[StatementKey, Statement]


class Column(NamedTuple):
    """A column of numbers, which goes where there is no room if it is not `needed`."""

    name: str
    needed: bool = True


def write_report(console: Console, report: Report, *, detailed: bool = False) -> None:
    """All of it; findings that are only worth knowing in a line each, unless it is to be detailed."""
    console.print(*_head(report, console.width), "", sep="\n")
    write_findings(console, report, detailed=detailed)
    if report.statements:
        console.print("", _statements(report, DETAILED if detailed else STATEMENTS, console.width), sep="\n")
    if any(table.kind != "p" for known in report.relations.values() for table in known.tables.values()):
        console.print("", _tables(report, DETAILED if detailed else TABLES, console.width), sep="\n")
    write_gaps(console, report.gaps)


def write_findings(console: Console, report: Report, *, detailed: bool = False) -> None:
    """The findings: those that matter in full, and how much was not looked at."""
    console.print(Text(_counted(report), "bold"))
    known = {statement.key: statement for statement in report.statements}
    full = [f for f in report.findings if detailed or f.severity is not Severity.INFO]
    full = full if detailed else full[:IN_FULL]
    for finding in full:
        console.print()
        _write_finding(console, finding, known, detailed=detailed)
    short = report.findings[len(full) :]
    if short:
        console.print("", Text("In a line each (--detailed says more):", "bold"), sep="\n")
    for finding in short[:IN_A_LINE]:
        ids = f"  {finding.statements[0].id}" if finding.kind in OF_STATEMENTS and finding.statements else ""
        title = Text(one_line(finding.title)) + Text(ids, "blue") + Text(_where(finding), "dim")
        _write_item(console, title)
    if len(short) > IN_A_LINE:
        console.print(f"  ... and {len(short) - IN_A_LINE:,} more")


def write_gaps(console: Console, gaps: Sequence[Gap]) -> None:
    """What was not looked at."""
    if not gaps:
        return
    console.print("", Text("Not looked at:", "bold"), sep="\n")
    for gap in gaps:
        _write_item(console, Text(f"{one_line(gap.what)}: {_sentence(gap.why)}"))
        if gap.remedy:
            console.print(Text(f"    {one_line(gap.remedy)}", "green"), soft_wrap=True)


def _write_item(console: Console, text: Text) -> None:
    for place, line in enumerate(text.wrap(console, max(console.width - 4, 20))):
        console.print(Text("    " if place else "  - ") + line)


def _head(report: Report, width: int) -> Iterator[Text]:
    server = report.server
    role = {True: "standby", False: "primary", None: ""}[server.is_standby]
    parts = [report.target, f"PostgreSQL {server.version}", role]
    if server.started_at is not None:
        parts.append(f"up {duration(max(0.0, report.taken_at - server.started_at))}")
    yield from (Text(line, "bold") for line in _lines(filter(None, parts), width))
    yield from map(Text, _lines(_figures(server), width))
    when = datetime.fromtimestamp(report.taken_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield Text(f"analyzed {when} in {report.seconds:.1f} s", "dim")


def _lines(parts: Iterable[str], width: int) -> Iterator[str]:
    """The parts in as few lines as hold them."""
    line = ""
    for part in map(one_line, parts):
        longer = f"{line} · {part}" if line else part
        if line and len(longer) > width:
            yield line
            longer = part
        line = longer
    if line:
        yield line


def _figures(server: ServerSummary) -> Iterator[str]:
    if server.connections is not None:
        of = f" of {server.max_connections}" if server.max_connections else ""
        yield f"{server.connections}{of} connections, {server.active} active"
    if server.cache_hit_ratio is not None:
        yield f"cache hit ratio {server.cache_hit_ratio:.1%}"
    if server.transactions_per_second is not None:
        yield f"{figure(server.transactions_per_second)} transactions/s"
    if server.statements_seconds is not None:
        yield f"statements counted for {duration(server.statements_seconds)}"


def _counted(report: Report) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    found = ", ".join(f"{counts[s]:,} {word}" for s, word in WORDS.items() if counts[s])
    said = f"Findings: {found}" if found else "Nothing was found"
    gaps = len(report.gaps)
    return f"{said}; {counted(gaps, 'thing')} not looked at, see the end" if gaps else f"{said}."


def _write_finding(console: Console, finding: Finding, known: Known, *, detailed: bool) -> None:
    label = Text(f" {finding.severity.upper()} ", COLOURS[finding.severity])
    console.print(label + Text(f" {one_line(finding.title)}", "bold") + Text(_where(finding), "dim"))
    body: list[RenderableType] = [Text(_sentence(finding.why))]
    if finding.evidence:
        body.append(Text("; ".join(map(_evidence, finding.evidence)), "dim"))
    affected = [key for key in finding.statements if key in known]
    shown = affected if detailed else affected[:AFFECTED]
    for key in shown:
        text = f"{key.id}  {one_line(known[key].text)}"
        body.append(Text(text, "blue", no_wrap=True, overflow="ellipsis"))
    if len(affected) > len(shown):
        body.append(Text(f"... and {counted(len(affected) - len(shown), 'statement')} more", "blue"))
    console.print(_indented(*body))
    # Never wrapped, so that it can be copied.
    for line in (line for statement in finding.sql for line in statement.split("\n")):
        console.print(Text(f"    {kept_line(line)}", "green"), soft_wrap=True)
    if finding.cost and (detailed or finding.sql):
        console.print(_indented(Text(f"Cost: {_sentence(finding.cost)}", "dim")))


def _indented(*body: RenderableType) -> Padding:
    return Padding(Group(*body), (0, 0, 0, 2))


def _where(finding: Finding) -> str:
    place = f", database {finding.datname}" if finding.datname else ""
    return f"  ({finding.confidence}{one_line(place)})"


def _evidence(evidence: Evidence) -> str:
    return f"{one_line(evidence.name)}: {value_text(evidence)}"


def value_text(evidence: Evidence) -> str:
    """A figure with its unit, as people write it."""
    value, unit = evidence.value, evidence.unit
    if isinstance(value, str):
        return one_line(value)
    if unit == "bytes":
        return size(value)
    if unit == "seconds":
        return duration(value) if value >= 60 else brief(value)
    if unit == "ratio":
        return percent(value) if 0 <= value <= 1 else f"{value:,.1f}"
    if unit == "1/s":
        return f"{figure(value)}{'' if 'second' in evidence.name else '/s'}"
    return figure(value) if unit in evidence.name.split() else f"{figure(value)} {unit}".rstrip()


def _statements(report: Report, most: int, width: int) -> RenderableType:
    names = Column("share"), Column("calls"), Column("mean"), Column("longest", False)
    table = _Cells((*names, Column("rows/call", False), Column("id")), "statement", width)
    ordered = sorted(report.statements, key=lambda statement: -statement.counters.exec_ms)
    for one in ordered[:most]:
        counters = one.counters
        table.add(
            f"{counters.exec_ms / report.statements_total_ms if report.statements_total_ms else 0.0:.1%}",
            number(counters.calls),
            brief(counters.mean_ms / 1000),
            "" if one.max_ms is None else brief(one.max_ms / 1000),
            figure(counters.rows / counters.calls) if counters.calls else "",
            one.key.id,
            one_line(one.text),
        )
    return Group(Text("Statements by time", "bold"), table.shown, *_more(len(ordered), most))


def _tables(report: Report, most: int, width: int) -> RenderableType:
    tables = [(name, t) for name, r in report.relations.items() for t in r.tables.values() if t.kind != "p"]
    names = Column("size"), Column("indexes"), Column("rows"), Column("dead")
    cells = _Cells((*names, Column("seq scans"), Column("index scans", False)), "table", width)
    ordered = sorted(tables, key=lambda one: -(one[1].bytes + one[1].index_bytes))
    for datname, table in ordered[:most]:
        cells.add(
            size(table.bytes),
            size(table.index_bytes),
            number(table.n_live_tup),
            number(table.n_dead_tup),
            number(table.seq_scan),
            number(table.idx_scan),
            one_line(f"{datname}: {table.schema}.{table.name}"),
        )
    return Group(Text("Largest tables", "bold"), cells.shown, *_more(len(ordered), most))


class _Cells:
    """Numbers to the right, as many as there is room for; the last column is the one that is cut."""

    def __init__(self, columns: Sequence[Column], last: str, width: int) -> None:
        self._kept = [place for place, one in enumerate(columns) if one.needed or width >= NARROW]
        self.shown = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        for place in self._kept:
            self.shown.add_column(columns[place].name, justify="right", no_wrap=True)
        self.shown.add_column(last, no_wrap=True, overflow="ellipsis", ratio=1)

    def add(self, *cells: str) -> None:
        """A row: all columns, those that are not shown too."""
        self.shown.add_row(*(cells[place] for place in self._kept), cells[-1])


def _more(count: int, most: int) -> Iterable[str]:
    if count > most:
        yield f"... and {count - most:,} more"


def _sentence(text: str) -> str:
    """With one full stop at its end."""
    text = one_line(text)
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."
