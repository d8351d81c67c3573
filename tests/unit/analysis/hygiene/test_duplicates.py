"""Duplicate indexes: which of two goes, and that something always stays in its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.analysis.finding import Confidence, Kind
from exporter.analysis.hygiene import dropped_by, index_hygiene
from exporter.facts.relations import Index, Relation, Relations
from tests.unit.analysis.hygiene.shapes import MB, ORDERS, index, key, relations, table, used


def gone(*indexes: Index, **more: Any) -> dict[int, str]:
    """The oids of those that go, with the name of the one that stays."""
    of = relations(*map(used, indexes), **more)
    oids = {f"public.{i.name}": i.oid for i in indexes}
    return {
        oids[finding.subject]: str(finding.evidence[0].value).removeprefix("public.index_")
        for finding in index_hygiene(of)
        if finding.kind is Kind.DUPLICATE_INDEX
    }


SAME = {
    "the newer of two": (index(5, "a"), index(6, "a")),
    "the first columns": (index(6, "a"), index(5, "a", "b")),
    "beside a unique one": (index(6, "a"), index(5, "a", unique=True)),
    "beside the primary key": (index(6, "a"), index(5, "a", unique=True, primary=True, constraint=True)),
    "unique beside the primary key": (
        index(6, "a", unique=True),
        index(5, "a", unique=True, primary=True, constraint=True),
    ),
    "less in INCLUDE": (index(6, "a", include=("x",)), index(5, "a", include=("y", "x"))),
    "INCLUDE of what is a key there": (index(6, "a", include=("b",)), index(5, "a", "b")),
    "DESC": (index(6, "a", options=(3,)), index(5, "a")),
    "both reversed": (index(6, "a", "b", options=(3, 0)), index(5, "a", "b", options=(0, 3))),
    "the same condition": (index(6, "a", predicate="p"), index(5, "a", predicate="p")),
    "the same expression": (index(6, None, expressions="(e)"), index(5, None, expressions="(e)")),
    "hash": (index(6, "a", method="hash"), index(5, "a", method="hash")),
    "a clustered one stays": (index(6, "a"), index(5, "a", clustered=True)),
    "replica identity stays": (
        index(6, "a", unique=True),
        index(5, "a", unique=True, replica_identity=True),
    ),
    "what a foreign key leans on stays": (
        index(6, "a", unique=True),
        index(5, "a", unique=True, referenced=True),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_it_goes(name: str) -> None:
    one, other = SAME[name]
    going, staying = (one, other) if name != "the newer of two" else (other, one)

    assert gone(one, other) == gone(other, one) == {going.oid: str(staying.oid)}


DIFFERENT = {
    "operator class": (index(6, "a", opclasses=(1,)), index(5, "a", opclasses=(2,))),
    "collation": (index(6, "a", collations=(100,)), index(5, "a", collations=(950,))),
    "order of one column": (index(6, "a", "b", options=(0, 3)), index(5, "a", "b")),
    "NULLS FIRST": (index(6, "a", options=(2,)), index(5, "a")),
    "order of columns": (index(6, "b", "a"), index(5, "a", "b")),
    "second column": (index(6, "b"), index(5, "a", "b")),
    "condition": (index(6, "a", predicate="p"), index(5, "a")),
    "conditions": (index(6, "a", predicate="p"), index(5, "a", predicate="q")),
    "method": (index(6, "a", method="hash"), index(5, "a")),
    "expression": (index(6, None, expressions="(e)"), index(5, None, expressions="(f)")),
    "expression and column": (index(6, None, expressions="(e)"), index(5, "a", None, expressions="(e)")),
    "first of two expressions": (
        index(6, None, expressions="(e)"),
        index(5, None, None, expressions="(e f)"),
    ),
    "gin of more": (index(6, "a", method="gist"), index(5, "a", "b", method="gist")),
    "brin of other ranges": (
        index(6, "a", method="brin", parameters="{pages_per_range=4}"),
        index(5, "a", method="brin"),
    ),
    "INCLUDE": (index(6, "a", include=("x",)), index(5, "a", include=("y",))),
    "unique beside a wider unique": (index(6, "a", unique=True), index(5, "a", "b", unique=True)),
    "nulls": (index(6, "a", unique=True), index(5, "a", unique=True, nulls_not_distinct=True)),
    "unique beside a deferrable one": (
        index(6, "a", unique=True),
        index(5, "a", unique=True, constraint=True, immediate=False),
    ),
    "two constraints": (
        index(6, "a", unique=True, constraint=True),
        index(5, "a", unique=True, primary=True, constraint=True),
    ),
    "the other is invalid": (index(6, "a"), index(5, "a", valid=False, clustered=True)),
    "the other is being built": (index(6, "a"), index(5, "a", valid=False, building=True)),
    "a part of a partitioned one": (index(6, "a", parent=70), index(5, "a", parent=71)),
    "tables": (index(6, "a"), index(5, "a", table=2)),
    "the one that stays is much larger": (index(6, "a"), index(5, "a", "b", bytes=200 * MB)),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_it_is_another_one(name: str) -> None:
    one, other = DIFFERENT[name]

    assert gone(one, other) == gone(other, one) == {}


def test_of_three_that_are_the_same_one_stays() -> None:
    assert gone(index(5, "a"), index(6, "a"), index(7, "a", options=(3,))) == {6: "5", 7: "5"}


def test_what_stays_for_another_is_one_that_really_stays() -> None:
    assert gone(index(5, "a"), index(6, "a", "b"), index(7, "a", "b", "c")) == {5: "7", 6: "7"}


def test_an_unused_index_stays_for_nobody() -> None:
    """Both pieces of advice followed together must not take the last index from a query."""
    one, unused = used(index(5, "a")), index(6, "a", "b")

    assert dropped_by(relations(one, unused)) == [6]
    assert dropped_by(relations(one, used(unused))) == [5]


def test_the_parts_of_a_partitioned_index_that_goes_stay_for_nobody() -> None:
    tables = (table(ORDERS, "orders", kind="p"), table(5, "orders_5", parent=ORDERS))
    top, part = index(20, "a", "b", bytes=0), index(21, "a", "b", table=5, parent=20)
    own = used(index(22, "a", table=5))

    assert dropped_by(relations(top, part, own, tables=tables)) == [20]
    assert dropped_by(relations(used(top), used(part), own, tables=tables)) == [22]


def test_a_partitioned_index_goes_if_each_partition_keeps_the_other() -> None:
    tables = (table(ORDERS, "orders", kind="p"), table(5, "orders_5", parent=ORDERS))
    one, other = used(index(20, "a")), used(index(30, "a", "b"))
    parts = [used(index(21, "a", table=5, parent=20)), used(index(31, "a", "b", table=5, parent=30))]

    assert dropped_by(relations(one, other, *parts, tables=tables)) == [20]
    missing = relations(one, other, parts[0], tables=tables)
    assert dropped_by(missing) == []


COLUMNS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)


@st.composite
def any_index(draw: st.DrawFn, oid: int) -> Index:
    keys, flags = draw(COLUMNS), st.sampled_from([False, False, False, True])
    unique, count = draw(flags), len(keys)
    return index(
        oid,
        *keys,
        include=tuple(draw(st.lists(st.sampled_from("xy"), unique=True, max_size=2))),
        options=tuple(draw(st.lists(st.sampled_from([0, 0, 3]), min_size=count, max_size=count))),
        predicate=draw(st.sampled_from([None, None, "p"])),
        unique=unique,
        constraint=unique and draw(flags),
        immediate=not unique or draw(st.sampled_from([True, True, False])),
        replica_identity=unique and draw(flags),
        clustered=draw(flags),
        valid=not draw(flags),
        bytes=draw(st.sampled_from([MB // 2, 20 * MB, 60 * MB])),
        scans=draw(st.sampled_from([0, 0, 50])),
        table=draw(st.sampled_from([ORDERS, 5])),
    )


@st.composite
def any_database(draw: st.DrawFn) -> Relations:
    indexes = [draw(any_index(oid)) for oid in range(10, 10 + draw(st.integers(1, 7)))]
    keys = [key(*draw(COLUMNS)) for _ in range(draw(st.integers(0, 2)))]
    tables: tuple[Relation, ...] = (table(ORDERS, "orders"), table(5, "items"))
    return relations(*indexes, keys=tuple(keys), tables=tables)


def _orders(of: Index) -> list[tuple[object, ...]]:
    """What a scan of it gives: each beginning of its keys, forwards and backwards."""
    pairs = list(zip(of.keys, of.options, strict=True))
    back = [(column, option ^ 3) for column, option in pairs]
    return [tuple(way[:n]) for way in (pairs, back) for n in range(1, len(pairs) + 1)]


@given(any_database())
def test_whatever_is_dropped_all_rules_hold_and_all_used_ways_stay(of: Relations) -> None:
    """Told without looking at how the advice comes about: what the indexes gave before, they give after."""
    dropped = set(dropped_by(of))
    left = [i for i in of.indexes.values() if i.oid not in dropped and i.valid]
    for oid in dropped:
        lost = of.indexes[oid]
        assert not any((lost.primary, lost.constraint, lost.replica_identity, lost.clustered))
        here = [i for i in left if i.table == lost.table and i.predicate == lost.predicate]
        if lost.valid and lost.unique:
            rules = [i for i in here if i.unique and set(i.keys) == set(lost.keys)]
            assert any(i.immediate or not lost.immediate for i in rules)
        if lost.valid and lost.scans:
            own = tuple(zip(lost.keys, lost.options, strict=True))
            columns = {*lost.keys, *lost.include}
            assert any(own in _orders(i) and columns <= {*i.keys, *i.include} for i in here)
    for foreign in of.foreign_keys:
        before = [i for i in of.indexes.values() if i.table == foreign.table and i.valid and not i.predicate]
        if any(set(i.keys[: len(foreign.columns)]) == set(foreign.columns) for i in before):
            after = [i for i in before if i.oid not in dropped]
            assert any(set(i.keys[: len(foreign.columns)]) == set(foreign.columns) for i in after)


def test_equal_ones_are_proven() -> None:
    of = relations(used(index(5, "a")), used(index(6, "a")), used(index(7, "b")), used(index(8, "b", "c")))
    found = {f.subject: (f.rule, f.confidence) for f in index_hygiene(of)}

    assert found == {
        "public.index_6": ("same", Confidence.PROVEN),
        "public.index_7": ("prefix", Confidence.HIGH),
    }
