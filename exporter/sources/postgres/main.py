"""The sessions in the main database: few, kept open, from psycopg_pool.

What the pool does not do, and this does: end the wait at once when connecting fails (the pool waits
its whole timeout), say why it failed, and answer at once while the server hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any, cast

from psycopg_pool import AsyncConnectionPool, PoolTimeout

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, SourceError, Unavailable
from exporter.sources.gate import Gate
from exporter.sources.postgres.connect import Connector, PostgresOptions
from exporter.sources.postgres.session import Connection, NotAnswering, Session

GRACE_SECONDS = 0.5
"""What a scrape waits for a server that hangs: once awake it has to fork, and to check a password."""
IDLE_SECONDS = 3600.0
"""An unused session is given back to the server after this long: nobody scrapes any more."""


class Busy(Exception):
    """The kept sessions are busy with something long."""


class MainSessions:
    """Hands out sessions in the main database, `size` at the most.

    Attributes:
        connections: how many were opened so far.
        pooled: whether a pooler stands between us and the server.
        database: the main database's name; None until a session has been handed out.
        pool: psycopg's pool, for its statistics.
    """

    def __init__(self, options: PostgresOptions, size: int, name: str) -> None:
        self.connector = Connector(options, self._heard)
        self._size = size
        self._slots = asyncio.Semaphore(size)
        self._listeners: set[asyncio.Future[None]] = set()
        self._behind: set[asyncio.Task[None]] = set()
        self.gate: Gate[object] = Gate(
            self._attempt,
            f"postgres at {self.connector.address}",
            attempt_seconds=_patience(options),
            grace_seconds=GRACE_SECONDS,
        )
        self._token: object = None
        self._failure: SourceError | None = None
        self._failed_at = 0.0
        self.connections = 0
        self.pooled = False
        self.database: str | None = None
        self.pool = AsyncConnectionPool(
            connection_class=cast("type[Connection]", self.connector),
            min_size=0,
            max_size=size,
            name=name,
            open=False,
            timeout=_patience(options),
            reconnect_timeout=0.0,  # the gate decides when to try again
            max_lifetime=options.max_lifetime_seconds,
            max_idle=IDLE_SECONDS,
            num_workers=size,
        )

    async def lease(self, deadline: Deadline, patience: float = inf) -> Session:
        """A session, to be given back with `give_back`.

        Args:
            deadline: when the answer to its query must be there.
            patience: how many seconds to queue for it at most.

        Raises:
            Unavailable: the server can't be reached, or does not answer.
            Busy: all sessions were busy for longer than `patience`.
            DeadlineExceeded: all sessions were busy until then.
        """
        came = monotonic()
        await self.enter(deadline)  # before queueing: while the server hangs, nobody should queue
        try:
            async with asyncio.timeout(min(deadline.left(), patience)):
                await self._slots.acquire()
        except TimeoutError:
            if deadline.left():
                raise Busy from None
            raise DeadlineExceeded("the sessions were busy with other queries until then") from None
        try:
            connection = await self._connection(deadline, came)
            self.pooled = bool(connection.with_each)
            self.database = connection.info.dbname
            return Session(connection)
        except BaseException:
            self._slots.release()
            raise

    async def enter(self, deadline: Deadline) -> None:
        """Passes at once while the server is known to answer.

        Raises:
            Unavailable: it can't be reached, or does not answer.
        """
        self._token = await self.gate.enter(deadline)

    async def _connection(self, deadline: Deadline, came: float) -> Connection:
        if not self._idle:
            if self._failure is not None and self._failed_at > came:
                # Whoever queued while the server went away shares that news: an attempt each, one
                # after the other, would take all the time there is.
                raise self._failure.with_traceback(None)
            await self.enter(deadline)
        if not self._idle:
            return await self._new_connection(deadline)
        try:
            return await self.pool.getconn(timeout=deadline.left())
        except PoolTimeout:
            raise DeadlineExceeded("somebody else got the idle session") from None

    async def _new_connection(self, deadline: Deadline) -> Connection:
        """Waits for the pool to open one more, or for the news that it could not."""
        failure = self._listen()
        getting = asyncio.create_task(self.pool.getconn(timeout=deadline.left()))
        waiting: set[asyncio.Future[Any]] = {getting, failure}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                failure.result()
            return await asyncio.shield(getting)
        except PoolTimeout:
            raise DeadlineExceeded("no further session could be opened in time") from None
        except BaseException as error:
            getting.add_done_callback(self._return_unused)
            getting.cancel()
            if isinstance(error, SourceError):
                self.gate.lost(self._token)
            raise
        finally:
            self._listeners.discard(failure)
            failure.cancel()

    @property
    def _idle(self) -> bool:
        return bool(self.pool.get_stats().get("pool_available", 0))

    def _return_unused(self, getting: asyncio.Future[Connection]) -> None:
        if not getting.cancelled() and getting.exception() is None:
            self._later(self.pool.putconn(getting.result()))

    async def give_back(self, session: Session) -> None:
        """Returns a session, whatever state it is in; a statement that was given up ends behind us."""
        if session.usable:
            await self.pool.putconn(session.conn)
            self._slots.release()
        else:
            self._later(self._end(session))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def _end(self, session: Session) -> None:
        try:
            if not await session.end():
                address = self.connector.address
                self.gate.lost(self._token, hanging=Unavailable(f"postgres at {address}: not answering"))
            elif session.conn.closed:
                self.gate.lost(self._token)
            await self.pool.putconn(session.conn)
        finally:
            self._slots.release()

    async def _attempt(self) -> object:
        """Lets the pool connect once, and passes on how that ended."""
        if self.pool.closed:
            await self.pool.open()
        while not self._idle:
            heard = self._listen()
            await self.pool.check()
            # Silence is no answer: another attempt follows, and the gate's own limit says that it hangs.
            with suppress(NotAnswering):
                await heard
                break
        return object()

    def _listen(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners.add(future)
        return future

    def _heard(self, error: SourceError | None) -> None:
        self.connections += error is None
        if not isinstance(error, NotAnswering):
            self._failure, self._failed_at = error, monotonic()
        for future in self._listeners:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()
        self._listeners.clear()

    async def close(self) -> None:
        """Ends everything; waits a second at most."""
        self.gate.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asyncio.gather(*self._behind, return_exceptions=True)
                await self.pool.close(timeout=0.5)


def _patience(options: PostgresOptions) -> float:
    return max(2.0, options.connect_timeout_seconds)
