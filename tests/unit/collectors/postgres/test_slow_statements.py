from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporter.collectors.postgres._slow_statements import DESCRIBED, SlowStatements
from exporter.collectors.postgres._statements import Growth, Owner, Reading, Statement, growth
from exporter.collectors.postgres._statements_texts import Known
from exporter.facts.pg_stat_statements import COUNTERS, INDEX
from exporter.model.slow_query import SlowQueries, SlowQuery

NAMES = {"5": "app", "6": "other"}
OWNER = Owner("app", "web")
KNOWN = Known("0123456789abcdef", "SELECT", ("orders",), "SELECT ? FROM orders")


def counters(calls: float, ms: float) -> str:
    values = [0.0] * len(COUNTERS)
    values[INDEX["calls"]], values[INDEX["total_exec_time"]] = calls, ms
    return f"({','.join(map(str, values))})"


def reading(at: float, entries: Mapping[str, tuple[float, float]]) -> Reading:
    """What the extension has at a time: (calls, milliseconds) by key."""
    return Reading("life", {k: counters(*v) for k, v in entries.items()}, NAMES, {"10": "web"}, at=at)


class Server:
    """A server's statements, read one after the other."""

    def __init__(self, threshold: float = 0.1) -> None:
        self.queries, self.told = SlowQueries(), list[SlowQuery]()
        self.queries.listeners.add(self.told.append)
        self.slow = SlowStatements("postgres at h:1", self.queries, threshold)
        self.known: dict[Statement, Known] = {}
        self.shown = {"app", "other"}
        self._before: Reading | None = None

    def read(self, at: float, **entries: tuple[float, float]) -> list[SlowQuery]:
        """q7=(3, 400): the statement 7 has three calls and 400 ms. What is kept, the newest first."""
        self.grow(at, {f"({name[1:]},10,5,t)": values for name, values in entries.items()})
        self.slow.look(self.known, lambda name: name in self.shown)
        return self.queries.newest()

    def grow(self, at: float, entries: Mapping[str, tuple[float, float]]) -> list[Growth]:
        now = reading(at, entries)
        grown = growth(self._before, now)
        self.slow.hear(now, grown)
        self._before = now
        return grown


def test_what_counts_is_the_mean_since_the_last_reading() -> None:
    server = Server()
    assert server.read(0, q1=(1000, 1_000_000), q2=(1000, 10)) == []
    assert server.read(30, q1=(1100, 1_000_100), q2=(1000, 10)) == [], "slow in the past says nothing of now"
    (slow,) = server.read(60, q1=(1100, 1_000_100), q2=(1004, 410))

    assert (slow.queryid, slow.calls) == ("2", 4)
    assert slow.seconds == pytest.approx(0.1)
    assert (slow.datname, slow.user, slow.server) == ("app", "web", "postgres at h:1")
    assert (slow.at, slow.since) == (60, 30)
    assert server.slow.count == {"app": 1, "other": 0}
    assert server.slow.seconds == {"app": pytest.approx(0.4), "other": 0}


def test_slow_from_reading_to_reading_it_stays_one_and_begins_where_it_began() -> None:
    server = Server()
    for turn in range(4):
        found = server.read(30.0 * turn, q1=(turn, 500.0 * turn))
    assert [(q.calls, q.seconds, q.since, q.at) for q in found] == [(1, 0.5, 0, 90)]
    assert len(server.told) == 3

    server.read(120, q1=(3, 1500))
    assert server.slow.count["app"] == 0
    (again,) = server.read(150, q1=(4, 2000))
    assert again.since == 120
    assert server.slow.seconds["app"] == pytest.approx(2.0)


def test_no_call_and_no_time_is_not_slow() -> None:
    server = Server(threshold=0.001)
    server.read(0, q1=(1, 1), q2=(0, 0))
    assert server.read(30, q1=(1, 900), q2=(5, 0)) == [], "planned only, and not measured"


def test_both_levels_of_a_statement_are_one() -> None:
    server = Server()
    server.grow(0, {"(1,10,5,t)": (0, 0), "(1,10,5,f)": (0, 0)})
    server.grow(30, {"(1,10,5,t)": (1, 150), "(1,10,5,f)": (3, 350)})
    server.slow.look({}, lambda _name: True)

    assert [(q.calls, q.seconds) for q in server.queries.newest()] == [(4, 0.125)]


def test_a_database_that_is_not_to_be_shown_is_nowhere() -> None:
    server = Server()
    server.shown = {"other"}
    server.read(0, q1=(0, 0))
    assert server.read(30, q1=(1, 900)) == []
    assert server.slow.count == {"other": 0}


def test_a_text_that_comes_later_is_put_in_and_nobody_is_told_twice() -> None:
    server = Server()
    server.read(0, q1=(0, 0), q2=(0, 0))
    first = server.read(30, q1=(1, 900), q2=(1, 500))
    assert [(q.queryid, q.text) for q in first] == [("1", ""), ("2", "")], "the heavier one is newer"
    server.known[Statement(OWNER, "2")] = KNOWN
    second = server.read(60, q1=(1, 900), q2=(1, 500))

    assert [(q.queryid, q.text, q.id) for q in second] == [("1", "", ""), ("2", KNOWN.text, KNOWN.id)]
    assert (second[1].operation, second[1].tables, second[1].calls) == ("SELECT", ("orders",), 1)
    assert len(server.told) == 2


def test_all_are_counted_and_the_heaviest_are_noted() -> None:
    server = Server()
    many = {f"q{n}": (0.0, 0.0) for n in range(DESCRIBED + 50)}
    server.read(0, **many)
    found = server.read(30, **{name: (1.0, 1000.0 + int(name[1:])) for name in many})

    assert server.slow.count["app"] == DESCRIBED + 50
    assert len(found) == DESCRIBED
    assert min(int(query.queryid) for query in found) == 50


def test_a_new_life_is_no_burst() -> None:
    server = Server()
    server.read(0, q1=(1, 100))
    server._before = None
    assert server.read(30, q1=(100, 1_000_000)) == []
