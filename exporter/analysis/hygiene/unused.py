"""Indexes that no query has used for a month or longer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.hygiene import statements
from exporter.analysis.hygiene.guards import Guards
from exporter.analysis.wording import DAY, MB, duration, number, size
from exporter.facts.relations import Index
from exporter.sql.identifiers import qualified

LEAST_DAYS = 30.0
"""How long statistics must count, and an index exist: what runs once a month shall have had its turn."""
LAST_SCAN_DAYS = 95.0
"""How long ago the last scan must be, where the server tells: a quarter, and a few days."""
LEAST_BYTES = MB
LARGE_BYTES = 100 * MB


def unused(guards: Guards, least_days: float = LEAST_DAYS) -> list[Index]:
    """The indexes that nothing needs and nobody has scanned, the largest first."""
    relations = guards.relations
    age = relations.statistics_seconds
    if age is None or age < least_days * DAY or not _counts_scans(guards):
        return []
    found = [index for index in relations.indexes.values() if _is_unused(guards, index, least_days)]
    return sorted(found, key=lambda index: (-guards.bytes(index), index.oid))


def _counts_scans(guards: Guards) -> bool:
    """Whether anything was counted at all: with track_counts off everything looks unused."""
    tables = guards.relations.tables.values()
    return any(table.idx_scan for table in tables) or any(table.seq_tup_read for table in tables)


def _is_unused(guards: Guards, index: Index, least_days: float) -> bool:
    if not index.valid or index.unique or guards.bytes(index) < LEAST_BYTES or not guards.is_free(index):
        return False
    if any(_is_young(part, least_days) for part in guards.tree(index)):
        return False
    if any(guards.backs_foreign_key(part) for part in guards.tree(index)):
        return False
    if not guards.scans(index):
        return True
    last = guards.last_scan(index)
    rest = max(LAST_SCAN_DAYS, least_days) * DAY
    return last is not None and guards.relations.taken_at - last > rest


def _is_young(index: Index, least_days: float) -> bool:
    return index.age_seconds is not None and index.age_seconds < least_days * DAY


def findings(guards: Guards, indexes: list[Index], definitions: Mapping[int, str]) -> Iterator[Finding]:
    """What is said of these indexes."""
    for index in indexes:
        yield _finding(guards, index, definitions)


def _finding(guards: Guards, index: Index, definitions: Mapping[int, str]) -> Finding:
    relations, bytes_ = guards.relations, guards.bytes(index)
    table = relations.tables[index.table]
    scans = guards.scans(index)
    elsewhere = bool(relations.standbys) or relations.is_standby
    age = relations.statistics_seconds or 0.0
    since = duration(relations.taken_at - (guards.last_scan(index) or 0.0) if scans else age)
    return Finding(
        kind=Kind.UNUSED_INDEX,
        severity=Severity.WARNING if bytes_ >= LARGE_BYTES and not elsewhere else Severity.INFO,
        confidence=_confidence(guards, index),
        title=f"Index {index.name} of {size(bytes_)} was not used for {since}",
        datname=relations.datname,
        subject=qualified(index.schema, index.name),
        why=(
            f"No query has scanned it{' since the statistics began' if not scans else ' for that long'}, but "
            f"every INSERT and most UPDATEs of {qualified(table.schema, table.name)} write to it, VACUUM "
            "reads it, and it takes room in memory. It is not unique, no constraint owns it, no foreign key "
            "or replica identity rests on it."
        ),
        evidence=_evidence(guards, index),
        sql=statements.drop(guards, index, definitions, _notes(index, least_known=index.age_seconds is None)),
        cost=statements.drop_cost(guards, index),
        weight=float(bytes_),
    )


def _confidence(guards: Guards, index: Index) -> Confidence:
    """Scans of standbys are counted there; what is on an expression serves the planner's estimates too."""
    if guards.relations.standbys or guards.relations.is_standby:
        return Confidence.LOW
    if index.expressions is not None or index.age_seconds is None or guards.scans(index):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _notes(index: Index, *, least_known: bool) -> list[str]:
    notes = []
    if least_known:
        notes.append("The server does not tell when an index was made: be sure that this one is not new.")
    if index.expressions is not None:
        notes.append(
            "ANALYZE keeps statistics of its expression, which plans may use though they don't scan it."
        )
    return notes


def _evidence(guards: Guards, index: Index) -> list[Evidence]:
    relations, age = guards.relations, guards.relations.statistics_seconds or 0.0
    found = [
        Evidence("scans since the statistics began", guards.scans(index)),
        Evidence("size", guards.bytes(index), "bytes"),
        Evidence("statistics count for", round(age), "seconds"),
        Evidence("rows written to it", round(guards.writes(index) / age, 3) if age else 0.0, "1/s"),
    ]
    if last := guards.last_scan(index):
        found.append(Evidence("last scan ago", round(relations.taken_at - last), "seconds"))
    if index.age_seconds is not None:
        found.append(Evidence("age of the index, estimated", round(index.age_seconds), "seconds"))
    if relations.standbys:
        found.append(Evidence("standbys, which count by themselves", relations.standbys))
    if parts := sum(1 for _ in guards.tree(index)) - 1:
        found.append(Evidence("partitions", number(parts)))
    return found
