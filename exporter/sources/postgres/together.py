"""Queries that come at the same moment, sent to the kept session in one go.

A scrape is some twenty small queries. One after the other each costs a round trip, and this process more
time than the server; together they cost half of that. Nothing else may change by it: what fails fails alone,
and nobody waits behind a slow query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import NamedTuple

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, ExporterError, SourceError
from exporter.sources.postgres.main import Busy, MainSessions
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.session import Session

Query = Callable[[int], str]
"""From the server's major version to one statement that reads."""


class Alone(Exception):
    """This query is to be asked by itself: it got no rows together with others."""


class _Asked(NamedTuple):
    """One query, and the future of its rows."""

    query: Query
    rows: asyncio.Future[Rows]


class _Batch:
    """Queries that go out together, in the order in which they came.

    Attributes:
        asked: the queries.
        until: the latest deadline of theirs.
        waiting: how many callers have not left.
        answered: how many have their rows; the next one is under way.
        watch: looks whether it goes on.
        task: sends them.
    """

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.asked: list[_Asked] = []
        self.until = 0.0
        self.waiting = 0
        self.answered = 0
        self.watch: asyncio.TimerHandle | None = None

    def written(self, major: int) -> list[str]:
        """The queries for a server; who has none for it is told why, and asks nothing."""
        queries: list[str] = []
        asking: list[_Asked] = []
        for asked in self.asked:
            try:
                queries.append(asked.query(major))
            except ExporterError as error:
                if not asked.rows.done():
                    asked.rows.set_exception(error)
            else:
                asking.append(asked)
        self.asked = asking
        return queries

    def stop_watching(self) -> None:
        """Ends the look at how it goes on."""
        if self.watch is not None:
            self.watch.cancel()

    def fail(self, error: Exception, first: int = 0) -> None:
        """Tells it to all who still wait, from the `first` query on."""
        for asked in self.asked[first:]:
            if not asked.rows.done():
                asked.rows.set_exception(error)
                asked.rows.exception()  # its caller may be gone


class Together:
    """Gathers queries for the kept session.

    Args:
        main: hands the session out.
        patience: seconds that queries wait while the same one is under way.
    """

    def __init__(self, main: MainSessions, patience: float) -> None:
        self._main = main
        self._patience = patience
        self._gathering: _Batch | None = None

    async def fetch(self, query: Query, deadline: Deadline) -> Rows:
        """The rows of one query.

        Raises:
            Alone: ask for it by itself.
            Busy: something slow is before it.
            DeadlineExceeded: the rows did not come in time. Nothing of the query stays on the server.
            SourceError: there is no session.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(query, loop.create_future())
        batch = self._join(asked, deadline)
        timer = loop.call_at(deadline.at, _expire, asked.rows)
        try:
            return await asked.rows
        finally:
            timer.cancel()
            self._leave(batch)

    def _join(self, asked: _Asked, deadline: Deadline) -> _Batch:
        batch = self._gathering
        if batch is None:
            batch = self._gathering = _Batch()
            batch.task = asyncio.create_task(self._run(batch), name="ask postgres")
        batch.asked.append(asked)
        batch.until = max(batch.until, deadline.at)
        batch.waiting += 1
        return batch

    def _leave(self, batch: _Batch) -> None:
        """The last one to leave gives up what is under way; after the last answer nothing is."""
        batch.waiting -= 1
        if not batch.waiting and batch.answered < len(batch.asked) and not batch.task.done():
            if self._gathering is batch:
                self._gathering = None
            batch.task.cancel()

    async def _run(self, batch: _Batch) -> None:
        await asyncio.sleep(0)  # the other collectors of the scrape ask in the same moment
        self._gathering = None
        deadline = Deadline(batch.until)
        try:
            if len(batch.asked) > 1:
                await self._send(batch, deadline)
        except (Busy, SourceError) as error:
            batch.fail(error)
        batch.fail(Alone())

    async def _send(self, batch: _Batch, deadline: Deadline) -> None:
        session = await self._main.lease(deadline, self._patience)
        try:
            if not session.conn.with_each:  # behind a pooler settings go with each query
                self._watch(batch)
                await _exchange(session, batch, deadline)
        finally:
            batch.stop_watching()
            await self._main.give_back(session)

    def _watch(self, batch: _Batch) -> None:
        """Lets go who waits behind a query that takes long."""
        seen = batch.answered

        def look() -> None:
            if batch.answered == seen:
                batch.fail(Busy(), first=seen + 1)
            else:
                self._watch(batch)

        if isfinite(self._patience):
            batch.watch = asyncio.get_running_loop().call_later(self._patience, look)


async def _exchange(session: Session, batch: _Batch, deadline: Deadline) -> None:
    """Sends the queries and hands out rows as they come; whom a lost connection leaves without asks alone."""
    queries = batch.written(session.major)

    def take(answer: Rows | SourceError) -> None:
        waiting = batch.asked[batch.answered].rows
        batch.answered += 1
        if waiting.done():
            return
        if isinstance(answer, SourceError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    with suppress(SourceError):
        await session.limit_statements(deadline)
        await session.run_together(queries, take, deadline)


def _expire(rows: asyncio.Future[Rows]) -> None:
    if not rows.done():
        rows.set_exception(DeadlineExceeded("the server had not answered the query when time was up"))
