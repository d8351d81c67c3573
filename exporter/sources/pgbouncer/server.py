"""PgBouncer's admin console: SHOW commands by name, on one connection to the database `pgbouncer`.

The console speaks the simple query protocol only: autocommit, nothing prepared, no SET of ours. It
answers one command after the other, and so does this.

From version 1.23 on SIGTERM waits until the last client has gone, and a client of the console counts as
one. So there the connection serves the commands of one scrape and is then closed: a kept one would hold
up PgBouncer's own end. Before that it is kept, because a login costs both sides more than all commands
of a scrape together.

Source: PgBouncer documentation, "Admin console" and "Signals".
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from time import monotonic
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Refused, SourceError, Unavailable
from exporter.sources.gate import GRACE_SECONDS, Gate
from exporter.sources.pgbouncer.answers import Answers
from exporter.sources.pgbouncer.source import Columns, PgBouncerOptions, Row
from exporter.sources.postgres.connect import connection_params, open_connection
from exporter.sources.postgres.rows import Rows
from exporter.sources.postgres.session import Connection, ConnectionLost, Session
from exporter.sources.updown import UpDown

CONSOLE = {
    "dbname": "pgbouncer",
    # The environment or a DSN made for PostgreSQL may set these; the console refuses the first, and
    # has no answer to the question that libpq asks for the second.
    "options": "",
    "target_session_attrs": "any",
}
"""What takes the place of the DSN's parameters."""

OPEN_SECONDS = 1.0
"""How old a connection becomes where it would hold up PgBouncer's end, or older for the commands that are
waiting then.

Longer than the gaps between the commands of a scrape, shorter than the gaps between scrapes. The age
counts, not the last use, so that scrapes every second don't keep it open for good.
"""
KEPT_SECONDS = 300.0
"""How old it becomes where it does no harm."""
CLIENTS_HOLD_UP = 1_23_00
"""The first version whose SIGTERM waits for clients, as libpq writes versions of old: 1.23.0."""

REMEDIES = {
    "not allowed": "add the user to stats_users in pgbouncer.ini",
    "no such user": "add the user to PgBouncer's auth_file, and to stats_users in pgbouncer.ini",
    "authentication failed": "compare user and password with PgBouncer's auth_file",
    "no password supplied": "set pgbouncer.password",
    "SSL": "compare sslmode in pgbouncer.dsn with client_tls_sslmode in pgbouncer.ini",
    'database "pgbouncer" does not exist': "a PostgreSQL server answers here, no PgBouncer",
}
"""A word of a login's refusal -> what to do."""
NO_CONSOLE = "unrecognized configuration parameter"
"""What PostgreSQL says of SHOW commands that only PgBouncer knows."""


class PgBouncerServer:
    """Runs SHOW commands on one PgBouncer, one after the other.

    Attributes:
        address: `host:port`, for labels and messages.
        options: as given.
    """

    def __init__(self, options: PgBouncerOptions) -> None:
        seconds = max(2.0, options.connect_timeout_seconds)
        # libpq's own limit only backs up the gate's, which knows a silent target from one that refuses.
        self._conninfo, self.address = connection_params(options.dsn, options.password, seconds + 1.0)
        self.gate: Gate[Connection] = Gate(self._connect, self.describe(), attempt_seconds=seconds)
        self.options = options
        self._answers = Answers()
        self._turn = asyncio.Lock()
        self._callers = 0
        self._conn: Connection | None = None
        self._close_at = 0.0
        self._closing: asyncio.TimerHandle | None = None
        self._behind: set[asyncio.Task[None]] = set()
        self._asked_at: float | None = None
        self._failure = (0.0, "")
        self._state = UpDown(self.describe())

    def describe(self) -> str:
        """What people call this target in messages."""
        return f"pgbouncer at {self.address}"

    async def show(self, what: str, deadline: Deadline, max_age: float = 0.0) -> Sequence[Row]:
        """The rows of `SHOW <what>`; with `max_age` an answer that is no older in seconds will do.

        Raises:
            Unavailable: PgBouncer can't be reached, does not let the user in, or does not answer.
            DeadlineExceeded: there was not enough time left for an answer.
            Refused: the console answered no: it does not know the command.
        """
        rows = await self._rows(what, deadline, max_age)
        return [dict(zip(rows.names, row, strict=True)) for row in zip(*rows.columns, strict=True)]

    async def columns(self, what: str, deadline: Deadline) -> Columns:
        """The same by column; raises what `show` does."""
        rows = await self._rows(what, deadline, 0.0)
        return dict(zip(rows.names, rows.columns, strict=True))

    async def _rows(self, what: str, deadline: Deadline, max_age: float) -> Rows:
        if self._callers == 0:
            self._answers.begin()
        self._callers += 1
        self._keep()
        try:
            rows = await self._queued(what, deadline, max_age)
        except Unavailable as error:
            self._answers.forget()
            self._state.down(error)
            raise
        finally:
            self._callers -= 1
            self._close_soon()
        self._state.up()
        return rows

    async def _queued(self, what: str, deadline: Deadline, max_age: float) -> Rows:
        came = monotonic()
        await self.gate.enter(deadline)  # before queueing: while it hangs, nobody should queue
        try:
            async with asyncio.timeout(deadline.left()) as waiting, self._turn:
                waiting.reschedule(None)
                # Without this each call of a scrape would wait for an attempt of its own, and those for
                # the gate's pauses between attempts.
                if (found := self._found_since(came)) is not None:
                    raise found
                known = self._answers.known(what, came, max_age)
                return known if known is not None else await self._in_turn(what, deadline)
        except TimeoutError:
            late = DeadlineExceeded(f"{self.describe()}: other SHOW commands took all the time")
            raise self._found_since(came) or late from None

    def _found_since(self, came: float) -> Unavailable | None:
        """What other calls have found out while this one queued: it is the answer to this one, too."""
        at, text = self._failure
        if at >= came:
            return Unavailable(text)
        if self._asked_at is not None and monotonic() - self._asked_at >= GRACE_SECONDS:
            return Unavailable(f"{self.describe()}: not answering")
        return None

    async def _in_turn(self, what: str, deadline: Deadline) -> Rows:
        try:
            try:
                return await self._on_connection(what, deadline)
            except ConnectionLost:
                return await self._on_connection(what, deadline)  # it died while it was idle
        except Unavailable as error:
            self._failure = (monotonic(), str(error))
            raise

    async def _on_connection(self, what: str, deadline: Deadline) -> Rows:
        conn = await self.gate.enter(deadline)
        session, began = Session(conn, prepare=False), monotonic()
        self._asked_at = began
        try:
            rows = await session.run(f"SHOW {what}", deadline)
        except ConnectionLost as error:
            self.gate.lost(conn)
            self._later(conn.close())
            raise ConnectionLost(f"{self.describe()}: {error}") from None
        except DeadlineExceeded:
            unanswered = self._unanswered(what, monotonic() - began)
            self.gate.lost(conn, hanging=unanswered if isinstance(unanswered, Unavailable) else None)
            self._later(_drop(session))
            raise unanswered from None
        except asyncio.CancelledError:
            self.gate.lost(conn)
            self._later(_drop(session))
            raise
        except (Unavailable, Refused) as error:
            if NO_CONSOLE in str(error):
                raise Unavailable(
                    f"{self.describe()}: a PostgreSQL server answers here, no PgBouncer"
                ) from None
            refusal = self._refused(what, str(error))
            self._answers.refused(what, refusal)
            raise refusal from None
        finally:
            self._asked_at = None
        self._answers.keep(what, began, rows)
        return rows

    def _unanswered(self, what: str, seconds: float) -> SourceError:
        """The error after waiting so long in vain. Who had no time left knows nothing about the target."""
        text = f"{self.describe()}: no answer to SHOW {what} within {seconds:.1f} s"
        return Unavailable(text) if seconds >= GRACE_SECONDS else DeadlineExceeded(text)

    def _refused(self, what: str, text: str) -> Refused:
        """The console's no. It has one SQLSTATE for all, so the sentence has to tell."""
        reason = Reason.UNSUPPORTED if "invalid command" in text else Reason.ERROR
        return Refused(f"{self.describe()}: SHOW {what}: {text}", reason)

    async def _connect(self) -> Connection:
        try:
            conn = await open_connection(self._conninfo, self.describe(), **CONSOLE)
        except Unavailable as error:
            raise _with_remedy(error) from None
        version = conn.info.server_version
        self._answers.connected(version)
        seconds = KEPT_SECONDS if version < CLIENTS_HOLD_UP else OPEN_SECONDS
        self._conn, self._close_at = conn, monotonic() + seconds
        self._close_soon()
        return conn

    def _keep(self) -> None:
        if self._closing is not None:
            self._closing.cancel()

    def _close_soon(self) -> None:
        self._keep()  # a second timer would go off in the middle of somebody's command
        if self._callers == 0 and self._conn is not None:
            left = self._close_at - monotonic()
            self._closing = asyncio.get_running_loop().call_later(max(0.0, left), self._let_go)

    def _let_go(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None and self.gate.lost(conn):
            self._later(conn.close())

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def close(self) -> None:
        """Ends the connection; waits a second at most."""
        self._keep()
        conn = self.gate.close()
        if conn is not None:
            await conn.close()
        if self._behind:
            await asyncio.wait(self._behind, timeout=1.0)


def _with_remedy(error: Unavailable) -> Unavailable:
    text = str(error)
    remedy = next((remedy for word, remedy in REMEDIES.items() if word in text), None)
    return Unavailable(f"{text}: {remedy}") if remedy else error


async def _drop(session: Session) -> None:
    """Ends a command that was given up, and its connection: a late answer must not be the next one's."""
    await session.end()
    await session.conn.close()
