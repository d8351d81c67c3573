"""What of a plan may be shown, and what makes it another one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.sql.plan import plan_signature, redacted_plan

SECRETS = ("hunter2", "4711", "topsecret", "customer_of_mine", "Odd Name")


def scan(table: str, alias: str = "", **more: Any) -> dict[str, Any]:
    return {
        "Node Type": "Seq Scan",
        "Schema": "shop",
        "Relation Name": table,
        "Alias": alias or table,
        **more,
    }


PLAN: dict[str, Any] = {
    "Node Type": "Nested Loop",
    "Join Type": "Inner",
    "Total Cost": 4711.5,
    "Plan Rows": 10,
    "Output": ["orders.id", "'hunter2'::text", "(customer_of_mine.balance + 4711)"],
    "Join Filter": "((orders.note = E'hunter2\\\\') AND (orders.total > '-4711'::integer))",
    "Plans": [
        scan("orders", Filter="((orders.status = ANY ('{topsecret,hunter2}'::text[])) AND (orders.id = $1))"),
        scan("customers", "customer_of_mine", Filter="(customer_of_mine.email ~~ '%hunter2%'::text)"),
        {
            "Node Type": "CTE Scan",
            "CTE Name": "topsecret",
            "Alias": "topsecret",
            "Subplan Name": "CTE topsecret",
            "Sort Key": ["topsecret.id", '(lower("Odd Name"."Odd Name")) DESC'],
            "Repeatable Seed": "'4711'::double precision",
            "Remote SQL": "SELECT a FROM b WHERE c = 'hunter2' LIMIT 4711",
        },
        {"Node Type": "Index Scan", "Index Name": "<13556>btree_orders_note", "Relation Name": "Odd Name"},
    ],
}


def test_no_value_and_no_name_that_hides_data_is_shown() -> None:
    shown = redacted_plan(PLAN)

    text = json.dumps({**shown, "Total Cost": None})
    assert not [secret for secret in SECRETS if secret in text]
    assert shown["Total Cost"] == 4711.5
    assert shown["Output"] == ["orders.id", "?::text", "(a1.balance + ?)"]
    assert shown["Join Filter"] == "((orders.note = ?) AND (orders.total > ?::integer))"
    orders, customers, with_query, index = shown["Plans"]
    assert orders["Filter"] == "((orders.status = ANY (?::text[])) AND (orders.id = $1))"
    assert (customers["Alias"], customers["Relation Name"]) == ("a1", "customers")
    assert customers["Filter"] == "(a1.email ~~ ?::text)"
    assert (with_query["CTE Name"], with_query["Subplan Name"]) == ("a2", "CTE a2")
    assert with_query["Sort Key"] == ["a2.id", '(lower("?"."?")) DESC']
    assert with_query["Remote SQL"] == "SELECT a FROM b WHERE c = ? LIMIT ?"
    assert (index["Index Name"], index["Relation Name"]) == ("<13556>btree_orders_note", "?")


def test_what_says_nothing_stays() -> None:
    plain = scan("orders", "orders_1", Filter="(orders_1.id = $1)", **{"Index Name": "orders_2024_idx"})
    values = {
        "Node Type": "Values Scan",
        "Alias": "*VALUES*",
        "Output": ['"*VALUES*".column1'],
        "Plans": [plain],
    }

    assert redacted_plan(values) == values
    assert redacted_plan(redacted_plan(PLAN)) == redacted_plan(PLAN)


def test_costs_rows_and_conditions_make_no_other_plan() -> None:
    same = json.loads(json.dumps(PLAN))
    same["Total Cost"], same["Plan Rows"], same["Output"] = 1, 2, []
    same["Plans"][0]["Filter"] = "(orders.id = 5)"

    assert plan_signature(same) == plan_signature(PLAN)
    assert len(plan_signature(PLAN)) == 16


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Node Type", "Bitmap Heap Scan"),
        ("Relation Name", "other"),
        ("Alias", "o"),
        ("Index Name", "orders_status_idx"),
        ("Schema", "archive"),
    ],
)
def test_nodes_tables_and_indexes_make_another_plan(key: str, value: str) -> None:
    other = json.loads(json.dumps(PLAN))
    other["Plans"][0][key] = value

    assert plan_signature(other) != plan_signature(PLAN)


def test_the_order_of_a_join_makes_another_plan() -> None:
    other = {**PLAN, "Plans": [PLAN["Plans"][1], PLAN["Plans"][0], *PLAN["Plans"][2:]]}

    assert plan_signature(other) != plan_signature(PLAN)


def partitions(*kinds: str) -> dict[str, Any]:
    parts = [
        scan(
            f"events_{n}",
            **{"Parent Relationship": "Member", "Node Type": kind, "Index Name": f"events_{n}_idx"},
        )
        for n, kind in enumerate(kinds)
    ]
    return {"Node Type": "Append", "Plans": parts}


def test_a_new_partition_makes_no_other_plan_and_one_that_is_read_otherwise_does() -> None:
    two = plan_signature(partitions("Index Scan", "Index Scan"))

    assert plan_signature(partitions("Index Scan", "Index Scan", "Index Scan")) == two
    assert plan_signature(partitions("Index Scan", "Seq Scan")) != two


def test_names_that_only_the_statement_tells_are_hidden() -> None:
    """Columns of an alias and windows: the plan has them as if they were the table's."""
    statement = "SELECT hunter, count(*) OVER hunters FROM t AS v(hunter) WINDOW hunters AS (ORDER BY hunter)"
    node = {
        **scan("t", "v"),
        "Output": ["v.hunter", "count(*) OVER hunters", "v.balance"],
        "Window": "hunters AS (ORDER BY v.hunter)",
    }

    shown = redacted_plan(node, statement)

    assert shown["Output"] == ["v.a1", "count(*) OVER a2", "v.balance"]
    assert shown["Window"] == "a2 AS (ORDER BY v.a1)"
    assert redacted_plan(node)["Output"] == node["Output"], "without the statement they look like columns"
