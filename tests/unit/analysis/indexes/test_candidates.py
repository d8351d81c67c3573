"""Which indexes are tried for a plan."""

from __future__ import annotations

import pytest

from exporter.analysis.indexes.candidates import proposals
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.looked import proposed
from exporter.facts.relations import Index, Relations
from tests.unit.analysis.indexes.making import (
    Node,
    access,
    column,
    index,
    node,
    relations,
    scan,
    seen,
    statement,
    table,
)

COLUMNS = (
    column("a", 10), column("b", 5000), column("c", 100), column("at", -0.5, "timestamp with time zone"),
    column("name", -1, "character varying(80)"), column("note", -1, "text"), column("done", 2, "boolean"),
    column("gone", 0, "date", null_frac=0.99), column("claimed", 0, "date", null_frac=0.01),
)  # fmt: skip
KNOWN = relations([table(1, "orders", *COLUMNS), table(2, "items", column("order_id"), column("x"))])


def bodies(root: Node, known: Relations = KNOWN) -> list[str]:
    return [" + ".join(candidate.body for candidate in each) for each in proposals(access(root, known))]


def test_columns_with_more_values_come_first() -> None:
    found = bodies(scan(condition="((orders.a = $1) AND (orders.b = $2) AND (orders.c = $3))"))

    assert {"(a)", "(b)", "(c)", "(b, c)", "(c, a)", "(b, c, a)", "(b, a)"} == set(found)


def test_a_range_stands_behind_equality() -> None:
    found = bodies(scan(condition="((orders.at >= $1) AND (orders.at < $2) AND (orders.a = $3))"))

    assert set(found) == {"(a)", "(at)", "(a, at)"}


def test_an_order_stands_behind_equality_and_alone() -> None:
    root = node(
        "Limit", node("Sort", scan(condition="(orders.a = $1)"), Sort_Key=["orders.at DESC", "orders.b"])
    )

    assert set(bodies(root)) == {"(a)", "(a, at, b DESC)", "(a, at)", "(at, b DESC)", "(at)"}


def test_an_order_is_turned_round_as_indexes_are_read_from_both_ends() -> None:
    def first(*keys: str) -> str:
        return bodies(node("Limit", node("Sort", scan(), Sort_Key=list(keys))))[0]

    assert first("orders.at DESC", "orders.b DESC") == "(at, b)"
    assert first("orders.at", "orders.b DESC") == "(at, b DESC)"
    assert first("orders.at DESC NULLS LAST") == "(at NULLS FIRST)"


def test_an_order_of_all_rows_is_sorted_not_read_from_all_over_the_table() -> None:
    every = node("Sort", scan(condition="(orders.a = $1)"), Sort_Key=["orders.at"])

    assert set(bodies(every)) == {"(a)", "(a, at)"}
    assert bodies(node("Sort", scan(), Sort_Key=["orders.at"])) == []


def test_what_equality_fixes_is_no_part_of_the_order() -> None:
    root = node("Sort", scan(condition="(orders.a = $1)"), Sort_Key=["orders.a", "orders.at"])

    assert "(a, at)" in bodies(root)
    assert "(a, a, at)" not in bodies(root)


def test_a_function_is_an_expression_and_its_column_none() -> None:
    assert bodies(scan(condition="(lower((orders.name)::text) = $1)")) == ["((lower((name)::text)))"]


def test_a_cast_that_changes_nothing_is_seen_through() -> None:
    assert bodies(scan(condition="((orders.name)::text = $1)")) == ["(name)"]
    assert bodies(scan(condition="((orders.a)::numeric = $1)")) == ["((a::numeric))"]


def test_both_sides_of_a_join_are_tried() -> None:
    join = node("Hash Join", scan("orders"), scan("items"), Hash_Cond="(orders.a = items.order_id)")

    assert [p[0].body for p in proposals(access(join, KNOWN, 0))] == ["(a)"]
    assert [p[0].body for p in proposals(access(join, KNOWN, 1))] == ["(order_id)"]


def test_conditions_and_a_join_make_both_orders() -> None:
    right = scan("items", "(items.x = $1)")
    join = node("Hash Join", scan("orders"), right, Hash_Cond="(orders.a = items.order_id)")

    assert {"(x, order_id)", "(order_id, x)"} <= {p[0].body for p in proposals(access(join, KNOWN, 1))}


def test_rare_rows_make_partial_indexes_and_common_ones_do_not() -> None:
    rare = bodies(scan(condition="((orders.claimed IS NULL) AND (orders.b = $1))"))
    common = bodies(scan(condition="((orders.gone IS NULL) AND (orders.b = $1))"))

    assert "(b) WHERE claimed IS NULL" in rare
    assert not [body for body in common if "WHERE" in body]


def test_a_flag_is_a_predicate_where_few_rows_have_it() -> None:
    assert bodies(scan(condition="(NOT orders.done)", rows=500)) == ["(done) WHERE NOT done"]
    assert bodies(scan(condition="(NOT orders.done)", rows=50_000)) == []


def test_a_partial_index_without_other_keys_has_the_primary_key() -> None:
    known = relations([table(1, "orders", *COLUMNS)], index("orders_pkey", "b", primary=True, unique=True))

    assert bodies(scan(condition="(NOT orders.done)", rows=500), known) == ["(b) WHERE NOT done"]


def test_a_partial_index_has_the_key_that_is_asked_for() -> None:
    known = relations([table(1, "orders", *COLUMNS)], index("orders_pkey", "b", primary=True, unique=True))

    partial = [
        b
        for b in bodies(scan(condition="((NOT orders.done) AND (orders.at < $1))", rows=500), known)
        if "WHERE" in b
    ]

    assert partial == ["(at) WHERE NOT done"]


@pytest.mark.parametrize(
    ("indexes", "wanted"),
    [
        ([], True),
        ([index("orders_b", "b")], True),
        ([index("orders_a", "a")], False),
        ([index("orders_a_b", "a", "b")], False),
    ],
)
def test_a_cast_of_a_column_that_has_an_index_wants_none(indexes: list[Index], wanted: bool) -> None:
    """The value has the wrong type: an anti-pattern says so."""
    known = relations([table(1, "orders", *COLUMNS)], *indexes)
    looked_at = seen(scan(condition="((orders.a)::numeric = $1)"), known)

    assert [p[0].body for _, every in proposed(looked_at, Catalog.of(known)) for p in every] == (
        ["((a::numeric))"] if wanted else []
    )


@pytest.mark.parametrize(
    ("blocks", "root", "wanted"),
    [
        (2000, scan(condition="(orders.a = $1)"), True),
        (1100, scan(condition="(orders.a = $1)"), True),
        (900, scan(condition="(orders.a = $1)"), False),
        (0, scan(condition="(orders.a = $1)"), True),
        (900, node("Limit", scan(condition="(orders.a = $1)")), True),
        (900, node("Nested Loop", scan(condition="(orders.a = $1)"), scan("items")), True),
    ],
    ids=["as a scan does", "most of it", "less", "not known", "a LIMIT ends it", "a join may not come to it"],
)
def test_what_is_read_in_another_way_than_the_plan_says_wants_nothing(
    blocks: int, root: Node, wanted: bool
) -> None:
    """The table has 2,000 pages."""
    asked = statement(shared_blks_hit=blocks * 50.0, shared_blks_read=blocks * 50.0)

    assert bool(proposed(seen(root, KNOWN, asked), Catalog.of(KNOWN))) is wanted


def test_both_sides_of_an_or_are_tried_together() -> None:
    assert bodies(scan(condition="((orders.a = $1) OR (orders.b = $2))")) == ["(a) + (b)"]


def test_partitions_are_one_table() -> None:
    whole = table(1, "events", column("uid"), kind="p", rows=0.0, pages=0)
    parts = [table(oid, f"events_{oid}", column("uid"), parent=1) for oid in (2, 3)]
    append = node("Append", *[
        scan(f"events_{oid}", f"(e_{oid}.uid = $1)", Alias=f"e_{oid}") for oid in (2, 3)
    ])  # fmt: skip

    found = access(append, relations([whole, *parts]))

    assert (found.table.name, found.rows, found.cost) == ("events", 200_000, 6000)
    assert [p[0].definition(found.table) for p in proposals(found)] == ["CREATE INDEX ON shop.events (uid)"]


def offered(root: Node, known: Relations, text: str = "SELECT") -> list[str]:
    every = proposed(seen(root, known, statement(text)), Catalog.of(known))
    return [p[0].body for _, found in every for p in found]


def test_nothing_is_tried_for_small_tables_and_cheap_plans() -> None:
    small = relations([table(1, "orders", column("a"), rows=9_999.0, pages=999)])
    wide = relations([table(1, "orders", column("a"), rows=2_000.0, pages=1_000)])
    root = scan(condition="(orders.a = $1)")

    assert offered(root, small) == []
    assert offered(root, wide) == ["(a)"]
    assert offered(scan(condition="(orders.a = $1)", cost=99), wide) == []


def test_what_exists_is_not_tried() -> None:
    known = relations([table(1, "orders", *COLUMNS)], index("i", "b", "c"))

    found = offered(scan(condition="((orders.a = $1) AND (orders.b = $2) AND (orders.c = $3))"), known)

    assert "(b)" not in found
    assert "(b, c)" not in found
    assert {"(a)", "(c)", "(b, c, a)"} <= set(found)


def test_an_index_that_is_being_built_is_not_tried() -> None:
    root = scan(condition="(orders.a = $1)")
    building = relations([table(1, "orders", *COLUMNS)], index("i", "a", valid=False, building=True))
    failed = relations([table(1, "orders", *COLUMNS)], index("i", "a", valid=False))

    assert offered(root, building) == []
    assert offered(root, failed) == ["(a)"]


def test_a_literal_of_the_statement_is_never_put_into_an_index() -> None:
    root = scan(condition="((orders.note || 'Secret'::text) = $1)")

    assert offered(root, KNOWN, "SELECT * FROM view") == ["((note || 'Secret'::text))"]
    assert offered(root, KNOWN, "SELECT * FROM orders WHERE note || 'Secret' = $1") == []
