"""Foreign keys whose own table has no index to find the rows that refer to something."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.hygiene import statements
from exporter.analysis.hygiene.guards import Guards, finds
from exporter.analysis.wording import KB, number, size
from exporter.facts.relations import ForeignKey, Relation, Relations
from exporter.sql.identifiers import qualified

LEAST_ROWS = 10_000
LEAST_BYTES = 1000 * 8 * KB
"""From where on reading the whole table for each referenced row that goes is felt."""
DELETES_PER_DAY = 10
METHODS = ("btree", "hash")


def unindexed_foreign_keys(relations: Relations) -> Iterator[Finding]:
    """Foreign keys that no index starts with, in any order of their columns.

    A warning where the table is large and referenced rows are deleted; else only worth knowing.
    """
    guards = Guards(relations)
    for key in relations.foreign_keys:
        table = relations.tables.get(key.table)
        if table is None or table.of_extension or table.incomplete or has_index(guards, table, key):
            continue
        yield _finding(guards, table, key)


def has_index(guards: Guards, table: Relation, key: ForeignKey) -> bool:
    """Whether the table has such an index, or all its partitions have one."""
    own = (index for index in guards.of_table.get(table.oid, ()) if index.method in METHODS)
    if any(finds(index, key) for index in own):
        return True
    if table.kind != "p":
        return False
    parts = [part for part in guards.relations.tables.values() if part.parent == table.oid]
    return bool(parts) and all(has_index(guards, part, key) for part in parts)


def _finding(guards: Guards, table: Relation, key: ForeignKey) -> Finding:
    relations = guards.relations
    parent = relations.tables.get(key.referenced)
    below = list(_below(guards, table))
    rows = sum(max(part.rows or 0.0, part.n_live_tup) for part in below)
    bytes_ = sum(part.bytes - part.toast_bytes for part in below)
    deletes = sum(part.n_tup_del for part in _below(guards, parent)) if parent else 0
    days = (relations.statistics_seconds or 0.0) / 86400
    large = rows >= LEAST_ROWS and bytes_ >= LEAST_BYTES
    felt = large and deletes >= DELETES_PER_DAY * min(max(days, 1.0), 30.0)
    name, referenced = qualified(table.schema, table.name), _name(parent)
    return Finding(
        kind=Kind.UNINDEXED_FOREIGN_KEY,
        severity=Severity.WARNING if felt else Severity.INFO,
        confidence=Confidence.HIGH if felt else Confidence.MEDIUM if large else Confidence.LOW,
        title=f"Foreign key {key.name} of {table.name} has no index",
        datname=relations.datname,
        subject=name,
        why=_why(name, referenced, key, rows),
        evidence=[
            Evidence("columns", ", ".join(key.columns)),
            Evidence("rows", round(rows), "rows"),
            Evidence("size", bytes_, "bytes"),
            Evidence(f"rows deleted from {referenced}", deletes, "rows"),
            *([Evidence("statistics count for", round(days * 86400), "seconds")] if days else []),
        ],
        sql=statements.create_for_key(guards, table, key),
        cost=(
            f"Building it reads {size(bytes_)}; it will take some {size(rows * 20)}, and each INSERT "
            f"into {name} writes to it. CONCURRENTLY blocks nobody."
        ),
        weight=float(deletes * rows) if felt else rows,
        index_columns=key.columns,
    )


def _why(name: str, referenced: str, key: ForeignKey, rows: float) -> str:
    deed = {"c": "to delete them too", "n": "to set them to NULL", "d": "to set their default"}
    purpose = deed.get(key.on_delete, "to see that none refers to it")
    return (
        f"For each row that is deleted from {referenced}, or whose key changes, all {number(rows)} rows of "
        f"{name} are read {purpose}, in the same transaction. Joins of the two tables lack the index as well."
    )


def _below(guards: Guards, table: Relation) -> Iterator[Relation]:
    yield table
    for part in guards.relations.tables.values():
        if part.parent == table.oid:
            yield from _below(guards, part)


def _name(table: Relation | None) -> str:
    return qualified(table.schema, table.name) if table else "the referenced table"
