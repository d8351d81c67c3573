from __future__ import annotations

import pytest

from exporter.model.slow_query import SlowKind, SlowQuery
from exporter.slow_log.minutes import SECONDS, STATEMENTS, Minutes
from tests.unit.slow_log.queries import slow, statement


def test_an_hour_of_a_slow_statement_is_a_line_a_minute_and_no_call_is_lost() -> None:
    minutes, lines = Minutes(), list[SlowQuery]()
    for reading in range(120):
        lines += minutes.take(statement("a", calls=3, seconds=0.2), 30.0 * reading)
    lines += minutes.all()

    assert 60 <= len(lines) <= 61
    assert lines[0].calls == 3, "the first one is reported at once"
    assert sum(line.calls for line in lines) == 360


def test_what_is_added_up_has_the_mean_of_all_calls() -> None:
    minutes = Minutes()
    first = statement("a", calls=1, seconds=0.5, since=10.0)
    assert [*minutes.take(first, 0.0)] == [first]
    assert [*minutes.take(statement("a", calls=1, seconds=0.4, since=10.0, at=40.0), 30.0)] == []
    assert [*minutes.take(statement("a", calls=3, seconds=0.2, since=10.0, at=70.0), 59.0)] == []
    assert minutes.next_at() == SECONDS
    (line,) = minutes.due(60.0)

    assert (line.calls, line.at, line.since) == (4, 70.0, 10.0)
    assert line.seconds == pytest.approx(0.25)


def test_a_statement_is_told_from_others_and_forgotten_when_it_is_slow_no_more() -> None:
    minutes = Minutes()
    others = [
        statement("a"), statement("b"), statement("a", datname="x"), statement("a", user="x"),
        statement("a", target="x"), statement("a", server="x"), statement("", queryid="1"),
        statement("", queryid="2"),
    ]  # fmt: skip
    assert [query for other in others for query in minutes.take(other, 0.0)] == others
    assert [*minutes.due(60.0)] == []
    assert minutes.next_at() is None
    assert [*minutes.take(others[0], 61.0)] == [others[0]], "it is new again"


@pytest.mark.parametrize("kind", [SlowKind.RUNNING, SlowKind.COMMAND])
def test_events_are_reported_as_they_come(kind: SlowKind) -> None:
    minutes = Minutes()
    same = [slow(kind, id="a")] * 5

    assert [query for one in same for query in minutes.take(one, 0.0)] == same


def test_many_statements_are_not_followed_for_ever_and_not_lost() -> None:
    minutes, calls = Minutes(), 0
    for round_ in range(2):
        for number in range(STATEMENTS + 50):
            calls += sum(q.calls for q in minutes.take(statement(str(number)), float(round_)))

    calls += sum(query.calls for query in minutes.all())
    assert calls == 2 * (STATEMENTS + 50)
