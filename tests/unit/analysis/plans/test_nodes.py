"""Plans of EXPLAIN (VERBOSE, FORMAT JSON), shortened, and what is read out of them."""

from __future__ import annotations

from typing import Any

from exporter.analysis.plans.fetched import fetched
from exporter.analysis.plans.nodes import Ordering, SortKey, indexes_used, plan_of

Node = dict[str, Any]


def scan(table: str, rows: float = 10, cost: float = 100, **more: Any) -> Node:
    return {
        "Node Type": "Seq Scan",
        "Schema": "shop",
        "Relation Name": table,
        "Alias": table,
        "Plan Rows": rows,
        "Total Cost": cost,
        **{name.replace("_", " "): value for name, value in more.items()},
    }


def node(kind: str, *below: Node, rows: float = 10, cost: float = 200, **more: Any) -> Node:
    named = {name.replace("_", " "): value for name, value in more.items()}
    return {"Node Type": kind, "Plan Rows": rows, "Total Cost": cost, **named, "Plans": list(below)}


def test_a_scan_with_its_conditions() -> None:
    plan = plan_of(scan("orders", rows=3, cost=9.5, Filter="((orders.a = $1) AND (orders.b > 2))"))

    (found,) = plan.scans
    assert (found.schema, found.relation, found.type, found.rows, found.cost) == (
        "shop", "orders", "Seq Scan", 3, 9.5,
    )  # fmt: skip
    assert [term.column for term in found.filters.terms] == ["a", "b"]
    assert plan.whole
    assert not plan.limited


def test_a_bitmap_scan_has_the_names_of_its_indexes_and_what_they_answer() -> None:
    below = node("BitmapOr", {"Node Type": "Bitmap Index Scan", "Index Name": "i"},
                 {"Node Type": "Bitmap Index Scan", "Index Name": "j"})  # fmt: skip
    heap = {**scan("orders"), "Node Type": "Bitmap Heap Scan", "Recheck Cond": "(orders.a = $1)",
            "Filter": "(orders.b = $2)", "Plans": [below]}  # fmt: skip

    (found,) = plan_of(heap).scans

    assert found.index == "i, j"
    assert [term.column for term in found.indexed.terms] == ["a"]
    assert [term.column for term in found.filters.terms] == ["b"]
    assert indexes_used(heap) == {"i", "j"}


def test_an_order_knows_how_many_rows_are_wanted_also_through_gather_merge() -> None:
    keys = ["orders.at DESC", 'orders."Id" NULLS FIRST']
    plan = plan_of(node("Limit", node("Gather Merge", node("Sort", scan("orders"), Sort_Key=keys)), rows=20))

    wanted = (SortKey("orders", "at", True, True), SortKey("orders", "Id", False, True))
    assert plan.orderings == (Ordering(wanted, 20),)
    assert plan.limited


def test_a_limit_does_not_reach_below_a_join_or_an_aggregate() -> None:
    for kind in ("Merge Join", "Aggregate"):
        plan = plan_of(node("Limit", node(kind, node("Sort", scan("orders"), Sort_Key=["orders.at"]))))
        assert plan.orderings[0].limit is None


def test_orders_that_no_index_has_are_left_out() -> None:
    for key in (["lower(o.a)"], ["o.a", "p.b"], ['o.a COLLATE "C"'], ["(count(*))"], ["o.a USING ~<~"]):
        assert plan_of(node("Sort", scan("o"), Sort_Key=key)).orderings == ()


def test_min_and_max_want_one_row_in_an_order() -> None:
    alone = plan_of(node("Aggregate", scan("sessions"), Output=["max(started_at)"]))
    joined = plan_of(node("Aggregate", node("Hash Join", scan("a"), scan("b")), Output=["min(a.x)"]))
    both = plan_of(node("Aggregate", scan("a"), Output=["min(x)", "max(x)", "max(y)"]))
    other = plan_of(node("Aggregate", scan("a"), Output=["min(x)", "sum(x)"]))

    assert alone.orderings == (Ordering((SortKey("sessions", "started_at"),), 1),)
    assert joined.orderings == (Ordering((SortKey("a", "x"),), 1),)
    assert both.orderings == (Ordering((SortKey("a", "x"),), 1), Ordering((SortKey("a", "y"),), 1))
    assert other.orderings == ()
    assert not alone.whole


def test_groups_are_an_order_too() -> None:
    grouped = plan_of(node("Limit", node("Aggregate", scan("a"), Output=["x", "max(y)"], Group_Key=["a.x"])))

    assert grouped.orderings == (Ordering((SortKey("a", "x"),), None),)


def test_a_join_is_seen_from_both_sides_with_the_rows_of_the_other() -> None:
    left, right = scan("orders", rows=1000, cost=70), node("Hash", scan("customers", rows=5, cost=30), rows=5)
    plan = plan_of(node("Hash Join", left, right, cost=110, Hash_Cond="(orders.customer_id = customers.id)"))

    seen = {join.term.alias: (join.term.column, join.rows, join.cost) for join in plan.joins}
    assert seen == {"orders": ("customer_id", 5, 110), "customers": ("id", 1000, 110)}


def test_a_join_of_partitions_names_the_whole() -> None:
    parts = node("Append", scan("e1", Alias="e_1"), scan("e2", Alias="e_2"))
    plan = plan_of(node("Hash Join", parts, scan("c", rows=7), Hash_Cond="(e.uid = c.id)"))

    assert {join.term.alias: join.rows for join in plan.joins} == {"e": 7, "c": 10}


def test_what_a_plan_fetches_is_what_stands_above_a_scan() -> None:
    whole_row = scan("o", Output=["o.id", "o.a", "o.b", "o.c"], Filter="(o.a = $1)")
    joined = node("Hash Join", whole_row, scan("p"), Output=["p.x", "o.b"], Hash_Cond="(o.id = p.id)")

    assert fetched(joined, "o") == frozenset({"a", "b", "id"})


def test_with_one_table_names_stand_without_alias() -> None:
    plan = node("Aggregate", scan("o", Output=["id", "a", "b"], Filter="(o.a = $1)"), Output=['sum("B b")'])

    fetches = fetched(plan, "o")
    assert fetches is not None
    assert {"a", "B b"} <= fetches
    assert "id" not in fetches


def test_rows_that_are_changed_or_locked_are_needed_themselves() -> None:
    for kind in ("ModifyTable", "LockRows"):
        assert fetched(node(kind, scan("o", Output=["ctid"])), "o") is None
    assert fetched(scan("o", Output=["o.*"]), "o") is None
