"""Entries of pg_stat_statements made into statements, and which of them are ours."""

from __future__ import annotations

import pytest

from exporter.facts.pg_stat_statements import StatementText, squares, texts_query, usual_columns
from exporter.facts.read_statements import heaviest, is_ours, merged, statements_of
from exporter.facts.statement import Counters
from exporter.facts.statement_entries import Entry


def entry(
    queryid: str,
    calls: float,
    ms: float,
    *,
    user: str = "web",
    own: bool = False,
    toplevel: bool = True,
    extremes: tuple[float, float] = (1.0, 9.0),
    since: float | None = None,
) -> Entry:
    counters = Counters(calls=calls, exec_ms=ms, square_ms=ms**2 / calls if calls else 0)
    return Entry(queryid, user, "5", "app", user, own, toplevel, since, *extremes, counters)


def text(queryid: str, sql: str, user: str = "web") -> StatementText:
    return StatementText(queryid, user, "5", sql)


async def test_entries_of_one_text_are_one_statement_of_each_role() -> None:
    entries = [
        entry("1", 5, 50, extremes=(2, 30), since=100),
        entry("2", 7, 20, extremes=(1, 9), since=90, toplevel=False),
        entry("3", 100, 1, user="job"),
        entry("4", 1, 1),
    ]
    texts = [
        text("1", "SELECT * FROM orders WHERE id IN ($1, $2)"),
        text("2", "select * from ORDERS where id in ($1,$2,$3)"),
        text("3", "SELECT * FROM orders WHERE id IN ($1)", user="job"),
    ]
    found, own = await merged(entries, texts)
    web, job = sorted(await statements_of(found), key=lambda one: one.key.user, reverse=True)

    assert own == Counters()
    assert (web.key.user, job.key.user) == ("web", "job")
    assert web.key.id == job.key.id
    assert web.queryids == ("2", "1"), "the one with most calls first"
    assert (web.counters.calls, web.counters.exec_ms) == (12, 70)
    assert (web.min_ms, web.max_ms, web.since, web.toplevel) == (1, 30, 90, True)
    assert (web.operation, web.tables) == ("SELECT", ("orders",))


async def test_levels_of_an_entry_are_added_up_though_the_text_comes_for_each() -> None:
    entries = [entry("1", 5, 50), entry("1", 3, 9, toplevel=False)]
    found, _ = await merged(entries, [text("1", "SELECT * FROM orders")] * 2)
    (statement,) = await statements_of(found)

    assert statement.counters.calls == 8


async def test_what_only_functions_ran_is_not_toplevel_and_what_was_only_planned_is_nothing() -> None:
    entries = [entry("1", 3, 9, toplevel=False), entry("2", 0, 0)]
    found, _ = await merged(entries, [text("1", "SELECT * FROM a"), text("2", "SELECT * FROM b")])
    statements = await statements_of(found)

    assert [(one.tables, one.toplevel) for one in statements] == [(("a",), False)]


async def test_extremes_that_were_reset_are_not_zero() -> None:
    entries = [entry("1", 3, 9, extremes=(0, 0)), entry("2", 3, 9, extremes=(2, 4))]
    texts = [text("1", "SELECT * FROM a"), text("2", "SELECT * FROM  a")]
    found, _ = await merged(entries, texts)
    (both,) = await statements_of(found)
    found, _ = await merged(entries[:1], texts)
    (reset,) = await statements_of(found)

    assert (both.min_ms, both.max_ms) == (2, 4)
    assert (reset.min_ms, reset.max_ms) == (None, None)


async def test_the_heaviest_are_by_time_and_by_calls() -> None:
    entries = [
        entry(str(i), calls, ms) for i, (calls, ms) in enumerate([(1, 900), (800, 1), (5, 5), (2, 950)])
    ]
    found, _ = await merged(entries, [text(str(i), f"SELECT * FROM t{'x' * i}") for i in range(4)])

    assert [one.entries[0].queryid for one in heaviest(found, 1)] == ["3", "1"]
    assert [one.entries[0].queryid for one in heaviest(found, 2)] == ["3", "0", "2", "1"]


async def test_our_own_statements_are_counted_apart() -> None:
    entries = [entry("1", 5, 5, own=True), entry("2", 7, 7, own=True), entry("3", 9, 9)]
    texts = [
        text("1", "SELECT * FROM pg_stat_activity"),
        text("2", "SELECT * FROM orders"),
        text("3", "SELECT * FROM pg_stat_activity"),
    ]
    found, own = await merged(entries, texts)

    assert own.calls == 5
    assert {one.entries[0].queryid for one in found} == {"2", "3"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_is_in_recovery()",
        "SELECT d.oid FROM pg_catalog.pg_database AS d JOIN pg_roles ON true",
        "SELECT * FROM information_schema.tables",
        "SET statement_timeout = 500",
        "EXPLAIN (GENERIC_PLAN) SELECT * FROM orders",
        "PREPARE q AS SELECT * FROM orders",
    ],
)
def test_what_reads_catalogs_only_is_ours(sql: str) -> None:
    assert is_ours(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM orders",
        "SELECT * FROM pg_class, orders",
        "INSERT INTO audit SELECT * FROM pg_stat_activity",
        "SELECT * FROM app.pg_orders_view JOIN app.orders USING (id)",
    ],
)
def test_what_names_a_table_is_not(sql: str) -> None:
    assert not is_ours(sql)


def test_the_query_for_texts_is_one_entry_of_the_extension_whatever_it_asks_for() -> None:
    few, many = (texts_query("public", map(str, range(count)), 1_000) for count in (1, 900))

    assert many.count("'") == few.count("'"), "one literal"
    assert "'{0}'::bigint[]" in few


def test_columns_are_those_of_the_version() -> None:
    old, new = usual_columns(13), usual_columns(18)

    assert "toplevel" not in old
    assert {"toplevel", "stats_since"} <= set(new)
    assert "stddev_exec_time" in squares(old)
    assert squares({"stddev_time", "mean_time"}) == (
        "s.calls * (s.stddev_time * s.stddev_time + s.mean_time * s.mean_time)"
    )
