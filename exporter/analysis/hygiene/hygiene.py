"""All that is said of the indexes of a database, decided together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exporter.analysis.finding import Finding
from exporter.analysis.hygiene import duplicates, unused
from exporter.analysis.hygiene.foreign_keys import unindexed_foreign_keys
from exporter.analysis.hygiene.guards import Guards
from exporter.analysis.hygiene.invalid import droppable, invalid_indexes
from exporter.facts.relations import Relations


def dropped_by(relations: Relations, *, least_days: float = unused.LEAST_DAYS) -> list[int]:
    """The oids of all indexes that `index_hygiene` suggests to drop: those whose definition it can use.

    See `exporter.facts.read_indexes.read_definitions`.
    """
    guards = Guards(relations)
    never = unused.unused(guards, least_days)
    pairs = duplicates.duplicates(guards, never)
    going = [*never, *(pair.goes for pair in pairs), *droppable(guards)]
    return [index.oid for index in going]


def index_hygiene(
    relations: Relations,
    definitions: Mapping[int, str] | None = None,
    *,
    least_days: float = unused.LEAST_DAYS,
) -> Iterator[Finding]:
    """Unused, duplicate and invalid indexes, and foreign keys without one.

    An index that goes because nobody uses it stays for no other one: a used index that it could stand in for
    is no duplicate of it.

    Args:
        relations: of one database.
        definitions: CREATE INDEX of the indexes that may go, by oid, to undo it.
        least_days: how long statistics must count before an index is said to be unused.
    """
    guards, known = Guards(relations), definitions or {}
    never = unused.unused(guards, least_days)
    yield from unused.findings(guards, never, known)
    pairs = duplicates.duplicates(guards, never)
    yield from duplicates.findings(guards, pairs, known)
    yield from invalid_indexes(relations, known)
    yield from unindexed_foreign_keys(relations)
