"""The sessions beside the kept one: opened for a scrape or a background run, closed after it, within a bound.

A session serves one database only, so with many databases keeping one in each would cost the server
hundreds of idle processes. All statements for one place that are wanted at the same time share one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, NamedTuple

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Unavailable
from exporter.sources.postgres.connect import Connector
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.session import Connection, Session, hang_up

REFUSED_SECONDS = 60.0
"""How long a database that refused us is not asked again: each attempt is a line in the server's log."""

# libpq hands out no SQLSTATE of a failed connection. Anything else may be over in a moment; where the server
# speaks another language we ask more often, and that is all.
REFUSAL = re.compile(
    r"does not exist|no such database|permission denied for database|pg_hba\.conf|not currently accepting"
)


class Place(NamedTuple):
    """Where a statement runs.

    Attributes:
        database: its name; empty for the main one.
        aside: whether it is background work, which takes one session at a time and none from scrapes.
        own_search_path: whether the role's own `search_path` holds.
    """

    database: str
    aside: bool = False
    own_search_path: bool = False

    @property
    def name(self) -> str:
        """What people call the database in messages."""
        return f"database {self.database}" if self.database else "the main database"


class _Shared:
    """The session in one place, and how many statements still want it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.session: Session | None = None
        self.wanted = 0


class OtherSessions:
    """Runs statements in any database, over `size` sessions at the most.

    Args:
        connector: opens them.
        size: how many.
        terminate: ends a process of the server whose statement does not obey cancel requests.
    """

    def __init__(self, connector: Connector, size: int, terminate: Callable[[int], Awaitable[None]]) -> None:
        self._connector = connector
        self._terminate = terminate
        self._slots = asyncio.Semaphore(size)
        self._aside = asyncio.Semaphore(1)
        self._shared: dict[Place, _Shared] = {}
        self._behind: set[asyncio.Task[None]] = set()
        self._refused: dict[str, tuple[float, Unavailable]] = {}

    def refused(self) -> list[str]:
        """The databases that refused us a moment ago, though the server answers."""
        self._refused = {
            name: entry for name, entry in self._refused.items() if monotonic() - entry[0] < REFUSED_SECONDS
        }
        return list(self._refused)

    async def fetch(self, place: Place, sql: Callable[[int], str], deadline: Deadline) -> Rows:
        """The rows of one query in one place.

        Raises:
            SourceError: they did not come.
        """
        if place.database in self.refused():
            raise self._refused[place.database][1].with_traceback(None)
        shared = self._shared.setdefault(place, _Shared())
        shared.wanted += 1
        try:
            async with asyncio.timeout(deadline.left()) as waiting, shared.lock:
                waiting.reschedule(None)
                session = await self._session(shared, place, deadline)
                await session.limit_statements(deadline)
                return await session.run(sql(session.major), deadline)
        except TimeoutError:
            raise DeadlineExceeded(f"{place.name}: its turn did not come in time") from None
        finally:
            shared.wanted -= 1
            self._tidy(place, shared)

    @asynccontextmanager
    async def session(self, place: Place, deadline: Deadline) -> AsyncIterator[Session]:
        """A fresh session that nobody else uses, and that is closed at the end.

        Raises:
            Unavailable: it can't be had.
            DeadlineExceeded: its turn did not come in time, or no connection.
        """
        if place.database in self.refused():
            raise self._refused[place.database][1].with_traceback(None)
        try:
            async with self._place_for_one(place, deadline):
                session = Session(await self._connect(place, deadline), prepare=False)
        except TimeoutError:
            raise DeadlineExceeded(f"{place.name}: its turn did not come in time") from None
        try:
            yield session
        finally:
            self._later(self._close(session, place))

    async def _session(self, shared: _Shared, place: Place, deadline: Deadline) -> Session:
        if shared.session is None:
            async with self._place_for_one(place, deadline):
                shared.session = Session(await self._connect(place, deadline), prepare=False)
        return shared.session

    @asynccontextmanager
    async def _place_for_one(self, place: Place, deadline: Deadline) -> AsyncIterator[None]:
        """Takes what a session needs; it stays taken unless opening the session fails."""
        async with asyncio.timeout(deadline.left()):
            if place.aside:
                await self._aside.acquire()
            try:
                await self._slots.acquire()
            except BaseException:
                self._release(place, slots=False)
                raise
        try:
            yield
        except BaseException:
            self._release(place)
            raise

    def _release(self, place: Place, *, slots: bool = True) -> None:
        if slots:
            self._slots.release()
        if place.aside:
            self._aside.release()

    async def _connect(self, place: Place, deadline: Deadline) -> Connection:
        where = {"dbname": place.database} if place.database else {}
        opening = self._connector.connect(own_search_path=place.own_search_path, **where)
        task = asyncio.create_task(opening)
        try:
            done, _ = await asyncio.wait({task}, timeout=deadline.left())
        except asyncio.CancelledError:
            self._drop(task)
            raise
        if not done:
            self._drop(task)
            raise DeadlineExceeded(f"{place.name}: no connection in time")
        try:
            return task.result()
        except Unavailable as error:
            if place.database and REFUSAL.search(str(error)):
                self._refused[place.database] = (monotonic(), error)
            raise

    def _drop(self, task: asyncio.Task[Connection]) -> None:
        task.cancel()
        self._later(_close_unused(task))

    def _tidy(self, place: Place, shared: _Shared) -> None:
        """Closes the session that nobody wants any more, or that can't be used any more."""
        session = shared.session
        if session is not None and (not shared.wanted or not session.usable):
            shared.session = None
            self._later(self._close(session, place))
        if not shared.wanted and self._shared.get(place) is shared:
            del self._shared[place]

    async def _close(self, session: Session, place: Place) -> None:
        try:
            await session.end()
            await hang_up(session.conn)
            if session.stuck:
                await self._terminate(session.pid)
        finally:
            self._release(place)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def close(self) -> None:
        """Waits a second at most for what is being closed."""
        if self._behind:
            await asyncio.wait(self._behind, timeout=1.0)


async def _close_unused(task: asyncio.Task[Connection]) -> None:
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await hang_up(task.result())
