"""Groups of statements, and their history, under whatever may happen to entries and texts."""

from __future__ import annotations

from random import Random

import pytest

from exporter.collectors.postgres._statements import Owner, Reading, Statement, Totals, growth
from exporter.collectors.postgres._statements_groups import Counted, Group, Groups
from exporter.collectors.postgres._statements_history import BY_CALLS, BY_TIME, READINGS, History
from exporter.collectors.postgres._statements_texts import Known
from exporter.facts.pg_stat_statements import COUNTERS, INDEX
from exporter.facts.statement import StatementKey

WEB = Owner("app", "web")
DATABASES = {"5": "app", "6": "shop"}
USERS = {"10": "web", "11": "job"}

Row = tuple[str, str, str]


def entry(
    queryid: str, calls: float, ms: float, *, rest: str = "t", dbid: str = "5", user: str = "10"
) -> Row:
    counters = [0.0] * len(COUNTERS)
    counters[INDEX["calls"]], counters[INDEX["total_exec_time"]] = calls, ms
    counters[INDEX["rows"]] = 2 * calls
    square = ms**2 / calls if calls else 0.0
    return f"({queryid},{user},{dbid},{rest})", f"({','.join(map(repr, counters))})", f"({square},{ms})"


def reading(*rows: Row, life: str = "1", clock: float = 0.0) -> Reading:
    entries = {key: counters for key, counters, _ in rows}
    moments = {key: text for key, _, text in rows}
    return Reading(life, entries, DATABASES, USERS, moments=moments, at=clock, clock=clock)


def known(operation: str, *tables: str, id: str = "0") -> Known:
    return Known(id, operation, tables, "text")


class Following:
    """Groups fed with readings, which know what they are told."""

    def __init__(self, size: int, **names: Known) -> None:
        self.known = {Statement(WEB, queryid): what for queryid, what in names.items()}
        self.groups = Groups(size, 0.1, self.known)
        self.before: Reading | None = None

    def reads(self, *rows: Row) -> dict[Group, Counted]:
        now = reading(*rows)
        self.groups.add(now, growth(self.before, now))
        if self.before is None:
            self.groups.settle(now)
        self.before = now
        return {group: counted for group, counted, _ in self.groups.rows()}


ORDERS = Group("app", "SELECT", "orders")
ITEMS = Group("app", "INSERT", "items")
OTHER = Group("app", "other", "other")
UNKNOWN = Group("app", "unknown", "unknown")


def test_statements_of_one_operation_and_first_table_are_one_group() -> None:
    names = {"a": known("SELECT", "orders"), "b": known("SELECT", "orders", "items")}
    following = Following(2, **names)
    first = following.reads(entry("a", 10, 1), entry("b", 20, 1))
    second = following.reads(entry("a", 13, 2), entry("b", 24, 3))

    assert first[ORDERS] == Counted()
    assert second[ORDERS] == Counted(calls=7, ms=3, rows=14)


def test_calls_are_slow_by_the_mean_of_the_interval_not_of_the_lifetime() -> None:
    following = Following(2, a=known("SELECT", "orders"))
    following.reads(entry("a", 1_000_000, 10))
    slow = following.reads(entry("a", 1_000_003, 10 + 300))[ORDERS].slow
    after = following.reads(entry("a", 1_000_009, 10 + 300 + 599))[ORDERS].slow

    assert (slow, after) == (3, 3), "100 ms is slow, less is not"


def test_the_mean_and_the_percentile_are_of_the_last_readings_only() -> None:
    following = Following(2, a=known("SELECT", "orders"))
    following.reads(entry("a", 10, 90_000))
    following.reads(entry("a", 20, 90_000 + 10 * 50))
    ((group, _, lately), *_) = following.groups.rows()
    for _ in range(4):
        following.reads(entry("a", 20, 90_000 + 10 * 50))
    ((_, _, idle), *_) = following.groups.rows()

    assert group == ORDERS
    assert lately.mean_ms == pytest.approx(50)
    assert lately.p95_ms is not None
    assert (idle.mean_ms, idle.p95_ms, idle.max_ms) == (None, None, 90_500)


def test_groups_beyond_the_size_are_in_the_row_other_and_continue_where_they_were_left() -> None:
    names = {queryid: known("SELECT", queryid) for queryid in "abc"}
    following = Following(2, **names)
    following.reads(entry("a", 1, 500), entry("b", 1, 50), entry("c", 1, 5))
    one = following.reads(entry("a", 2, 501), entry("b", 2, 51), entry("c", 5, 6))
    two = following.reads(entry("a", 2, 501), entry("b", 3, 52), entry("c", 9, 9_000))
    shown = {group.table for group in two}

    assert one[OTHER].calls == 4
    assert shown == {"b", "c", "other", "unknown"}
    assert two[OTHER].calls == 8, "the calls of `c` before it was shown; those of `a` are kept for its return"
    back = following.reads(entry("a", 3, 999_999), entry("b", 3, 52), entry("c", 9, 9_000))
    assert back[Group("app", "SELECT", "a")].calls == 1


def test_rows_of_a_database_that_is_gone_are_dropped() -> None:
    following = Following(2, a=known("SELECT", "orders"))
    following.reads(entry("a", 1, 1))
    following.before = None
    gone = Reading("1", {}, {"6": "shop"}, USERS)
    following.groups.add(gone, [])

    assert following.groups.rows() == []


def test_whatever_happens_no_row_falls_and_the_sum_is_that_of_the_totals() -> None:
    """Texts become known, entries come, go and return, groups enter and leave."""
    random = Random(7)
    following, totals, before = Following(3), Totals(len(COUNTERS)), None
    live: dict[str, list[float]] = {}
    last: dict[Group, Counted] = {}
    for _ in range(300):
        for queryid in random.sample("abcdefgh", 3):
            calls, ms = live.setdefault(queryid, [0, 0])
            more = random.randint(0, 5)
            live[queryid] = [calls + more, ms + more * random.choice([0.1, 90, 5_000])]
        if random.random() < 0.2:
            live.pop(random.choice(list(live)))
        if random.random() < 0.1:
            queryid = random.choice("abcdefgh")
            following.known[Statement(WEB, queryid)] = known(random.choice(["SELECT", "UPDATE"]), queryid)
        now = reading(*(entry(queryid, *values) for queryid, values in live.items()))
        totals.add(now, growth(before, now))
        before = now
        rows = following.reads(*(entry(queryid, *values) for queryid, values in live.items()))
        for group, counted in rows.items():
            assert counted >= last.get(group, Counted()), "no counter falls"
        last |= rows
        ((_, total),) = totals.rows()
        held = sum(counted.calls for counted in last.values())
        assert held == total[INDEX["calls"]]


def test_the_history_merges_by_text_and_keeps_levels_apart() -> None:
    names = {
        Statement(WEB, "a"): known("SELECT", "orders", id="1"),
        Statement(WEB, "b"): known("SELECT", "orders", id="1"),
        Statement(Owner("app", "job"), "a"): known("SELECT", "orders", id="1"),
    }
    history = History(names)
    before = reading(entry("a", 1, 1), entry("b", 1, 1), entry("a", 1, 1, rest="f"), clock=100)
    now = reading(
        entry("a", 3, 5),
        entry("b", 4, 2),
        entry("a", 8, 8, rest="f"),
        entry("a", 9, 9, user="11"),
        entry("x", 1, 1),
        clock=130,
    )
    history.add(before, now, growth(before, now))
    (interval,) = history.intervals()

    key, of_job = StatementKey("app", "web", "1"), StatementKey("app", "job", "1")
    assert (interval.seconds, interval.at) == (30, 130)
    assert {k: (c.calls, c.exec_ms, c.rows) for k, c in interval.counted.items()} == {
        key: (5, 5, 10),
        of_job: (9, 9, 18),
    }
    assert interval.counted[key].square_ms == pytest.approx((25 / 3 - 1) + (4 / 4 - 1))
    assert {k: c.calls for k, c in interval.nested.items()} == {key: 7}
    assert history.known()[key].queryids == ("a", "b")


def test_the_history_is_bounded_and_keeps_the_busiest() -> None:
    count = BY_CALLS + BY_TIME + 50
    names = {Statement(WEB, str(i)): known("SELECT", "t", id=str(i)) for i in range(count)}
    history = History(names)
    before = reading(clock=0)
    now = reading(*(entry(str(i), 1 + i, 1e6 if i == 0 else 1) for i in range(count)), clock=30)
    grown = growth(before, now)
    for _ in range(READINGS + 1):
        history.add(before, now, grown)

    intervals = history.intervals()
    assert len(intervals) == READINGS
    kept = {int(key.id) for key in intervals[0].counted}
    assert BY_CALLS < len(kept) <= BY_CALLS + BY_TIME
    assert kept >= {0, *range(count - BY_CALLS, count)}
