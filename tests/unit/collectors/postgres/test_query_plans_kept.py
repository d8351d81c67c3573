"""Which plans are asked for next, what is kept of them, and when a plan counts as changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from exporter.collectors.postgres._query_plans import HOUR, MOST, Plans
from exporter.collectors.postgres.query_plans import tables
from exporter.facts.pg_stat_statements import LONGEST_TEXT
from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.sources.postgres import planning
from exporter.sources.postgres.plans import Explained, PlanOutcome
from exporter.sql.plan import redacted_plan
from tests.collecting import SPECS

SLOW_MS = 100.0
NOW = 1_700_000_000.0


def statement(name: str, mean_ms: float = 500.0, calls: int = 10) -> Statement:
    return Statement(
        key=StatementKey("shop", "app", name),
        queryids=("1",),
        text=f"SELECT {name}",
        raw=f"SELECT {name} /* raw */",
        operation="SELECT",
        tables=(),
        counters=Counters(calls=calls, exec_ms=calls * mean_ms),
    )


def plan(index: str = "", cost: float = 10.0) -> dict[str, Any]:
    return {"Node Type": "Index Scan" if index else "Seq Scan", "Index Name": index, "Total Cost": cost}


def ok(**of: Any) -> Explained:
    return Explained(PlanOutcome.OK, plan(**of), "shop")


def due(plans: Plans, now: float = NOW) -> list[str]:
    return [candidate.statement.key.id for candidate in plans.due(now)]


def answer(plans: Plans, explained: Explained, now: float = NOW) -> None:
    for candidate in plans.due(now):
        plans.add(candidate, explained, now)


def considering(statements: Iterable[Statement]) -> Plans:
    plans = Plans()
    plans.consider(statements, SLOW_MS)
    return plans


def test_slow_statements_and_the_busiest_are_asked_for() -> None:
    busy = [statement(f"busy{n}", mean_ms=1) for n in range(20)]
    rest = [statement("slow", 100), statement("quick", 99)]

    assert due(considering([*busy, *rest])) == [*(f"busy{n}" for n in range(20)), "slow"]


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (PlanOutcome.OK, 24 * HOUR),
        (PlanOutcome.SYNTAX, 24 * HOUR),
        (PlanOutcome.TIMEOUT, 24 * HOUR),
        (PlanOutcome.UNDEFINED, 6 * HOUR),
        (PlanOutcome.PERMISSION, HOUR),
        (PlanOutcome.SUPERUSER, 600),
        (PlanOutcome.LOCK, 600),
        (PlanOutcome.UNAVAILABLE, 600),
    ],
)
def test_what_became_of_it_is_remembered_as_long_as_it_may_last(outcome: PlanOutcome, seconds: float) -> None:
    plans = considering([statement("a")])
    answer(plans, Explained(outcome, plan() if outcome is PlanOutcome.OK else None))

    assert (due(plans, NOW + seconds - 1), due(plans, NOW + seconds)) == ([], ["a"])


def test_a_statement_that_takes_twice_as_long_is_asked_for_again() -> None:
    plans = considering([statement("a", mean_ms=200, calls=10)])
    answer(plans, ok())
    plans.consider([statement("a", mean_ms=250, calls=20)], SLOW_MS)  # the new calls: 300 ms each
    before = due(plans)
    plans.consider([statement("a", mean_ms=370, calls=40)], SLOW_MS)  # 490 ms each

    assert (before, due(plans)) == ([], ["a"])


def test_without_new_calls_or_after_a_reset_the_whole_mean_counts() -> None:
    plans = considering([statement("a", mean_ms=200, calls=10)])
    answer(plans, ok())
    plans.consider([statement("a", mean_ms=200, calls=10)], SLOW_MS)
    idle = due(plans)
    plans.consider([statement("a", mean_ms=900, calls=2)], SLOW_MS)

    assert (idle, due(plans)) == ([], ["a"])


def test_another_structure_is_a_change_and_other_costs_are_none() -> None:
    plans = considering([statement("a")])
    key = statement("a").key
    answer(plans, ok(index="orders_idx"))
    first = plans.records[key]
    answer(plans, ok(index="orders_idx", cost=99.0), NOW + 24 * HOUR)
    same = plans.records[key]
    answer(plans, ok(), NOW + 48 * HOUR)
    changed = plans.records[key]

    assert (same.signature, same.changed_at, same.cost) == (first.signature, None, 99.0)
    assert (changed.previous, changed.changed_at) == (first.signature, NOW + 48 * HOUR)
    assert changed.signature != first.signature
    assert plans.changes == {"shop": 1}
    assert changed.explained.plan == redacted_plan(plan())


def test_a_failure_keeps_the_plan_and_hides_no_change() -> None:
    plans = considering([statement("a")])
    key = statement("a").key
    answer(plans, ok(index="orders_idx"))
    answer(plans, Explained(PlanOutcome.LOCK, detail="SQLSTATE 55P03"), NOW + 24 * HOUR)
    locked = plans.records[key]
    answer(plans, ok(), NOW + 25 * HOUR)

    assert (locked.outcome, locked.taken_at, locked.asked_at) == (PlanOutcome.LOCK, NOW, NOW + 24 * HOUR)
    assert locked.explained == replace(ok(index="orders_idx"), search_path=locked.search_path)
    assert plans.changes == {"shop": 1}
    assert plans.results == {PlanOutcome.OK: 2, PlanOutcome.LOCK: 1}


def test_what_is_kept_is_bounded() -> None:
    many = [statement(f"s{n}") for n in range(MOST + 50)]
    plans = considering(many)
    answer(plans, ok())

    assert len(plans.records) == MOST
    assert many[-1].key in plans.records


def test_large_plans_leave_room_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = considering([statement(f"s{n}") for n in range(10)])
    answer(plans, ok())
    one = len(plans.records[statement("s0").key].packed)
    monkeypatch.setattr("exporter.collectors.postgres._query_plans.MOST_BYTES", 3 * one)
    answer(plans, ok(), NOW + 24 * HOUR)

    assert [key.id for key in plans.records] == ["s7", "s8", "s9"]


def test_the_page_has_every_result_and_no_text() -> None:
    plans = considering([statement("a"), statement("b")])
    first, second = plans.due(NOW)
    plans.add(first, ok(), NOW)
    plans.add(second, Explained(PlanOutcome.PERMISSION, detail="hunter2"), NOW)
    results, changes, newest = tables(plans)

    assert list(results.rows) == [(outcome.value,) for outcome in PlanOutcome]
    asked, known = (dict(zip(results.rows, column.values, strict=True)) for column in results.columns)
    assert (
        {row: n for (row,), n in asked.items() if n}
        == {"ok": 1, "permission": 1}
        == {row: n for (row,), n in known.items() if n}
    )
    assert (changes.rows, changes.columns[0].values) == ([("shop",)], (0,))
    assert newest.columns[0].values == (NOW,)


def test_a_text_as_long_as_is_read_at_most_was_cut() -> None:
    longest = "SELECT 1 WHERE true" + " AND true" * 2000

    assert LONGEST_TEXT == planning.LONGEST_TEXT
    assert planning.refused_at_sight(longest[:LONGEST_TEXT]) == Explained(PlanOutcome.TRUNCATED)
    assert planning.refused_at_sight(longest[: LONGEST_TEXT - 1]) is None


def test_what_the_command_explain_shows_is_what_is_asked() -> None:
    before, after = (SPECS["query_plans"].explain(major) for major in (13, 18))

    assert "pg_stat_statements(false)" in before
    assert "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE" in before
    assert "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ..." in after
    assert "ANALYZE" not in before + after
