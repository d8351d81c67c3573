"""Pairs that loop and pairs that don't, in histories that are made up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from exporter.analysis.finding import Confidence, Severity
from exporter.analysis.n_plus_one import gaps, suspected_pairs
from exporter.facts.relations import ForeignKey, Relation, Relations
from exporter.facts.statement import Counters, Interval, Statement, StatementKey
from tests.live.analysis.n_plus_one_app import LOOPS
from tests.replay_n_plus_one import load

LIST = StatementKey("shop", "app", "list")
CHILD = StatementKey("shop", "app", "child")
OTHER = StatementKey("shop", "app", "other")


def _statement(key: StatementKey, text: str, *tables: str) -> Statement:
    return Statement(
        key=key, queryids=("1",), text=text, raw=text, operation="SELECT", tables=tables, counters=Counters()
    )


STATEMENTS = {
    LIST: _statement(LIST, "SELECT id FROM orders WHERE status = $1 LIMIT $2", "orders"),
    CHILD: _statement(CHILD, "SELECT * FROM items WHERE order_id = $1", "items"),
    OTHER: _statement(OTHER, "SELECT * FROM sessions WHERE token = $1", "sessions"),
}


def _counters(calls: float, rows: float, each_ms: float = 0.1) -> Counters:
    return Counters(calls=calls, exec_ms=calls * each_ms, rows=rows)


def _history(
    fan_out: float = 25,
    *,
    intervals: int = 12,
    seed: int = 1,
    rows: float = 25,
    each_ms: float = 0.1,
    steady: bool = False,
    loose: float = 0.0,
) -> list[Interval]:
    """A list that is asked for at random, its child for each row, and lookups by somebody else."""
    chance = random.Random(seed)
    made = []
    for n in range(intervals):
        calls = 60 if steady else chance.randint(40, 200)
        children = round(fan_out * calls * (1 + loose * chance.uniform(-1, 1)))
        counted = {
            LIST: _counters(calls, calls * rows),
            CHILD: _counters(children, children * 3, each_ms),
            OTHER: _counters(5 * 100 + chance.randint(-60, 60), 500),
        }
        made.append(Interval(30.0, 1000.0 + 30 * n, counted))
    return made


def test_a_loop_is_found_with_its_evidence() -> None:
    (finding,) = suspected_pairs(_history(), STATEMENTS)

    evidence = {one.name: one.value for one in finding.evidence}
    assert finding.statements == (CHILD, LIST)
    assert finding.confidence is Confidence.HIGH, "as many calls as rows"
    assert finding.severity is Severity.WARNING
    assert evidence["calls for each call of the list"] == 25
    assert evidence["calls for each row of the list"] == 1
    assert float(evidence["dispersion (independent requests: 1 or more)"]) < 0.1
    assert float(evidence["share of all calls"]) > 0.7
    assert "order_id = ANY($1)" in finding.sql[0]


def test_an_identity_map_is_suspected_and_a_foreign_key_makes_it_likely() -> None:
    history = _history(fan_out=7, rows=30)
    tables = {
        1: Relation(oid=1, schema="public", name="orders"),
        2: Relation(oid=2, schema="public", name="items"),
    }
    key = ForeignKey(name="fk", table=2, columns=("order_id",), referenced=1, referenced_columns=("id",))
    known = Relations(datname="shop", taken_at=0, tables=tables, indexes={}, foreign_keys=[key])
    other = replace(known, foreign_keys=[replace(key, columns=("product_id",))])

    found = [next(suspected_pairs(history, STATEMENTS, r)) for r in ({}, {"shop": known}, {"shop": other})]

    assert [one.confidence for one in found] == [Confidence.MEDIUM, Confidence.HIGH, Confidence.MEDIUM]
    assert ["likely" in one.title for one in found] == [False, True, False]


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(_history(intervals=7), id="too short"),
        pytest.param(_history(fan_out=2.5), id="fan-out below 3"),
        pytest.param(_history(fan_out=60), id="more calls than rows"),
        pytest.param(_history(fan_out=7, loose=0.3), id="no fixed ratio"),
        pytest.param(_history(each_ms=6), id="no quick lookup"),
        pytest.param(_history(fan_out=7, rows=30, steady=True), id="two clocks"),
        pytest.param(_history(rows=1), id="a list of one row"),
    ],
)
def test_no_loop(history: Sequence[Interval]) -> None:
    assert list(suspected_pairs(history, STATEMENTS)) == []


def test_too_few_calls_of_the_list_in_an_interval_do_not_count() -> None:
    history = _history(intervals=8)
    quiet = dict(history[3].counted) | {LIST: _counters(29, 29 * 25)}
    history[3] = history[3]._replace(counted=quiet)

    assert list(suspected_pairs(history, STATEMENTS)) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM items WHERE order_id = $1 AND kind = $2",
        "SELECT count(*) FROM items WHERE order_id = $1",
        "UPDATE items SET seen = $2 WHERE order_id = $1",
        'SELECT $2 FROM ONLY "items" x WHERE "order_id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
    ],
)
def test_another_child_is_none(text: str) -> None:
    statements = STATEMENTS | {CHILD: _statement(CHILD, text, "items")}

    assert list(suspected_pairs(_history(), statements)) == []


def test_what_functions_run_and_our_own_role_are_left_out() -> None:
    nested = [
        interval._replace(counted={LIST: interval.counted[LIST]}, nested={CHILD: interval.counted[CHILD]})
        for interval in _history()
    ]

    assert list(suspected_pairs(nested, STATEMENTS)) == []
    assert list(suspected_pairs(_history(), STATEMENTS, own={"app"})) == []
    assert len(list(suspected_pairs(_history(), STATEMENTS, own={"exporter"}))) == 1


def test_other_roles_and_databases_are_no_parents() -> None:
    for parent in (LIST._replace(user="report"), LIST._replace(datname="copy")):
        history = [
            interval._replace(counted={parent: interval.counted[LIST], CHILD: interval.counted[CHILD]})
            for interval in _history()
        ]
        statements = STATEMENTS | {parent: STATEMENTS[LIST]}

        assert list(suspected_pairs(history, statements)) == []


def test_of_two_parents_the_one_with_as_many_rows_is_it() -> None:
    """The page asks for the orders, and once for a list of 60 tags."""
    tags = StatementKey("shop", "app", "tags")
    history = [
        interval._replace(
            counted={
                tags: _counters(interval.counted[LIST].calls, interval.counted[LIST].calls * 60),
                **interval.counted,
            }
        )
        for interval in _history()
    ]
    statements = STATEMENTS | {tags: _statement(tags, "SELECT name FROM tags", "tags")}

    (finding,) = suspected_pairs(history, statements)

    assert finding.statements == (CHILD, LIST)


def test_a_short_history_is_a_gap() -> None:
    (gap,) = gaps(_history(intervals=3))

    assert "8 intervals" in gap.why
    assert list(gaps(_history(intervals=8))) == []


@pytest.mark.parametrize("name", ["first", "second"])
def test_the_loops_of_a_real_application_and_nothing_else(name: str) -> None:
    """The counts that `python -m tests.record_n_plus_one` captured from a server."""
    recorded = load(name)
    found = list(suspected_pairs(recorded.history, recorded.statements))

    assert {tuple(recorded.statements[key].tables[0] for key in f.statements) for f in found} == LOOPS
    likely = {f.subject for f in found if f.confidence is Confidence.HIGH}
    assert likely == {"customers", "items"}, "the identity map asks less often than there are rows"


@pytest.mark.parametrize("name", ["first", "second"])
def test_without_the_lists_nothing_is_found(name: str) -> None:
    """As if the lists had been evicted: what is left are requests that only look like loops."""
    recorded = load(name)
    lists = {
        key
        for key, s in recorded.statements.items()
        if s.tables[0] in ("orders", "products") and "id >" in s.text
    }
    assert len(lists) == 2
    history = [
        i._replace(counted={key: counted for key, counted in i.counted.items() if key not in lists})
        for i in recorded.history
    ]

    assert list(suspected_pairs(history, recorded.statements)) == []
