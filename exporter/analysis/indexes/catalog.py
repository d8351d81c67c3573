"""The relations of a database in the form in which they are looked up again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.facts.relations import Index, Relation, Relations


@dataclass(frozen=True, slots=True)
class Catalog:
    """Tables by their names, and indexes by their tables.

    Attributes:
        relations: all of it.
        by_name: tables by schema and name.
        indexes: by the oid of their table.
    """

    relations: Relations
    by_name: Mapping[tuple[str, str], Relation]
    indexes: Mapping[int, Sequence[Index]]

    @classmethod
    def of(cls, relations: Relations) -> Catalog:
        """That of the relations."""
        indexes: dict[int, list[Index]] = defaultdict(list)
        for index in relations.indexes.values():
            indexes[index.table].append(index)
        by_name = {(table.schema, table.name): table for table in relations.tables.values()}
        return cls(relations, by_name, dict(indexes))

    def root_of(self, table: Relation) -> Relation:
        """The topmost partitioned table that it is a part of; itself if it is none."""
        while table.parent is not None and (above := self.relations.tables.get(table.parent)):
            table = above
        return table
