"""Counters made of pg_stat_statements under whatever may happen to its entries."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from weakref import ref

import pytest

from exporter.collectors.postgres._statements import (
    Owner,
    Reading,
    Totals,
    growth,
    is_toplevel,
    merged,
    merged_moments,
    numbers,
)
from exporter.collectors.postgres._statements_source import statements_of
from exporter.collectors.postgres._statements_top import OTHER, Top
from exporter.facts.pg_stat_statements import UNKNOWN

WEB = Owner("app", "web")
JOB = Owner("app", "job")
DATABASES = {"5": "app"}
USERS = {"10": "web", "11": "job"}

Row = tuple[str, str]


def entry(queryid: str, calls: float, time: float, *, user: str = "10", rest: str = "") -> Row:
    return f"({queryid},{user},5,{rest})", f"({calls},{time})"


def reading(*rows: Row, life: str = "1") -> Reading:
    entries, shared = merged(rows)
    return Reading(life, entries, DATABASES, USERS, shared)


def totals_of(*readings: Reading) -> dict[Owner, list[float]]:
    totals, before = Totals(2), None
    for reading in readings:
        totals.add(reading, growth(before, reading))
        before = reading
    return {owner: list(values) for owner, values in totals.rows()}


def test_counting_starts_with_the_first_reading() -> None:
    first = reading(entry("a", 1000, 50))

    assert totals_of(first) == {WEB: [0, 0]}
    assert totals_of(first, reading(entry("a", 1003, 50.5))) == {WEB: [3, 0.5]}


def test_an_eviction_takes_nothing_away_and_a_return_counts_from_zero() -> None:
    first = reading(entry("a", 1000, 50), entry("b", 7, 7))
    evicted = reading(entry("b", 8, 8))
    back = reading(entry("a", 2, 1), entry("b", 8, 8))

    assert totals_of(first, evicted) == {WEB: [1, 1]}
    assert totals_of(first, evicted, back) == {WEB: [3, 2]}
    assert totals_of(first, back) == {WEB: [3, 2]}


def test_rows_of_several_levels_are_added_up_each_on_its_own() -> None:
    first = reading(entry("a", 1000, 50), entry("a", 90, 9, rest="f"))
    one_evicted = reading(entry("a", 1001, 51))

    assert totals_of(first, one_evicted) == {WEB: [1, 1]}


def test_where_the_extension_hides_the_level_an_eviction_of_one_counts_nothing() -> None:
    both = [entry("a", 1000, 50), entry("a", 90, 9)]
    first = reading(*both)
    more = reading(entry("a", 1002, 51), entry("a", 90, 9))

    assert numbers(first.entries[both[0][0]]) == [1090, 59]
    assert totals_of(first, more) == {WEB: [2, 1]}
    assert totals_of(first, more, reading(entry("a", 91, 10))) == {WEB: [2, 1]}


def moments_of(key: str, square: float, longest: float) -> dict[str, str]:
    return merged_moments([(key, f"({square},{longest})")])


def test_squares_grow_by_what_was_counted_and_rounding_takes_nothing() -> None:
    key, counters = entry("a", 10, 5)
    first = Reading("1", {key: counters}, DATABASES, USERS, moments=moments_of(key, 100, 7))
    steps = [(12, 6, 130.0, 8.0), (13, 6.5, 129.9, 8.0), (2, 1, 3.0, 2.0)]
    found = []
    before = first
    for calls, time, square, longest in steps:
        now = Reading(
            "1", dict([entry("a", calls, time)]), DATABASES, USERS, moments=moments_of(key, square, longest)
        )
        found += [(g.square, g.longest) for g in growth(before, now)]
        before = now

    assert found == [(30, 8), (0, 8), (3, 2)], "an entry that came back has all its squares from since"


def test_moments_of_entries_that_cannot_be_told_apart_are_one() -> None:
    assert merged_moments([("(a,1,1)", "(3,2)"), ("(a,1,1)", "(4,9)")]) == {"(a,1,1)": "(7.0,9.0)"}


@pytest.mark.parametrize(
    ("rest", "toplevel"), [("t", True), ("f", False), ("f,2026-01-01", False), ("", True)]
)
def test_the_key_tells_what_functions_ran(rest: str, toplevel: bool) -> None:
    key, _ = entry("a", 1, 1, rest=rest)
    (grown,) = growth(reading(), reading(entry("a", 1, 1, rest=rest)))

    assert is_toplevel(key) is grown.toplevel is toplevel


def test_another_server_or_a_restart_counts_nothing() -> None:
    first = reading(entry("a", 10, 5))
    other = reading(entry("a", 1_000_000, 5_000), entry("b", 700, 7), life="2")

    assert totals_of(first, other) == {WEB: [0, 0]}
    assert totals_of(first, other, reading(entry("a", 1_000_001, 5_001), life="2")) == {WEB: [1, 1]}


def test_a_row_of_totals_outlives_its_statements_but_not_its_database() -> None:
    first, grown = reading(entry("a", 10, 5)), reading(entry("a", 14, 6))
    dropped = Reading("1", {}, {}, USERS)

    assert totals_of(first, grown, reading()) == {WEB: [4, 1]}
    assert totals_of(first, grown, dropped) == {}


def test_what_a_dropped_role_did_is_of_unknown() -> None:
    assert totals_of(reading(entry("a", 10, 5, user="99"))) == {Owner("app", UNKNOWN): [0, 0]}


def test_a_renamed_database_goes_on_under_its_new_name() -> None:
    renamed = Reading("1", dict([entry("a", 12, 6)]), {"5": "new"}, USERS)

    assert totals_of(reading(entry("a", 10, 5)), renamed) == {Owner("new", "web"): [2, 1]}


def test_what_was_counted_ends_with_its_server() -> None:
    class Server:
        """It can be referred to weakly."""

    server = Server()
    counted = statements_of(server)  # type: ignore[arg-type]
    same = statements_of(server)  # type: ignore[arg-type]
    assert counted is same

    gone = ref(counted)
    del server, counted, same
    gc.collect()

    assert gone() is None


@dataclass
class Following:
    """A top of two statements fed with readings."""

    top: Top = field(default_factory=lambda: Top(2, 2, time=1))
    before: Reading | None = None

    def reads(self, *rows: Row) -> dict[str, float]:
        now = reading(*rows)
        self.top.add(now, growth(self.before, now))
        self.before = now
        return {statement.queryid: values[0] for statement, values in self.top.rows()}


def test_at_first_the_lifetime_decides_and_values_are_those_of_the_extension() -> None:
    shown = Following().reads(entry("a", 10, 5), entry("b", 20, 500), entry("c", 30, 50))

    assert shown == {"b": 20, "c": 30, OTHER: 0}


def test_recent_time_replaces_past_time_and_each_call_is_counted_once() -> None:
    following = Following()
    following.reads(entry("a", 10, 5), entry("b", 20, 500), entry("c", 30, 50))

    shown = following.reads(entry("a", 14, 9), entry("b", 20, 500), entry("c", 31, 51))

    # The four calls of `a` were counted before it was shown.
    assert shown == {"a": 14, "c": 31, OTHER: 4}


def test_a_statement_that_is_a_little_heavier_replaces_nobody() -> None:
    following = Following()
    following.reads(entry("a", 1, 0), entry("b", 1, 0), entry("c", 1, 0))
    assert set(following.reads(entry("a", 2, 100), entry("b", 2, 100), entry("c", 1, 0))) >= {"a", "b"}

    for step in range(1, 5):
        heavy = entry("a", 2 + step, 100 * step), entry("b", 2 + step, 100 * step)
        shown = following.reads(*heavy, entry("c", 2 + step, 150 * step))
        assert set(shown) == {"a", "b", OTHER}, "the others took a third less time, not clearly less"


def test_a_statement_that_returns_continues_where_it_was_left() -> None:
    following = Following()
    first = following.reads(entry("a", 10, 900), entry("b", 20, 900), entry("c", 30, 0))
    busy = following.reads(entry("a", 15, 910), entry("b", 20, 900), entry("c", 31, 99))
    hidden = following.reads(entry("a", 99, 911), entry("b", 23, 9_000), entry("c", 32, 9_000))
    back = following.reads(entry("a", 100, 99_999), entry("b", 23, 9_000), entry("c", 32, 9_000))

    assert first == {"a": 10, "b": 20, OTHER: 0}
    assert busy == {"a": 15, "c": 31, OTHER: 1}
    assert hidden == {"b": 20, "c": 32, OTHER: 1 + 84 + 3}, "the calls with which `a` left too"
    assert "a" in back
    assert back["a"] == 15, "it left with 15; its last call was still counted with the others"


def test_a_shown_statement_that_is_gone_and_idle_loses_its_place() -> None:
    following = Following()
    following.reads(entry("a", 1, 1), entry("b", 1, 1))

    assert set(following.reads(entry("b", 1, 1))) == {"b", OTHER}
