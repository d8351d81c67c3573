"""Indexes that a failed CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY has left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.hygiene.guards import Guards
from exporter.analysis.hygiene.statements import fits_comment
from exporter.analysis.wording import size
from exporter.facts.relations import Index, Relations
from exporter.sql.identifiers import qualified

REBUILT = re.compile(r"_cc(new|old)\d*$", re.ASCII)


def droppable(guards: Guards) -> list[Index]:
    """The invalid indexes that can simply go."""
    return [index for index in _invalid(guards) if not guards.is_bound(index) and index.parent is None]


def invalid_indexes(relations: Relations, definitions: Mapping[int, str] | None = None) -> Iterator[Finding]:
    """Indexes that no query uses because they never were finished; those that are being built are left out.

    A partitioned index is not valid until all partitions have theirs: nothing failed there.
    """
    guards = Guards(relations)
    for index in _invalid(guards):
        yield _finding(guards, index, definitions or {})


def _invalid(guards: Guards) -> list[Index]:
    tables = guards.relations.tables
    found = [
        index
        for index in guards.relations.indexes.values()
        if not index.valid
        and not index.building
        and index.table in tables
        and tables[index.table].kind != "p"
        and not tables[index.table].of_extension
    ]
    return sorted(found, key=lambda index: (-index.bytes, index.oid))


def _finding(guards: Guards, index: Index, definitions: Mapping[int, str]) -> Finding:
    relations, table = guards.relations, guards.relations.tables[index.table]
    cause, then = _cause(index)
    return Finding(
        kind=Kind.INVALID_INDEX,
        severity=Severity.WARNING,
        confidence=Confidence.PROVEN,
        title=f"Index {index.name} is invalid: {cause}",
        datname=relations.datname,
        subject=qualified(index.schema, index.name),
        why=(
            f"No query can use it, while writes to {qualified(table.schema, table.name)} may still keep it "
            f"up to date, and a unique one may still refuse rows. {then}"
        ),
        evidence=[
            Evidence("valid", "no"),
            Evidence("being built", "no"),
            Evidence("size", index.bytes, "bytes"),
        ],
        sql=_sql(guards, index, definitions),
        cost=(
            "DROP waits for the transactions that use the table; REINDEX reads the table and needs "
            f"{size(max(index.bytes, 8192))} or more while it runs. Neither blocks queries or writes."
        ),
        weight=float(index.bytes),
    )


def _cause(index: Index) -> tuple[str, str]:
    rebuilt = REBUILT.search(index.name)
    if rebuilt is None:
        return "CREATE INDEX CONCURRENTLY failed", "Build it anew, or drop it if it is not wanted any more."
    if rebuilt[1] == "new":
        return "REINDEX CONCURRENTLY failed", "The index that was to be rebuilt is still there and in use."
    return "REINDEX CONCURRENTLY could not drop it", "Its successor is there under the old name."


def _sql(guards: Guards, index: Index, definitions: Mapping[int, str]) -> list[str]:
    name = qualified(index.schema, index.name)
    first = ["-- on the primary:"] if guards.relations.is_standby else []
    rebuild = f"REINDEX INDEX CONCURRENTLY {name};"
    if guards.is_bound(index) or index.parent is not None:
        return [*first, rebuild]
    drop = f"DROP INDEX CONCURRENTLY {name};"
    if REBUILT.search(index.name):
        return [*first, drop]
    definition = definitions.get(index.oid, "")
    undo = [f"-- it was to be: {definition};"] if fits_comment(definition) else []
    if index.unique:
        first.append("-- it is unique, and fails again while rows are equal: look for them first")
    return [*first, rebuild, f"-- or, if it is not wanted any more: {drop}", *undo]
