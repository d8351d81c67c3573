"""What an index would be worth, by arithmetic."""

from __future__ import annotations

import pytest

from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.estimate import bytes_of, cost_with
from exporter.analysis.indexes.immutable import surely_immutable
from exporter.facts.relations import Relations
from tests.unit.analysis.indexes.making import Node, access, column, node, relations, scan, seen, table

KNOWN = relations(
    [
        table(
            1,
            "orders",
            column("many", 10_000),
            column("few", 4),
            column("at", -1),
            column("note", -1, "text"),
        ),
        table(2, "items", column("order_id", 20_000), rows=100_000.0),
    ]
)


def cost(candidate: Candidate, root: Node, known: Relations = KNOWN, number: int = 0) -> float | None:
    return cost_with((candidate,), access(root, known, number), seen(root, known), 4.0)


def on(*keys: str, equal: int = 0, table: int = 1) -> Candidate:
    return Candidate(table=table, keys=tuple(map(Key, keys)), equal=equal)


def test_few_rows_cost_little_and_many_cost_as_much_as_before() -> None:
    few = cost(on("many", equal=1), scan(condition="(orders.many = $1)"))
    many = cost(on("few", equal=1), scan(condition="(orders.few = $1)", rows=25_000))

    assert few is not None
    assert few < 100
    assert many is not None
    assert many > 2000


def test_a_wrong_first_key_is_of_no_use() -> None:
    assert cost(on("at", "many"), scan(condition="(orders.many = $1)")) is None


def test_an_order_with_limit_reads_few_rows_and_without_it_is_of_no_use() -> None:
    sort = node("Sort", scan(rows=100_000), Sort_Key=["orders.at"])
    limited = cost(on("at"), node("Limit", sort, rows=20))

    assert limited is not None
    assert limited < 200
    assert cost(on("at"), sort) is None


def test_an_order_behind_equality_ends_with_the_limit() -> None:
    sort = node("Sort", scan(condition="(orders.few = $1)", rows=25_000), Sort_Key=["orders.at"])
    limited = cost(on("few", "at", equal=1), node("Limit", sort, rows=20))

    assert limited is not None
    assert limited < 200


def test_a_join_asks_once_for_each_row_of_the_other_side() -> None:
    def joined(rows: float) -> float | None:
        outer = scan("orders", rows=rows, cost=50)
        inner = scan("items", rows=100_000, cost=2500)
        root = node("Hash Join", outer, inner, cost=3000, Hash_Cond="(orders.at = items.order_id)")
        return cost(on("order_id", equal=1, table=2), root, number=1)

    few, many = joined(10), joined(50_000)
    assert few is not None
    assert few < 500
    assert many is not None
    assert many > 3000


def test_a_subquery_is_asked_again_and_again() -> None:
    inner = scan(condition="(orders.many = c.id)", cost=3000, Subplan_Name="SubPlan 1")
    root = node("Index Scan", inner, cost=300_000)
    whole = cost(on("many", equal=1), root)

    assert whole is not None
    assert 1000 < whole < 10_000


def test_both_sides_of_an_or_are_added() -> None:
    root = scan(condition="((orders.many = $1) OR (orders.at = $2))")
    both = (on("many", equal=1), on("at", equal=1))

    found = cost_with(both, access(root, KNOWN), seen(root, KNOWN), 4.0)

    assert found is not None
    assert found < 200


def test_two_values_by_or_are_two_look_ups() -> None:
    root = scan(condition="((orders.many = $1) OR (orders.many = $2))")
    half = scan(condition="((orders.many = $1) OR (orders.at = $2))")

    twice = cost(on("many", equal=1), root)

    assert twice is not None
    assert twice < 200
    assert cost(on("many", equal=1), half) is None


def test_an_index_that_has_a_part_of_the_keys_is_completed_and_no_other_is_put_beside_it() -> None:
    root = {
        **scan(condition="(orders.many = $2)", rows=5),
        "Node Type": "Index Scan",
        "Index Cond": "(orders.few = $1)",
    }

    more = cost(on("many", "few", equal=2), root)

    assert more is not None
    assert more < 200
    assert cost(on("many", equal=1), root) is None


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("lower(note)", True),
        ("(note || 'x'::text)", True),
        ("(note)::integer", True),
        ("public.mine(note)", False),
        ("unheard_of(note)", False),
        ("to_char(at, 'YYYY'::text)", False),
        ("(note)::regclass", False),
        ("(note AT TIME ZONE 'UTC'::text)", False),
    ],
)
def test_only_well_known_functions_are_taken(expression: str, taken: bool) -> None:
    columns = {"note": column("note", -1, "text"), "at": column("at", -1, "date")}

    assert surely_immutable(expression, columns) is taken


def test_casts_of_times_depend_on_the_time_zone() -> None:
    known = relations([table(1, "orders", column("at", -1, "timestamp with time zone"))])
    wanted = Candidate(table=1, keys=(Key(None, "at::text"),), equal=1)

    assert cost(wanted, scan(condition="((orders.at)::text = $1)"), known) is None


def test_without_statistics_the_planner_is_believed() -> None:
    known = relations([table(1, "orders")])

    found = cost(on("x", equal=1), scan(condition="(orders.x = $1)", rows=5), known)

    assert found is not None
    assert found < 100


def test_the_size_grows_with_rows_and_keys() -> None:
    found = access(scan(condition="(orders.many = $1)"), KNOWN)

    assert bytes_of(on("many"), found) < bytes_of(on("many", "note"), found)
    assert 1_500_000 < bytes_of(on("many"), found) < 3_500_000
