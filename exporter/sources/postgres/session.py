"""One psycopg connection under deadlines.

The trap that this module is about: psycopg answers a cancelled `execute` by sending a cancel request
and waiting for the statement's end, up to ten seconds on a server that does not answer. So a
statement runs in a task of its own, the caller waits for that task no longer than its deadline, and
a statement that was given up is ended behind the caller's back: first a cancel request, and where
that is not answered either the socket is shut down, which ends the wait at once on our side.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.types.string import TextLoader

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Refused, SourceError, Unavailable
from exporter.sources.postgres.decode import rows_of
from exporter.sources.postgres.pipeline import Pipeline
from exporter.sources.postgres.rows import Rows

CANCEL_SECONDS = 0.5
"""How long a cancel request may take, and then the statement to obey, before the socket is shut."""


AGAIN_SECONDS = 0.1
"""How soon a cancel request is sent again."""
END_SECONDS = 0.8
"""How long all that may take: less than closing waits for it."""


class NotAnswering(Unavailable):
    """Connecting ended because nothing came back: not even a refusal."""


class ConnectionLost(Unavailable):
    """The connection broke: a statement that only reads may be tried on another one."""


class TextContext:
    """A psycopg context whose connections hand out every value as text, unparsed.

    The page needs text; parsing numbers only to print them again costs more than the whole encoding.
    """

    def __init__(self) -> None:
        self.adapters = AdaptersMap(types=psycopg.postgres.types)
        self.adapters.register_loader(0, TextLoader)
        self.connection = None


class Connection(psycopg.AsyncConnection[Any]):
    """A psycopg connection that remembers how its session is set up.

    Attributes:
        statement_timeout_ms: the session's `statement_timeout`.
        with_each: settings that go with each statement, because a pooler gives us another session each
            time: `set_config(...)` expressions; empty where the session is ours.
    """

    statement_timeout_ms = 0
    with_each = ""

    @cached_property
    def pipeline_of_ours(self) -> Pipeline:
        """Sends many statements at once, and knows which are prepared."""
        return Pipeline(self)


class Session:
    """A connection in use by one caller at a time.

    Args:
        conn: an open connection in autocommit mode, made with `TextContext`.
        prepare: whether statements are prepared; not for the consoles of poolers.

    Attributes:
        pid: the server's process.
        stuck: whether a statement was not ended by cancel requests: that process may still be at it.
    """

    def __init__(self, conn: Connection, *, prepare: bool = True) -> None:
        self.conn = conn
        self._prepare = prepare
        self._given_up: asyncio.Task[Any] | None = None
        self.pid = conn.pgconn.backend_pid
        self.stuck = False

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.conn.info.server_version // 10_000

    @property
    def usable(self) -> bool:
        """Whether the connection can run another statement."""
        return self._given_up is None and not self.conn.closed

    async def run(self, sql: str, deadline: Deadline) -> Rows:
        """Runs one statement that returns rows.

        Raises:
            DeadlineExceeded: not done in time; `end()` has to be awaited before the connection is used.
            ConnectionLost: the connection broke.
            Refused: the server answered no.
        """
        pooled = self.conn.with_each
        if pooled:
            # One message is one transaction: the settings end with it, and so does our hold on the session.
            timeout = f"set_config('statement_timeout', '{_milliseconds(deadline)}', true)"
            sql = f"SELECT {timeout}, {pooled};\n{sql}"
        prepare = self._prepare and not pooled
        cursor = await self._within(self.conn.execute(sql.encode(), prepare=prepare), deadline)
        if pooled:
            cursor.nextset()
        return rows_of(cursor.pgresult, self.conn, self.major)

    async def run_together(
        self, queries: Sequence[str], take: Callable[[Rows | SourceError], None], deadline: Deadline
    ) -> None:
        """Runs statements that return rows in one go, and hands out what becomes of each as it comes.

        Raises:
            SourceError: the connection broke, or time is up; what `take` has not been given did not come.
        """
        pipeline = self.conn.pipeline_of_ours

        def heard(answer: Any) -> None:
            if isinstance(answer, psycopg.Error):
                take(explain(answer, lost=self.conn.closed))
            else:
                take(rows_of(answer, self.conn, self.major))

        await self._within(pipeline.run(queries, heard), deadline)

    async def limit_statements(self, deadline: Deadline) -> None:
        """Tells the server to end statements by itself about when the deadline passes.

        Only a backstop for the case that we are gone by then, so it is not set again as long as the
        session's value is roughly right: that saves a round trip on each query.
        """
        wanted = _milliseconds(deadline)
        now = self.conn.statement_timeout_ms
        if self.conn.with_each or wanted <= now <= 2 * wanted + 1000:
            return
        milliseconds = -(-wanted // 500) * 500
        await self._within(self.conn.execute(f"SET statement_timeout = {milliseconds}".encode()), deadline)
        self.conn.statement_timeout_ms = milliseconds

    async def execute(self, message: str, deadline: Deadline, *, extended: bool = False) -> Any:
        """The driver's cursor after one message, for who has to know the server's own error.

        Args:
            message: one statement, or several.
            deadline: when the answer must be there.
            extended: by the extended protocol, where the server takes one statement only.

        Raises:
            DeadlineExceeded: not done in time; `end()` has to be awaited before the connection is used.
            psycopg.Error: what the server said, or that the connection broke.
        """
        running = self.conn.execute(message.encode(), prepare=False, binary=extended)
        return await self._awaited(running, deadline)

    async def _within(self, statement: Coroutine[Any, Any, Any], deadline: Deadline) -> Any:
        """The same with errors of ours."""
        try:
            return await self._awaited(statement, deadline)
        except psycopg.Error as error:
            raise explain(error, lost=self.conn.closed) from None

    async def _awaited(self, statement: Coroutine[Any, Any, Any], deadline: Deadline) -> Any:
        """Waits for a statement no longer than the deadline, and leaves it to `end` otherwise.

        asyncio.wait does the same for any number of tasks, and takes three times as long.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(statement)
        done: asyncio.Future[None] = loop.create_future()
        task.add_done_callback(lambda _task: _wake(done))
        timer = loop.call_at(deadline.at, _wake, done)
        try:
            await done
        except asyncio.CancelledError:
            self._given_up = task
            raise
        finally:
            timer.cancel()
        if not task.done():
            self._given_up = task
            raise DeadlineExceeded("the server had not answered the query when time was up")
        return task.result()

    async def end(self) -> bool:
        """Ends a statement that was given up. True if the server took part in it.

        Takes at most `END_SECONDS`. False means that the server is not answering, and that
        the connection is gone.
        """
        task, self._given_up = self._given_up, None
        if task is None:
            return True
        until = Deadline.after(END_SECONDS)
        while not task.done() and until.left():
            # Again and again: each request ends one statement of those that were sent together.
            with suppress(psycopg.Error, TimeoutError, OSError):
                async with asyncio.timeout(min(CANCEL_SECONDS, until.left())):
                    await self.conn.cancel_safe(timeout=CANCEL_SECONDS)
            await asyncio.wait({task}, timeout=min(AGAIN_SECONDS, until.left()))
        answered = task.done()
        if not answered:
            self.stuck = True
            shut_down(self.conn)
        await asyncio.wait({task})
        task.exception()  # fetched, so that it is not reported as lost
        return answered


def _milliseconds(deadline: Deadline) -> int:
    return int(deadline.left() * 1000) + 1


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def shut_down(conn: psycopg.AsyncConnection[Any]) -> None:
    """Shuts the connection's socket down, so that whoever waits on it sees its end at once.

    The descriptor stays open until psycopg closes it: closing it here would let another connection
    get its number while the event loop still watches it.
    """
    with suppress(psycopg.Error, OSError), _duplicate(conn) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


async def hang_up(conn: psycopg.AsyncConnection[Any], seconds: float = 0.3) -> None:
    """Closes a connection and waits until the server's process has really gone.

    libpq closes its socket and leaves the backend to notice, so that for a moment the server would
    count one session more than we may have when the next one is opened at once.
    """
    loop = asyncio.get_running_loop()
    try:
        duplicate = _duplicate(conn)
    except (psycopg.Error, OSError):  # it is closed already
        return
    with duplicate, suppress(OSError, TimeoutError):
        duplicate.setblocking(False)
        await conn.close()  # says goodbye: without that the server counts the session as abandoned
        async with asyncio.timeout(seconds):
            while await loop.sock_recv(duplicate, 4096):
                pass


def _duplicate(conn: psycopg.AsyncConnection[Any]) -> socket.socket:
    return socket.socket(fileno=os.dup(conn.pgconn.socket))


_UNAVAILABLE = ("57P", "53300", "28", "3D", "08")
_UNSUPPORTED = ("0A", "42883", "42P01", "42703")


def explain(error: psycopg.Error, *, lost: bool) -> SourceError:
    """A driver's error as one of ours: classified by SQLSTATE, in one line, without the statement.

    Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes".
    """
    state = error.sqlstate or ""
    text = " ".join((error.diag.message_primary or str(error)).split())
    if state == "57014":
        return DeadlineExceeded(f"the server ended the query: {text}")
    if state == "55P03":
        return DeadlineExceeded("waited for a lock longer than lock_timeout")
    if state.startswith(_UNAVAILABLE):
        return ConnectionLost(text) if lost else Unavailable(text)
    if state == "42501":
        return Refused(f"{text}: GRANT pg_monitor to the exporter's role", Reason.PERMISSION)
    if state.startswith(_UNSUPPORTED):
        return Refused(text, Reason.UNSUPPORTED)
    return ConnectionLost(text) if lost or not state else Refused(text)
