"""Large tables that are read as a whole again and again: where no plan may be asked for, a place to look.

Source: seq_scan and seq_tup_read of
https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.indexes.access import FEWEST_PAGES, FEWEST_ROWS
from exporter.analysis.indexes.catalog import Catalog
from exporter.facts.relations import Relation, Relations
from exporter.sql.identifiers import literal, qualified

_FEWEST_SCANS = 100
"""Backups and reports read tables as a whole as well, but not so often."""
_ROWS_A_SECOND = 10_000.0
_MATTERS = 1_000_000.0
"""Rows a second from which it is a warning: a tenth of a processor, roughly."""
_STATEMENTS = (
    "SELECT calls, total_exec_time, rows, query FROM pg_stat_statements "
    "WHERE query ILIKE {} ORDER BY total_exec_time DESC LIMIT 10;"
)
_WHOLE = 0.5
"""Share of the rows that a scan reads on average; less means a LIMIT that soon has enough."""


def sequential_scans(relations: Relations) -> Iterator[Finding]:
    """Tables that need a look. Never with columns: the statistics do not know which conditions there are."""
    catalog = Catalog.of(relations)
    parts: dict[int, list[Relation]] = defaultdict(list)
    for table in relations.tables.values():
        if table.kind != "p" and not table.of_extension:
            parts[catalog.root_of(table).oid].append(table)
    for oid, members in parts.items():
        root = relations.tables[oid]
        finding = _finding(root, members, relations)
        if finding:
            yield finding


def _finding(root: Relation, members: Sequence[Relation], relations: Relations) -> Finding | None:
    rows = sum(max(part.n_live_tup, part.rows or 0) for part in members)
    pages = sum(part.pages for part in members)
    scans, read = sum(part.seq_scan for part in members), sum(part.seq_tup_read for part in members)
    if (rows < FEWEST_ROWS and pages < FEWEST_PAGES) or scans < _FEWEST_SCANS * len(members):
        return None
    seconds = relations.statistics_seconds
    rate = read / seconds if seconds else None
    if read / scans < _WHOLE * rows / len(members) or (rate is not None and rate < _ROWS_A_SECOND):
        return None
    subject = qualified(root.schema, root.name)
    return Finding(
        kind=Kind.SEQUENTIAL_SCANS,
        rule="sequential_scans",
        severity=Severity.WARNING if rate is not None and rate >= _MATTERS else Severity.INFO,
        confidence=Confidence.LOW,
        title=f"{subject} is read as a whole often",
        datname=relations.datname,
        subject=subject,
        why=(
            f"{scans:,} scans read all of it, {read / scans:,.0f} rows each. Either a query lacks an index, "
            "or it wants most of the rows; the table's statistics can't tell which. Look at its statements."
        ),
        evidence=tuple(_evidence(members, rows, rate)),
        sql=(_STATEMENTS.format(literal(f"%{root.name}%")),),
        weight=rate if rate is not None else float(read),
    )


def _evidence(members: Sequence[Relation], rows: float, rate: float | None) -> Iterator[Evidence]:
    scans = sum(part.seq_scan for part in members)
    indexed = sum(part.idx_scan for part in members)
    yield Evidence("rows of the table", round(rows), "rows")
    yield Evidence("scans of the whole table", scans)
    yield Evidence("scans by an index", indexed)
    yield Evidence(
        "rows read by scans of the whole table", sum(part.seq_tup_read for part in members), "rows"
    )
    if rate is not None:
        yield Evidence("rows read so each second", round(rate, 1), "1/s")
