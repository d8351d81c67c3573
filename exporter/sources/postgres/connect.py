"""Opens sessions that cannot hurt the server: read-only, bounded, named, with a safe search path."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, SourceError, Unavailable
from exporter.sources.postgres.session import (
    Connection,
    NotAnswering,
    Session,
    TextContext,
    explain,
    shut_down,
)

APPLICATION_NAME = "datastack-exporter"
LONGEST_ATTEMPT_SECONDS = 20.0

# One statement, so one round trip. Behind a pooler the settings would stay in a session that others get
# next; there the process that answers is not the one that the handshake named, and nothing is set.
# client_encoding: a server refuses to send an SQL_ASCII database's invalid bytes as UTF8, so there it has
# to send them as they are.
PREPARE_SESSION = """
SELECT CASE pg_backend_pid() WHEN {pid} THEN ARRAY[{settings},
       set_config('statement_timeout', '{statement_timeout_ms}', false),
       set_config('client_encoding',
                  CASE current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END,
                  false)] END
"""


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What counts as slow on a server, and how plans are asked for.

    Attributes:
        slow_query_seconds: the mean of a call from which a statement is slow.
        slow_running_seconds: from which a query that still runs is slow.
        plans_per_minute: plans that are asked for unasked, at most.
        plan_timeout_seconds: how long planning a statement may take.
        plan_lock_timeout_seconds: how long planning may wait for a lock.
        history_file: where the collector statement_anomalies keeps a week of mean times; None for nowhere.
    """

    slow_query_seconds: float = 0.1
    slow_running_seconds: float = 1.0
    plans_per_minute: int = 10
    plan_timeout_seconds: float = 2.0
    plan_lock_timeout_seconds: float = 0.1
    history_file: Path | None = None


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """How to reach one server, and how much of it we may use.

    Attributes:
        dsn: libpq connection string, URI or key=value; empty for libpq's own `PG*` variables.
        password: takes the place of the one in the DSN.
        discover_databases: whether database-scoped collectors read all databases, or the DSN's only.
        include_databases: regular expressions that match whole names; empty for all.
        exclude_databases: regular expressions that match whole names.
        max_connections: sessions on the server at any time.
        databases_per_scrape: databases that database-scoped collectors read anew for one scrape; the
            others take turns and show what they had.
        connect_timeout_seconds: for one attempt; libpq's least is 2.
        lock_timeout_seconds: how long one of our statements may wait for a lock.
        max_lifetime_seconds: age at which a kept session is replaced, because a backend's memory
            only grows.
        pool_sizes: application name -> sessions that its pools may have together.
        queries: what counts as slow, and how plans are asked for.
    """

    dsn: str
    password: str | None = None
    discover_databases: bool = True
    include_databases: Sequence[re.Pattern[str]] = ()
    exclude_databases: Sequence[re.Pattern[str]] = ()
    max_connections: int = 3
    databases_per_scrape: int = 50
    connect_timeout_seconds: float = 5.0
    lock_timeout_seconds: float = 0.2
    max_lifetime_seconds: float = 1800.0
    pool_sizes: Sequence[tuple[str, int]] = ()
    queries: QueryOptions = QueryOptions()

    def wants(self, database: str) -> bool:
        """Whether a database beside the main one is to be read."""
        return self.discover_databases and self.shows(database)

    def shows(self, database: str) -> bool:
        """Whether rows about a database are to be shown."""
        if self.include_databases and not any(p.fullmatch(database) for p in self.include_databases):
            return False
        return not any(pattern.fullmatch(database) for pattern in self.exclude_databases)


class Connector:
    """Opens connections to one server; psycopg_pool uses it in place of a connection class.

    Args:
        options: where to, and the bounds.
        heard: called after each attempt with None, or with the error that it ended with.
    """

    def __init__(self, options: PostgresOptions, heard: Callable[[SourceError | None], None]) -> None:
        self.conninfo, self.address = connection_params(
            options.dsn, options.password, options.connect_timeout_seconds
        )
        self._options = options
        self._heard = heard
        self._silent = 0

    async def connect(
        self, conninfo: str = "", *, own_search_path: bool = False, **kwargs: Any
    ) -> Connection:
        """A connection in autocommit mode whose session is prepared.

        Args:
            conninfo: ignored; psycopg_pool passes its own.
            own_search_path: leave the role's own `search_path` as it is, for queries of users.
            kwargs: parameters that take the place of the DSN's, such as `dbname`.

        Raises:
            Unavailable: it can't be had; the message has no password.
        """
        del conninfo
        try:
            conn = await self._open(own_search_path=own_search_path, **kwargs)
        except SourceError as error:
            self._silent = self._silent + 1 if isinstance(error, NotAnswering) else 0
            self._heard(error)
            raise
        self._silent = 0
        self._heard(None)
        return conn

    async def _open(self, *, own_search_path: bool, **kwargs: Any) -> Connection:
        # The pool shortens connect_timeout to what its caller has left; an attempt serves more than one.
        kwargs["connect_timeout"] = self._patience()
        conn = await open_connection(self.conninfo, self.address, **kwargs)
        try:
            await self._prepare(conn, own_search_path=own_search_path)
        except BaseException:
            shut_down(conn)
            await conn.close()
            raise
        return conn

    def _patience(self) -> int:
        """Seconds for an attempt: longer and longer while nothing comes back.

        Each attempt that we give up stays in the queue of a frozen server until it wakes up, and then
        costs it a process. One that waits on is served the moment the server is back.
        """
        first = self._options.connect_timeout_seconds
        return max(2, round(min(first * 2.0**self._silent, max(first, LONGEST_ATTEMPT_SECONDS))))

    async def _prepare(self, conn: Connection, *, own_search_path: bool) -> None:
        options = self._options
        settings = {
            "lock_timeout": str(round(options.lock_timeout_seconds * 1000)),
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            "work_mem": "16MB",  # the counters of ten thousand statements without a temporary file
            "datestyle": "ISO",  # a role may have another, and users' queries read time stamps
        }
        if not own_search_path:
            settings["search_path"] = "pg_catalog"
        conn.statement_timeout_ms = round(options.connect_timeout_seconds * 1000)
        conn.prepare_threshold = 0
        sql = PREPARE_SESSION.format(
            pid=conn.pgconn.backend_pid,
            settings=_set({"default_transaction_read_only": "on"} | settings, local=False),
            statement_timeout_ms=conn.statement_timeout_ms,
        )
        session = Session(conn, prepare=False)
        try:
            rows = await session.run(sql, Deadline.after(options.connect_timeout_seconds))
            if rows.columns[0][0] is None:
                conn.with_each = _set({"transaction_read_only": "on"} | settings, local=True)
        except DeadlineExceeded:
            await session.end()
            raise NotAnswering(f"{self.address}: no answer on the new connection") from None
        except asyncio.CancelledError:
            await session.end()  # the loop must not watch a socket that is closed under it
            raise
        except SourceError as error:
            raise Unavailable(f"{self.address}: session not prepared: {error}") from None


def _set(settings: Mapping[str, str], *, local: bool) -> str:
    """Expressions that set these; `local` for the transaction only."""
    calls = (f"set_config('{name}', '{value}', {str(local).lower()})" for name, value in settings.items())
    return ", ".join(calls)


async def open_connection(conninfo: str, address: str, **kwargs: Any) -> Connection:
    """A connection in autocommit mode that hands out text.

    Raises:
        NotAnswering: nothing came back within `connect_timeout`.
        Unavailable: it was refused, with the reason; the message has no password.
    """
    try:
        return await Connection.connect(conninfo, autocommit=True, context=TextContext(), **kwargs)
    except asyncio.CancelledError as error:
        _let_go(error)
        raise
    except psycopg.errors.ConnectionTimeout as error:
        _let_go(error)
        raise NotAnswering(f"{address}: no answer to the connection attempt") from None
    except psycopg.Error as error:
        raise Unavailable(f"{address}: {_reason(error)}") from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{address}: {error}") from None


def _let_go(error: BaseException | None) -> None:
    """Frees what the frames of an attempt that was given up still hold.

    psycopg leaves the attempt's socket to the garbage collector, and an exception refers to the frames.
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__


def connection_params(dsn: str, password: str | None, connect_timeout_seconds: float) -> tuple[str, str]:
    """The libpq connection string of a target, and its address as `host:port`.

    Built from parts, never from text: whatever a password holds, it stays one value.

    Raises:
        psycopg.ProgrammingError: the DSN can't be parsed.
    """
    params: dict[str, Any] = {k: v for k, v in conninfo_to_dict(dsn).items() if v is not None}
    if password is not None:
        params["password"] = password
    params["application_name"] = APPLICATION_NAME
    params["connect_timeout"] = max(2, round(connect_timeout_seconds))
    return make_conninfo(**params), _address(params)


def _reason(error: psycopg.Error) -> str:
    text = str(explain(error, lost=True))
    # libpq repeats for each address that it tried what it was trying; the last one says it all.
    return text.removeprefix("connection failed: ").removeprefix("connection is bad: ")


def _address(params: dict[str, Any]) -> str:
    """`host:port` as people know it, from the DSN or libpq's defaults."""
    host = params.get("host") or params.get("hostaddr") or "localhost"
    port = params.get("port") or "5432"
    return f"{host}:{port}"
