from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporter.collectors.postgres._slow_sessions import Following, Session, SessionKey, sessions
from exporter.model.slow_query import SlowQueries, SlowQuery

BEGAN = "2026-01-31 12:00:00+00"
SELECT = "SELECT a FROM t WHERE name = 'hunter2' AND id = 4711"


def session(pid: int, seconds: float, **fields: object) -> Session:
    usual: Mapping[str, object] = {
        "key": SessionKey(str(pid), str(fields.pop("began", BEGAN))), "seconds": seconds, "datname": "app",
        "user": "web", "application_name": "shop", "wait_event": "", "blocked_by": (), "queryid": "42",
        "text": SELECT, "cut": False,
    }  # fmt: skip
    return Session(**{**usual, **fields})  # type: ignore[arg-type]


class Watching:
    """A server whose sessions are looked at."""

    def __init__(self) -> None:
        self.queries, self.told = SlowQueries(), list[SlowQuery]()
        self.queries.listeners.add(self.told.append)
        self.following = Following("postgres at h:1", self.queries)

    async def look(self, at: float, *found: Session) -> list[SlowQuery]:
        await self.following.saw(found, at)
        return self.queries.newest()


def test_rows_are_read_as_the_server_writes_them() -> None:
    row = ("12", BEGAN, "1.5", "app", "web", "shop", "Lock:relation", "{7,0,9}", "-42", "t", "SELECT 1")
    none = ("13", BEGAN, "2", "app", None, None, None, None, None, "f", None)
    found = list(sessions(zip(row, none, strict=True)))

    assert found[0].blocked_by == (7, 0, 9)
    assert (found[0].cut, found[0].seconds, found[0].queryid) == (True, 1.5, "-42")
    assert (found[1].user, found[1].wait_event, found[1].blocked_by, found[1].text) == ("", "", (), None)
    assert list(sessions([()] * 11)) == []


async def test_one_query_is_told_twice_and_kept_once() -> None:
    watching = Watching()
    await watching.look(101.5, session(7, 1.5))
    (now,) = await watching.look(106.5, session(7, 6.5, wait_event="IO:DataFileRead"))
    (ended,) = await watching.look(111.5)

    assert [(q.ended, q.seconds) for q in watching.told] == [(False, 1.5), (True, 6.5)]
    assert (now.since, now.at, now.seconds, now.ended) == (100.0, 106.5, 6.5, False)
    assert (ended.ended, ended.at, ended.wait_event) == (True, 106.5, "IO:DataFileRead")
    assert await watching.look(116.5) == [ended]
    assert watching.following.counted["app"].queries == 1
    assert watching.following.counted["app"].seconds == pytest.approx(6.5)


async def test_the_next_query_of_a_process_is_another_one() -> None:
    watching = Watching()
    await watching.look(101.5, session(7, 1.5))
    await watching.look(106.5, session(7, 1.1, began="2026-01-31 12:00:05+00"))

    assert [(q.since, q.ended) for q in watching.queries.newest()] == [(105.4, False), (100.0, True)]
    assert watching.following.counted["app"].queries == 2
    assert watching.following.counted["app"].seconds == pytest.approx(2.6)


async def test_what_it_waited_for_is_kept_when_it_waits_no_more() -> None:
    watching = Watching()
    await watching.look(101.5, session(7, 1.5, wait_event="Lock:tuple", blocked_by=(3,)))
    (query,) = await watching.look(106.5, session(7, 6.5))

    assert (query.wait_event, query.blocked_by) == ("Lock:tuple", (3,))


async def test_no_value_of_a_text_is_kept() -> None:
    (query,) = await Watching().look(101.5, session(7, 1.5))

    assert (query.operation, query.tables) == ("SELECT", ("t",))
    assert "hunter2" not in repr(query)
    assert "4711" not in repr(query)
    assert "name =" in query.text


@pytest.mark.parametrize("end", range(len(SELECT) + 1))
async def test_a_text_that_was_cut_anywhere_shows_no_value_and_has_no_id(end: int) -> None:
    (query,) = await Watching().look(101.5, session(7, 1.5, text=SELECT[:end], cut=True))

    assert query.id == ""
    assert not any(part in query.text for part in ("hun", "47"))


async def test_a_session_that_is_only_counted_becomes_one_that_is_known() -> None:
    watching = Watching()
    assert await watching.look(101.5, session(7, 1.5, text=None)) == []
    assert watching.following.counted["app"].queries == 1
    assert len(await watching.look(106.5, session(7, 6.5))) == 1
    (query,) = await watching.look(111.5, session(7, 11.5, text=None))
    assert (query.seconds, query.operation) == (11.5, "SELECT")
    assert watching.following.counted["app"].queries == 1


async def test_a_text_that_could_not_be_had_is_unknown() -> None:
    (query,) = await Watching().look(101.5, session(7, 1.5, text=""))
    assert (query.operation, query.tables, query.text, query.id) == ("", (), "", "")
