"""Tables and indexes that are much larger than their rows explain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import MB, percent, size
from exporter.facts.read_bloat import Bloat
from exporter.facts.relations import Relation, Relations
from exporter.sql.identifiers import literal, qualified

LEAST_RATIO = 0.3
"""The estimate is right to some 10 points: less than this may be nothing."""
LEAST_BYTES = 50 * MB
WARN_RATIO = 0.5
WARN_BYTES = 500 * MB


def bloat(relations: Relations, estimates: Iterable[Bloat]) -> Iterator[Finding]:
    """Tables and b-tree indexes with a third of their size and 50 MB to win."""
    tables = {(table.schema, table.name): table for table in relations.tables.values()}
    for estimate in estimates:
        if estimate.ratio < LEAST_RATIO or estimate.wasted_bytes < LEAST_BYTES:
            continue
        if estimate.index:
            yield _index(relations, estimate)
        else:
            yield _table(relations, estimate, tables.get((estimate.schema, estimate.table)))


def _severity(estimate: Bloat) -> Severity:
    much = estimate.ratio >= WARN_RATIO and estimate.wasted_bytes >= WARN_BYTES
    return Severity.WARNING if much else Severity.INFO


def _evidence(estimate: Bloat) -> list[Evidence]:
    return [
        Evidence("size", estimate.bytes, "bytes"),
        Evidence("bloat, estimated", estimate.wasted_bytes, "bytes"),
        Evidence("part that is bloat, estimated", round(estimate.ratio, 2), "ratio"),
    ]


def _title(name: str, estimate: Bloat) -> str:
    return f"{name} has about {size(estimate.wasted_bytes)} of bloat, {percent(estimate.ratio)} of it"


def _table(relations: Relations, estimate: Bloat, table: Relation | None) -> Finding:
    name = qualified(estimate.schema, estimate.table)
    dead = [Evidence("dead rows", table.n_dead_tup, "rows")] if table is not None else []
    kept = max(0, estimate.bytes - estimate.wasted_bytes)
    return Finding(
        kind=Kind.TABLE_BLOAT,
        severity=_severity(estimate),
        confidence=Confidence.MEDIUM,
        title=_title(f"Table {estimate.table}", estimate),
        datname=relations.datname,
        subject=name,
        why=(
            "Its pages hold far fewer rows than would fit: scans read them and shared buffers keep them "
            "all the same. VACUUM makes the room usable again but gives hardly any of it back. Room that "
            "new rows soon take is no loss: look at whether it grows."
        ),
        evidence=[*_evidence(estimate), *dead],
        sql=[
            "-- measure it first (extension pgstattuple; reads the pages that are not all-visible):",
            f"SELECT * FROM pgstattuple_approx({literal(name)});",  # noqa: S608  text for people
            f"-- then, while it is in use: pg_repack --table={name}",
            f"-- or, where it may be locked meanwhile: VACUUM (FULL, ANALYZE) {name};",
        ],
        cost=(
            f"Both write the table anew and need about {size(kept)} of disk and as much WAL meanwhile, "
            "with its indexes. VACUUM FULL locks it exclusively until the end; pg_repack only for moments, "
            "but is an extension of its own."
        ),
        weight=float(estimate.wasted_bytes),
    )


def _index(relations: Relations, estimate: Bloat) -> Finding:
    name = qualified(estimate.schema, estimate.index)
    prefix = "-- on the primary: " if relations.is_standby else ""
    return Finding(
        kind=Kind.INDEX_BLOAT,
        severity=_severity(estimate),
        confidence=Confidence.MEDIUM,
        title=_title(f"Index {estimate.index}", estimate),
        datname=relations.datname,
        subject=name,
        why=(
            "Its pages are far emptier than a new index would have them, so more of them are read and kept "
            "in memory. What deletes and updates have left can be used again only for keys that belong "
            "there."
        ),
        evidence=_evidence(estimate),
        sql=[
            "-- measure it first (extension pgstattuple; reads the index):",
            f"SELECT avg_leaf_density, leaf_fragmentation FROM pgstatindex({literal(name)});",  # noqa: S608
            f"{prefix}REINDEX INDEX CONCURRENTLY {name};",
        ],
        cost=(
            f"Reads the table twice and needs about {size(max(0, estimate.bytes - estimate.wasted_bytes))} "
            "of disk meanwhile. Blocks nobody; waits for the transactions that use the table."
        ),
        weight=float(estimate.wasted_bytes),
    )
