"""Indexes beside one that does the same and more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.hygiene import statements
from exporter.analysis.hygiene.covering import same, stands_in
from exporter.analysis.hygiene.guards import Guards
from exporter.analysis.wording import MB, size
from exporter.facts.relations import Index
from exporter.sql.identifiers import qualified

WARN_BYTES = 10 * MB
MUCH_LARGER = 4
"""How many times larger the index that stays may be, where the other is used: each scan reads more then."""


class Duplicate(NamedTuple):
    """An index that may go, and the one that stays for it."""

    goes: Index
    stays: Index


def duplicates(guards: Guards, unused: Iterable[Index] = ()) -> list[Duplicate]:
    """Which indexes may go because another one stays, the largest first.

    Args:
        guards: of the database.
        unused: indexes that go for another reason: they stay for nobody.
    """
    gone = {part.oid for index in unused for part in guards.tree(index)}
    found: list[Index] = []
    for indexes in guards.of_table.values():
        for index in sorted(indexes, key=_first_to_go):
            if index.oid not in gone and _may_go(guards, index) and _standing_in(guards, index, gone):
                # With a partitioned index all its parts go.
                gone |= {part.oid for part in guards.tree(index)}
                found.append(index)
    return _pairs(guards, found, gone)


def _pairs(guards: Guards, going: Iterable[Index], gone: Collection[int]) -> list[Duplicate]:
    """Each one that goes with one that really stays: what it was measured by may have gone after it."""
    found = [
        Duplicate(index, min(staying, key=lambda other: (guards.bytes(other), other.oid)))
        for index in going
        if (staying := _standing_in(guards, index, gone))
    ]
    return sorted(found, key=lambda pair: (-guards.bytes(pair.goes), pair.goes.oid))


def _standing_in(guards: Guards, index: Index, gone: Collection[int]) -> list[Index]:
    """The indexes that can take its place, of those that stay."""
    others = (other for other in guards.of_table[index.table] if other.oid not in gone)
    return [other for other in others if not other.building and _replaces(guards, other, index)]


def _may_go(guards: Guards, index: Index) -> bool:
    return index.valid and guards.is_free(index)


def _first_to_go(index: Index) -> tuple[bool, int, int, int]:
    """What is not unique goes before what is, the narrow before the wide, the new before the old."""
    return (index.unique, len(index.keys), len(index.include), -index.oid)


def _replaces(guards: Guards, kept: Index, index: Index) -> bool:
    if not stands_in(kept, index):
        return False
    table = guards.relations.tables[index.table]
    if table.kind == "p" and not all(_part_stays(guards, kept, part) for part in guards.tree(index)):
        return False
    if same(kept, index) or not guards.scans(index):
        return True
    return guards.bytes(kept) <= MUCH_LARGER * guards.bytes(index)


def _part_stays(guards: Guards, kept: Index, part: Index) -> bool:
    """Whether the partition of `part` has a valid part of `kept`."""
    return any(other.table == part.table and other.valid for other in guards.tree(kept))


def findings(guards: Guards, pairs: list[Duplicate], definitions: Mapping[int, str]) -> Iterator[Finding]:
    """What is said of these pairs."""
    for pair in pairs:
        yield _finding(guards, pair, definitions)


def _finding(guards: Guards, pair: Duplicate, definitions: Mapping[int, str]) -> Finding:
    index, kept = pair
    table, bytes_ = guards.relations.tables[index.table], guards.bytes(index)
    equal = same(kept, index) or len(kept.keys) == len(index.keys)
    rule, other = "same" if equal else "prefix", qualified(kept.schema, kept.name)
    return Finding(
        kind=Kind.DUPLICATE_INDEX,
        rule=rule,
        severity=Severity.WARNING if equal and bytes_ >= WARN_BYTES else Severity.INFO,
        confidence=Confidence.PROVEN if equal else Confidence.HIGH,
        title=f"Index {index.name} of {size(bytes_)} does nothing that {kept.name} does not do",
        datname=guards.relations.datname,
        subject=qualified(index.schema, index.name),
        why=(
            f"{_how(index, kept)} Queries find their rows through {other} as well, "
            f"while each INSERT into {qualified(table.schema, table.name)} pays for both."
        ),
        evidence=[
            Evidence("stays", other),
            Evidence("size", bytes_, "bytes"),
            Evidence("size of the one that stays", guards.bytes(kept), "bytes"),
            Evidence("scans since the statistics began", guards.scans(index)),
            Evidence("scans of the one that stays", guards.scans(kept)),
        ],
        sql=statements.drop(guards, index, definitions, ()),
        cost=statements.drop_cost(guards, index),
        weight=float(bytes_),
    )


def _how(index: Index, kept: Index) -> str:
    if len(kept.keys) > len(index.keys):
        return f"Its columns are the first {'ones' if len(index.keys) > 1 else 'one'} of {kept.name}."
    if len(kept.include) > len(index.include):
        return f"{kept.name} has the same columns, and more in INCLUDE."
    if kept.unique and not index.unique:
        return f"{kept.name} has the same columns and is unique."
    return f"Both have the same columns, operator classes, collations and order as {kept.name}."
