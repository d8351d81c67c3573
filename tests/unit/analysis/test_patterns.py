"""Each rule on a statement that it is for, and on ones like it that are as they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from exporter.analysis.finding import Confidence, Finding, Severity
from exporter.analysis.patterns import anti_patterns, rules
from exporter.facts.relations import Column, Relation, Relations
from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of

Node = Mapping[str, Any]

KEY = StatementKey("shop", "app", "0" * 16)


def _columns(**types: str) -> dict[str, Column]:
    return {name: Column(name, kind, avg_width=8) for name, kind in types.items()}


TABLES = {
    1: Relation(
        oid=1, schema="public", name="orders", rows=200_000, pages=4_000, bytes=32 << 20,
        columns=_columns(
            id="integer", email="character varying(80)", code="character(8)", amount="numeric",
            created_at="timestamp with time zone",
        ),
    ),
    2: Relation(oid=2, schema="public", name="states", rows=20, pages=1, columns=_columns(id="integer")),
    3: Relation(
        oid=3, schema="public", name="people", rows=900, pages=300, bytes=2 << 20,
        columns=_columns(**{f"c{n}": "text" for n in range(30)}),
    ),
}  # fmt: skip
RELATIONS = {"shop": Relations(datname="shop", taken_at=0, tables=TABLES, indexes={})}


def _found(
    sql: str,
    *,
    plan: Node | None = None,
    relations: Mapping[str, Relations] = RELATIONS,
    max_ms: float | None = None,
    toplevel: bool = True,
    seconds: float | None = 100.0,
    **each: Any,
) -> list[Finding]:
    """What is found in a thousand calls of a statement; `each` is of one call: rows=1, exec_ms=20."""
    calls = each.pop("calls", 1000)
    shape = shape_of(sql)
    statement = Statement(
        key=KEY,
        queryids=("1",),
        text=redacted(sql),
        raw=sql,
        operation=shape.operation,
        tables=tuple(shape.tables),
        toplevel=toplevel,
        counters=Counters(calls=calls, **{name: value * calls for name, value in each.items()}),
        max_ms=max_ms,
    )
    return list(anti_patterns([statement], seconds, {KEY: plan} if plan else {}, relations))


def _scan(condition: str, *, table: str = "orders", rows: int = 50, above: str = "") -> Node:
    """A plan that reads a table from end to end, perhaps below another node."""
    node = {
        "Node Type": "Seq Scan", "Schema": "public", "Relation Name": table, "Alias": table,
        "Plan Rows": rows, "Total Cost": 5000.0, "Filter": condition,
    }  # fmt: skip
    return {"Node Type": above, "Plan Rows": rows, "Total Cost": 6000.0, "Plans": [node]} if above else node


def _rules(found: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in found]


WHOLE: dict[str, Any] = {"exec_ms": 30, "shared_blks_hit": 4_000, "rows": 3}
"""A call that reads all of orders."""
QUICK: dict[str, Any] = {"exec_ms": 0.05, "shared_blks_hit": 4, "rows": 1}
HUGE = ", ".join(f"${n}" for n in range(1, 151))


@pytest.mark.parametrize(
    ("rule", "sql", "how"),
    [
        ("select_star", "SELECT * FROM people WHERE c1 = $1", QUICK),
        ("missing_limit", "SELECT id FROM orders", {"exec_ms": 60, "rows": 20_000}),
        (
            "offset_paging",
            "SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2",
            {"exec_ms": 20, "shared_blks_hit": 3_000, "rows": 20},
        ),
        ("count_all", "SELECT count(*) FROM orders", {"exec_ms": 15, "shared_blks_hit": 4_000, "rows": 1}),
        (
            "seq_scan",
            "SELECT id FROM orders WHERE amount = $1",
            WHOLE | {"plan": _scan("(orders.amount = $1)")},
        ),
        (
            "leading_wildcard",
            "SELECT id FROM orders WHERE email LIKE $1",
            WHOLE | {"plan": _scan("((orders.email)::text ~~ $1)", rows=90_000)},
        ),
        ("leading_wildcard", "SELECT id FROM orders WHERE email ILIKE $1", WHOLE),
        (
            "function_on_column",
            "SELECT id FROM orders WHERE lower(email) = $1",
            WHOLE | {"plan": _scan("(lower((orders.email)::text) = $1)", rows=90_000)},
        ),
        (
            "function_on_column",
            "SELECT id FROM orders WHERE date_trunc($1, created_at) = $2",
            WHOLE | {"plan": _scan("(date_trunc($1, orders.created_at) = $2)", rows=90_000)},
        ),
        (
            "function_on_column",
            "SELECT id FROM orders WHERE created_at::date = $1 AND amount > $2",
            WHOLE
            | {"plan": _scan("(((orders.created_at)::date = $1) AND (orders.amount > $2))", rows=90_000)},
        ),
        (
            "implicit_cast",
            "SELECT id FROM orders WHERE id = $1",
            WHOLE | {"plan": _scan("((orders.id)::numeric = $1)", rows=90_000)},
        ),
        (
            "implicit_cast",
            "SELECT id FROM orders WHERE code = $1",
            WHOLE | {"plan": _scan("((orders.code)::text = $1)", rows=90_000, above="Gather")},
        ),
        ("long_list", f"SELECT id FROM orders WHERE id IN ({HUGE})", QUICK),
        ("not_in_subquery", "SELECT id FROM a WHERE b NOT IN (SELECT c FROM d)", {"exec_ms": 20, "rows": 3}),
        ("random_order", "SELECT id FROM orders ORDER BY random() LIMIT $1", {"exec_ms": 90, "rows": 1}),
        (
            "temporary_files",
            "SELECT id FROM orders ORDER BY email LIMIT $1",
            {"exec_ms": 90, "rows": 5, "temp_blks_written": 2_000},
        ),
        ("planning_time", "SELECT a FROM b", {"exec_ms": 0.3, "plan_ms": 0.9, "rows": 1}),
        ("update_nothing", "UPDATE orders SET amount = $1 WHERE id = $2", {"exec_ms": 0.1, "rows": 0.001}),
        (
            "queue_without_skip_locked",
            "SELECT id FROM jobs WHERE state = $1 ORDER BY id LIMIT $2 FOR UPDATE",
            {"exec_ms": 2, "rows": 1},
        ),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: str, sql: str, how: dict[str, Any]) -> None:
    (finding,) = _found(sql, **how)

    assert finding.rule == rule
    assert finding.statements == (KEY,)
    assert finding.datname == "shop"
    assert finding.sql
    assert all(len(text) > 3 for text in (finding.title, finding.why, *finding.sql))
    assert finding.weight == pytest.approx(how["exec_ms"] * 1000 / 100)


def test_every_rule_is_tried_here() -> None:
    marks = test_a_rule_finds_what_it_is_for.pytestmark
    tried = {case[0] for mark in marks for case in mark.args[1]}

    assert {rule.__name__ for rule in rules()} == tried


@pytest.mark.parametrize(
    ("sql", "how"),
    [
        pytest.param("SELECT * FROM states WHERE id = $1", QUICK, id="narrow"),
        pytest.param("SELECT c1, c2 FROM people WHERE c1 = $1", QUICK, id="named columns"),
        pytest.param("SELECT * FROM people WHERE c1 = $1", QUICK | {"calls": 3}, id="by hand"),
        pytest.param("SELECT count(*) FROM people", QUICK, id="count of few"),
        pytest.param(
            "SELECT id FROM orders WHERE amount % $1 = $2",
            WHOLE | {"plan": _scan("((orders.amount % $1) = $2)", rows=1_000)},
            id="rows that the planner guesses",
        ),
        pytest.param("SELECT id FROM orders LIMIT $1", {"exec_ms": 60, "rows": 20_000}, id="LIMIT"),
        pytest.param("INSERT INTO b SELECT a FROM orders", {"exec_ms": 60, "rows": 20_000}, id="copied"),
        pytest.param("SELECT id FROM orders OFFSET $1", QUICK | {"exec_ms": 9}, id="first pages"),
        pytest.param(
            "SELECT id FROM orders ORDER BY email LIMIT $1 OFFSET $2",
            WHOLE | {"plan": _scan("(orders.id > 0)", rows=190_000, above="Sort")},
            id="all is sorted anyway",
        ),
        pytest.param("SELECT count(*) FROM orders WHERE id = $1", WHOLE, id="count with condition"),
        pytest.param(
            "SELECT id FROM orders WHERE amount = $1",
            WHOLE | {"plan": _scan("(orders.amount = $1)", rows=90_000)},
            id="half of the table is wanted",
        ),
        pytest.param(
            "SELECT id FROM orders WHERE amount = $1",
            WHOLE | {"shared_blks_hit": 40, "plan": _scan("(orders.amount = $1)")},
            id="the generic plan is not the one that runs",
        ),
        pytest.param(
            "SELECT id FROM states WHERE id = $1",
            QUICK | {"plan": _scan("((states.id)::numeric = $1)", table="states")},
            id="a small table is read whole",
        ),
        pytest.param(
            "SELECT id FROM orders WHERE email = $1",
            WHOLE | {"plan": _scan("((orders.email)::text = $1)", rows=90_000)},
            id="varchar to text is no cast",
        ),
        pytest.param("SELECT id FROM orders WHERE email LIKE $1", QUICK, id="LIKE by an index"),
        pytest.param(
            "SELECT id FROM orders WHERE lower(email) = $1",
            QUICK | {"plan": {"Node Type": "Index Scan", "Index Cond": "(lower(orders.email) = $1)"}},
            id="expression index",
        ),
        pytest.param(
            "SELECT id FROM orders WHERE amount = lower($1)::numeric",
            WHOLE | {"plan": _scan("(orders.amount = (lower($1))::numeric)", rows=90_000)},
            id="the function is on the value",
        ),
        pytest.param("SELECT id FROM orders WHERE id IN ($1, $2, $3)", QUICK, id="short list"),
        pytest.param("SELECT id FROM orders WHERE id = ANY($1)", QUICK, id="array"),
        pytest.param(f"INSERT INTO orders VALUES ({HUGE})", QUICK, id="many values to insert"),
        pytest.param("SELECT id FROM a WHERE b NOT IN (SELECT c FROM d)", QUICK, id="quick NOT IN"),
        pytest.param("SELECT id FROM a WHERE b NOT IN ($1, $2)", WHOLE, id="NOT IN a list"),
        pytest.param("SELECT id FROM states ORDER BY random() LIMIT $1", QUICK, id="random of few"),
        pytest.param("SELECT id FROM a", QUICK | {"temp_blks_written": 10}, id="small spill"),
        pytest.param("CREATE INDEX ON a (b)", WHOLE | {"temp_blks_written": 9000}, id="utility"),
        pytest.param("SELECT a FROM b", QUICK | {"plan_ms": 0.15}, id="quick to plan"),
        pytest.param("SELECT a FROM b", WHOLE | {"plan_ms": 20}, id="runs longer than it is planned"),
        pytest.param("UPDATE a SET b = $1 WHERE c = $2", QUICK | {"rows": 0.5}, id="half of them find a row"),
        pytest.param("UPDATE a SET b = $1", QUICK | {"rows": 0, "seconds": 9e4}, id="now and then"),
        pytest.param("UPDATE a SET b = $1", QUICK | {"rows": 0, "seconds": None}, id="no time known"),
        pytest.param("DELETE FROM a WHERE b < $1", QUICK | {"rows": 0}, id="cleaning up"),
        pytest.param("SELECT a FROM b WHERE id = $1 FOR UPDATE", QUICK, id="lock of one row"),
        pytest.param("SELECT a FROM b ORDER BY a LIMIT $1 FOR UPDATE SKIP LOCKED", QUICK, id="a good queue"),
        pytest.param("SELECT * FROM people", QUICK | {"toplevel": False}, id="within a function"),
        pytest.param("SELECT * FROM people", QUICK | {"relations": {}}, id="nothing known of tables"),
        pytest.param("SELECT count(*) FROM orders", WHOLE | {"relations": {}}, id="no size known"),
    ],
)
def test_a_healthy_statement_is_left_alone(sql: str, how: dict[str, Any]) -> None:
    assert _rules(_found(sql, **how)) == []


def test_an_index_of_the_expression_is_ready_where_it_can_be() -> None:
    plan = _scan("(lower((orders.email)::text) = $1)", rows=90_000)
    (ready,) = _found("SELECT id FROM orders WHERE lower(email) = $1", **WHOLE, plan=plan)
    hidden = _scan("(replace(orders.email, 's3cret'::text, $2) = $1)", rows=90_000)
    (commented,) = _found("SELECT id FROM orders WHERE replace(email, $2, $3) = $1", **WHOLE, plan=hidden)

    assert ready.sql == ("CREATE INDEX CONCURRENTLY ON public.orders ((lower((email)::text)));",)
    assert "s3cret" not in repr(commented)
    assert all(line.startswith("--") for line in commented.sql[0].splitlines())


def test_a_function_of_time_becomes_a_range() -> None:
    plan = _scan("(date(orders.created_at) = $1)", rows=90_000)
    (finding,) = _found("SELECT id FROM orders WHERE date(created_at) = $1", **WHOLE, plan=plan)

    assert "created_at >= $1 AND created_at < $2" in finding.sql[0]


def test_what_is_felt_weighs_more() -> None:
    slow: dict[str, Any] = {"exec_ms": 900, "rows": 20_000}
    (quick,), (long,) = (_found("SELECT id FROM orders", **how) for how in (slow | {"exec_ms": 20}, slow))
    hashed, nested = (
        _found(
            "SELECT id FROM orders WHERE id NOT IN (SELECT id FROM b)",
            exec_ms=50,
            rows=3,
            plan=_scan(f"(NOT ({text} 1))", rows=90_000),
        )
        for text in ("hashed SubPlan", "SubPlan")
    )
    waiting = _found("SELECT a FROM b ORDER BY a LIMIT $1 FOR UPDATE", **QUICK, max_ms=400)

    assert (quick.severity, long.severity) == (Severity.INFO, Severity.WARNING)
    assert [f.severity for f in (*hashed, *nested)] == [Severity.INFO, Severity.WARNING]
    assert [(f.severity, f.confidence) for f in waiting] == [(Severity.WARNING, Confidence.HIGH)]


def test_work_mem_is_advised_within_reason() -> None:
    little, much = (
        _found("SELECT a FROM b ORDER BY a", exec_ms=90, rows=5, temp_blks_written=blocks)
        for blocks in (640, 400_000)
    )

    assert "ALTER ROLE app SET work_mem = '16MB';" in little[0].sql[1]
    assert "SET" not in "".join(much[0].sql)
