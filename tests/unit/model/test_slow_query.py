from __future__ import annotations

import gc
from dataclasses import replace
from weakref import ref

from exporter.model.slow_query import KEPT, SlowKind, SlowQueries, SlowQuery, belongs_to, slow_queries_of
from tests.unit.slow_log.queries import slow


class Source:
    """A server."""


def texts(queries: SlowQueries, kind: SlowKind | None = None) -> list[str]:
    return [query.text for query in queries.newest(kind)]


def test_the_newest_is_first_and_the_oldest_falls_out() -> None:
    queries = SlowQueries()
    for number in range(KEPT + 7):
        queries.note(slow(text=str(number)))

    assert texts(queries) == [str(number) for number in reversed(range(7, KEPT + 7))]
    queries.keep(3)
    assert texts(queries) == [str(KEPT + 6), str(KEPT + 5), str(KEPT + 4)]
    queries.note(slow(text="one more"))
    assert len(queries.newest()) == 3


def test_what_is_noted_again_takes_its_own_place_as_the_newest() -> None:
    queries = SlowQueries()
    first = slow(text="long", ended=False)
    queries.note(first, ("pid", 1))
    queries.note(slow(text="other"), ("pid", 2))
    queries.note(replace(first, seconds=9.0, ended=True), ("pid", 1))
    queries.note(slow(SlowKind.STATEMENT, text="another kind"), ("pid", 1))

    assert texts(queries) == ["another kind", "long", "other"]
    assert [(q.seconds, q.ended) for q in queries.newest(SlowKind.RUNNING)] == [(9.0, True), (0.25, True)]


def test_listeners_hear_of_it_with_the_name_of_the_target() -> None:
    queries, heard = SlowQueries(), list[SlowQuery]()
    queries.target = "orders"
    queries.listeners.add(heard.append)
    queries.note(slow(text="told"))
    queries.note(slow(text="not told"), tell=False)

    assert [(query.text, query.target) for query in heard] == [("told", "orders")]
    assert {query.target for query in queries.newest()} == {"orders"}


def test_they_are_the_sources_own_and_end_with_it() -> None:
    source, other = Source(), Source()
    slow_queries_of(source).note(slow(text="kept"))

    assert texts(slow_queries_of(source)) == ["kept"]
    assert slow_queries_of(other) is not slow_queries_of(source)
    gone = ref(slow_queries_of(source))
    del source
    gc.collect()
    assert gone() is None


def test_those_of_a_member_are_those_of_its_group() -> None:
    group, member = Source(), Source()
    belongs_to(member, group)
    slow_queries_of(member).note(slow(text="of a node"))

    assert texts(slow_queries_of(group)) == ["of a node"]
