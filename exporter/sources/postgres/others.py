"""The sessions in the other databases: opened for a scrape, closed after it, within a bound.

A session serves one database only, so with many databases keeping one in each would cost the server
hundreds of idle processes. All statements for a database that are wanted at the same time share one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded
from exporter.sources.postgres.connect import Connector
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.session import Connection, Session, hang_up


class _Shared:
    """The session in one database, and how many statements still want it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.session: Session | None = None
        self.wanted = 0


class OtherDatabases:
    """Runs statements in any database, over `size` sessions at the most."""

    def __init__(self, connector: Connector, size: int) -> None:
        self._connector = connector
        self._slots = asyncio.Semaphore(size)
        self._shared: dict[str, _Shared] = {}
        self._behind: set[asyncio.Task[None]] = set()

    async def fetch(self, database: str, sql: Callable[[int], str], deadline: Deadline) -> Rows:
        """The rows of one query in one database; an empty name stands for the main one.

        Raises:
            SourceError: they did not come.
        """
        shared = self._shared.setdefault(database, _Shared())
        shared.wanted += 1
        try:
            async with asyncio.timeout(deadline.left()) as waiting, shared.lock:
                waiting.reschedule(None)
                session = await self._session(shared, database, deadline)
                await session.limit_statements(deadline)
                return await session.run(sql(session.major), deadline)
        except TimeoutError:
            raise DeadlineExceeded(f"{_named(database)}: its turn did not come in time") from None
        finally:
            shared.wanted -= 1
            self._tidy(database, shared)

    async def _session(self, shared: _Shared, database: str, deadline: Deadline) -> Session:
        if shared.session is None:
            async with asyncio.timeout(deadline.left()):
                await self._slots.acquire()
            try:
                shared.session = Session(await self._connect(database, deadline), prepare=False)
            except BaseException:
                self._slots.release()
                raise
        return shared.session

    async def _connect(self, database: str, deadline: Deadline) -> Connection:
        where = {"dbname": database} if database else {}
        task = asyncio.create_task(self._connector.connect(**where))
        try:
            done, _ = await asyncio.wait({task}, timeout=deadline.left())
        except asyncio.CancelledError:
            self._drop(task)
            raise
        if not done:
            self._drop(task)
            raise DeadlineExceeded(f"{_named(database)}: no connection in time")
        return task.result()

    def _drop(self, task: asyncio.Task[Connection]) -> None:
        task.cancel()
        self._later(_close_unused(task))

    def _tidy(self, database: str, shared: _Shared) -> None:
        """Closes the session that nobody wants any more, or that can't be used any more."""
        session = shared.session
        if session is not None and (not shared.wanted or not session.usable):
            shared.session = None
            self._later(self._close(session))
        if not shared.wanted and self._shared.get(database) is shared:
            del self._shared[database]

    async def _close(self, session: Session) -> None:
        try:
            await session.end()
            await hang_up(session.conn)
        finally:
            self._slots.release()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def close(self) -> None:
        """Waits a second at most for what is being closed."""
        if self._behind:
            await asyncio.wait(self._behind, timeout=1.0)


def _named(database: str) -> str:
    return f"database {database}" if database else "the main database"


async def _close_unused(task: asyncio.Task[Connection]) -> None:
    await asyncio.wait({task})
    if not task.cancelled() and task.exception() is None:
        await hang_up(task.result())
