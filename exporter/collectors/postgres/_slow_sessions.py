"""Queries that run longer than a threshold, followed from one look at the server to the next. No I/O.

A process and the time at which its query began are one slow query: it is reported when it is first seen and
once more when it is seen no longer, with the last known duration. What runs longer than the threshold but
ends between two looks is not seen; it shows in pg_stat_statements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from exporter.model.slow_query import LONGEST_TEXT, SlowKind, SlowQueries, SlowQuery
from exporter.sql.normal import fingerprint
from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of


class SessionKey(NamedTuple):
    """One query of one session: the process, and when the query began, as the server writes it."""

    pid: str
    began: str


class Session(NamedTuple):
    """A session whose query has been running for longer than the threshold.

    Attributes:
        key: tells its query apart.
        seconds: for which the query has been running.
        datname, user, application_name: whose it is.
        wait_event: `Lock:relation`; empty if it does not wait.
        blocked_by: processes that hold what it waits for.
        queryid: empty where it is not computed.
        text: as the server has it; None for a session that is only counted.
        cut: whether the server keeps only the first part of the text.
    """

    key: SessionKey
    seconds: float
    datname: str
    user: str
    application_name: str
    wait_event: str
    blocked_by: tuple[int, ...]
    queryid: str
    text: str | None
    cut: bool


def sessions(columns: Iterable[Sequence[str | None]]) -> Iterator[Session]:
    """The sessions of a reply, one sequence for each column of the query."""
    for row in zip(*columns, strict=True):
        pid, began, seconds, datname, user, application, wait, blockers, queryid, cut, text = row
        key = SessionKey(pid or "", began or "")
        blocked_by = tuple(int(blocker) for blocker in (blockers or "").strip("{}").split(",") if blocker)
        yield Session(
            key,
            float(seconds or 0),
            datname or "",
            user or "",
            application or "",
            wait or "",
            blocked_by,
            queryid or "",
            text,
            cut == "t",
        )


@dataclass(slots=True)
class Counted:
    """What one database's slow queries come to: how many began, and how long they ran."""

    queries: int = 0
    seconds: float = 0.0


class Following:
    """The slow queries that run, and the counters of all that have.

    Attributes:
        counted: by database, since this process began.
    """

    def __init__(self, server: str, queries: SlowQueries) -> None:
        self._server = server
        self._queries = queries
        self._seconds: dict[SessionKey, float] = {}
        self._known: dict[SessionKey, SlowQuery] = {}
        self.counted: dict[str, Counted] = {}

    async def saw(self, found: Sequence[Session], at: float) -> None:
        """Takes what one look has shown, at a Unix time; with pauses in which others get their turn."""
        for session in found:
            self._count(session)
        self._seconds = {session.key: session.seconds for session in found}
        for key in self._known.keys() - self._seconds.keys():
            self._queries.note(replace(self._known.pop(key), ended=True), key)
        for session in found:
            if session.key in self._known:
                self._note(session, at)
            elif session.text is not None:
                self._note(session, at)
                await asyncio.sleep(0)  # a long text takes milliseconds

    def forget(self, but: Collection[str]) -> None:
        """Drops the counters of databases that are gone."""
        self.counted = {name: counted for name, counted in self.counted.items() if name in but}

    def _count(self, session: Session) -> None:
        counted = self.counted.setdefault(session.datname, Counted())
        before = self._seconds.get(session.key)
        counted.queries += before is None
        counted.seconds += max(0.0, session.seconds - (before or 0.0))

    def _note(self, session: Session, at: float) -> None:
        before = self._known.get(session.key)
        known = before or self._described(session, at)
        now = replace(
            known,
            at=at,
            seconds=session.seconds,
            wait_event=session.wait_event or known.wait_event,
            blocked_by=session.blocked_by or known.blocked_by,
        )
        self._known[session.key] = now
        self._queries.note(now, session.key, tell=before is None)

    def _described(self, session: Session, at: float) -> SlowQuery:
        text = session.text or ""
        shape = shape_of(text) if text else None
        return SlowQuery(
            kind=SlowKind.RUNNING,
            source="postgres",
            server=self._server,
            at=at,
            since=at - session.seconds,
            seconds=session.seconds,
            ended=False,
            datname=session.datname,
            user=session.user,
            application_name=session.application_name,
            pid=int(session.key.pid),
            operation=shape.operation if shape is not None else "",
            tables=tuple(shape.tables) if shape is not None else (),
            text=redacted(text)[:LONGEST_TEXT],
            id=fingerprint(text) if text and not session.cut else "",
            queryid=session.queryid,
        )
