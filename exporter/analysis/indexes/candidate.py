"""An index that might help: its keys, and the statements that create it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2s
from typing import NamedTuple

from exporter.facts.relations import Relation, Relations
from exporter.sql.identifiers import identifier, qualified
from exporter.sql.literals import without_literals

LONGEST_NAME = 63
"""Bytes of an identifier, NAMEDATALEN less one; the server cuts off the rest without an error."""

MOST_PARTITIONS = 24
"""For which the statements are written out."""


class Key(NamedTuple):
    """One key of an index.

    Attributes:
        column: its column; None for an expression.
        expression: as it stands between the brackets; empty for a column.
        descending: whether DESC.
        nulls_first: whether NULL comes first.
        opclass: the operator class where it is not the default one.
    """

    column: str | None
    expression: str = ""
    descending: bool = False
    nulls_first: bool = False
    opclass: str = ""

    @property
    def sql(self) -> str:
        """As CREATE INDEX has it."""
        what = identifier(self.column) if self.column else f"({self.expression})"
        order = " DESC" if self.descending else ""
        nulls = (
            "" if self.nulls_first == self.descending else f" NULLS {'FIRST' if self.nulls_first else 'LAST'}"
        )
        return f"{what}{' ' if self.opclass else ''}{self.opclass}{order}{nulls}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An index that does not exist.

    Attributes:
        table: its oid; the partitioned table where it is one.
        keys: in their order.
        equal: how many of the first keys are asked by equality: their order among each other is free.
        predicate: of a partial index; empty for one of all rows.
        include: further columns, to be read from the index alone.
        method: `btree` or `gin`.
    """

    table: int
    keys: tuple[Key, ...]
    equal: int = 0
    predicate: str = ""
    include: tuple[str, ...] = ()
    method: str = "btree"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns among its keys."""
        return tuple(key.column for key in self.keys if key.column)

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions among its keys."""
        return tuple(key.expression for key in self.keys if key.expression)

    @property
    def body(self) -> str:
        """What stands after the table's name: `(customer_id, created_at DESC) INCLUDE (total)`."""
        keys = ", ".join(key.sql for key in self.keys)
        using = "" if self.method == "btree" else f"USING {self.method} "
        include = f" INCLUDE ({', '.join(identifier(c) for c in self.include)})" if self.include else ""
        return f"{using}({keys}){include}{f' WHERE {self.predicate}' if self.predicate else ''}"

    @property
    def shown(self) -> str:
        """The same for people: literals are `?`, because those of a view or a function may be anything."""
        return without_literals(self.body)

    def definition(self, table: Relation) -> str:
        """CREATE INDEX without name, as HypoPG takes it."""
        return f"CREATE INDEX ON {qualified(table.schema, table.name)} {self.body}"


def name_of(candidate: Candidate, table: Relation, taken: frozenset[str]) -> str:
    """A name as people give them, `orders_customer_id_created_at_idx`: short enough, and free."""
    whole = "_".join([table.name, *_words(candidate)])
    digest = blake2s(candidate.body.encode(), digest_size=4).hexdigest()
    for ending in ("_idx", f"_{digest}_idx"):
        name = _cut(whole, LONGEST_NAME - len(ending)) + ending
        if name not in taken and (len(whole.encode()) + len(ending) <= LONGEST_NAME or digest in ending):
            return name
    return next(
        n for i in range(1, len(taken) + 2) if (n := f"{_cut(whole, 40)}_{digest}_{i}_idx") not in taken
    )


def _words(candidate: Candidate) -> Iterator[str]:
    for key in candidate.keys:
        yield key.column or _word(without_literals(key.expression))
        if key.descending:
            yield "desc"
    yield from candidate.include
    if candidate.method != "btree":
        yield candidate.method
    if candidate.predicate:
        yield "where_" + "_".join(re.findall(r"\w+", without_literals(candidate.predicate).lower()))


def _word(expression: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in expression.partition("(")[0]).strip("_") or "expr"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def taken_names(relations: Relations, schema: str) -> frozenset[str]:
    """The names of relations that are known in a schema: an index shares them with tables."""
    tables = {table.name for table in relations.tables.values() if table.schema == schema}
    return frozenset(tables | {index.name for index in relations.indexes.values() if index.schema == schema})


def create_statements(candidate: Candidate, table: Relation, relations: Relations) -> Iterator[str]:
    """What creates it without stopping writes.

    A partitioned table has no CREATE INDEX CONCURRENTLY: its own index is created for itself alone, which
    takes no time, then each partition's, and each is attached; with the last it becomes valid.
    Source: https://www.postgresql.org/docs/current/ddl-partitioning.html
    """
    name = name_of(candidate, table, taken_names(relations, table.schema))
    on = qualified(table.schema, table.name)
    if relations.is_standby:
        yield "-- On the primary:"
    if table.kind != "p":
        yield f"CREATE INDEX CONCURRENTLY {identifier(name)} ON {on} {candidate.body};"
        return
    yield f"CREATE INDEX {identifier(name)} ON ONLY {on} {candidate.body};"
    yield from _of_partitions(candidate, table, qualified(table.schema, name), relations)


def _of_partitions(candidate: Candidate, table: Relation, parent: str, relations: Relations) -> Iterator[str]:
    parts = sorted(
        (t for t in relations.tables.values() if t.parent == table.oid), key=lambda part: part.name
    )
    for part in parts[:MOST_PARTITIONS]:
        name = name_of(candidate, part, taken_names(relations, part.schema))
        on, index = qualified(part.schema, part.name), qualified(part.schema, name)
        if part.kind == "p":
            yield f"CREATE INDEX {identifier(name)} ON ONLY {on} {candidate.body};"
            yield from _of_partitions(candidate, part, index, relations)
        else:
            yield f"CREATE INDEX CONCURRENTLY {identifier(name)} ON {on} {candidate.body};"
        yield f"ALTER INDEX {parent} ATTACH PARTITION {index};"
    if len(parts) > MOST_PARTITIONS or table.incomplete:
        yield f"-- and the same for all other partitions of {qualified(table.schema, table.name)}"
