"""What stands against dropping an index. Every way to a DROP leads through here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from exporter.facts.relations import ForeignKey, Index, Relation, Relations


class Guards:
    """Answers about the indexes of one database.

    Args:
        relations: as they were read.
    """

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self._indexes: Mapping[int, Index] = relations.indexes

    @cached_property
    def of_table(self) -> Mapping[int, Sequence[Index]]:
        """The indexes by their table."""
        found: defaultdict[int, list[Index]] = defaultdict(list)
        for index in self._indexes.values():
            found[index.table].append(index)
        return found

    @cached_property
    def _parts(self) -> Mapping[int, Sequence[Index]]:
        found: defaultdict[int, list[Index]] = defaultdict(list)
        for index in self._indexes.values():
            if index.parent is not None:
                found[index.parent].append(index)
        return found

    @cached_property
    def _keys(self) -> Mapping[int, Sequence[ForeignKey]]:
        found: defaultdict[int, list[ForeignKey]] = defaultdict(list)
        for key in self.relations.foreign_keys:
            found[key.table].append(key)
        return found

    def tree(self, index: Index) -> Iterator[Index]:
        """The index and all parts below it."""
        yield index
        for part in self._parts.get(index.oid, ()):
            yield from self.tree(part)

    def above(self, table: Relation) -> Iterator[Relation]:
        """The table and the partitioned tables that it is a part of."""
        seen: Relation | None = table
        while seen is not None:
            yield seen
            seen = self.relations.tables.get(seen.parent) if seen.parent is not None else None

    def is_free(self, index: Index) -> bool:
        """Whether nothing but queries can need the index: no rule of the data, no other object.

        A part of a partitioned index can't be dropped by itself. An index of a table that an extension made
        is the extension's. One that is being built has not had its chance.
        """
        table = self.relations.tables.get(index.table)
        if table is None or table.of_extension or table.incomplete:
            return False
        if table.parent is not None and table.parent not in self.relations.tables:
            return False
        if index.parent is not None:
            return False
        return not any(self.is_bound(part) for part in self.tree(index))

    @staticmethod
    def is_bound(index: Index) -> bool:
        """Whether something stands on this index by itself."""
        return (
            index.primary
            or index.constraint
            or index.exclusion
            or index.referenced
            or index.replica_identity
            or index.clustered
            or index.building
        )

    def backs_foreign_key(self, index: Index) -> ForeignKey | None:
        """A foreign key of its table, or of one above it, that it is used for when referenced rows go.

        Its first columns are the key's. An index that has only some of them counts where none has all.
        """
        for key in self.foreign_keys_above(index.table):
            if not index.keys or index.keys[0] not in key.columns or not sees_all_rows(index, key):
                continue
            if finds(index, key) or not any(
                finds(other, key) for other in self.of_table[index.table] if other.oid != index.oid
            ):
                return key
        return None

    def foreign_keys_above(self, table: int) -> Iterator[ForeignKey]:
        """The foreign keys of a table, also those that it has from a partitioned table above it."""
        if table in self.relations.tables:
            for owner in self.above(self.relations.tables[table]):
                yield from self._keys.get(owner.oid, ())

    def scans(self, index: Index) -> int:
        """Of the index and all its parts."""
        return sum(part.scans for part in self.tree(index))

    def last_scan(self, index: Index) -> float | None:
        """The last of the index and all its parts."""
        return max((part.last_scan for part in self.tree(index) if part.last_scan), default=None)

    def bytes(self, index: Index) -> int:
        """Of the index and all its parts."""
        return sum(part.bytes for part in self.tree(index))

    def writes(self, index: Index) -> int:
        """Rows inserted and updated in its table and below since the statistics began, HOT updates aside."""
        tables = [self.relations.tables.get(part.table) for part in self.tree(index)]
        return sum(t.n_tup_ins + max(0, t.n_tup_upd - t.n_tup_hot_upd) for t in tables if t is not None)

    def is_partitioned(self, index: Index) -> bool:
        """Whether its table is: it has no file of its own, and CONCURRENTLY does not work on it."""
        table = self.relations.tables.get(index.table)
        return table is not None and table.kind == "p"


def finds(index: Index, key: ForeignKey) -> bool:
    """Whether a search for the columns of a foreign key can go straight through this index."""
    count = len(key.columns)
    leading = index.keys[:count]
    return (
        index.valid
        and len(leading) == count
        and set(leading) == set(key.columns)
        and sees_all_rows(index, key)
    )


def sees_all_rows(index: Index, key: ForeignKey) -> bool:
    """Whether all rows that refer to something are in it: NULL refers to nothing."""
    return index.predicate is None or index.only_not_null in key.columns
