"""Several statements in one round trip, each with rows or an error of its own: libpq's pipeline mode.

psycopg's own pipeline hands out rows when all have come, and lets an error take the statements behind it
along. Here each statement ends with a Sync of its own: it is a transaction by itself, its rows are there as
soon as the server has them, and what fails fails alone. Statements are prepared the first time.

Source: libpq documentation, "Pipeline Mode"; psycopg's documentation of `psycopg.pq`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

MOST_PREPARED = 500
"""Statements that one session keeps prepared; what comes after is parsed each time."""
STALE = frozenset({"0A000", "26000"})
"""SQLSTATE of a prepared statement that is of no use any more: its columns have changed, or it is gone."""

Take = Callable[[Any], None]
"""Gets what became of each statement in turn: a `PGresult` with rows, or a `psycopg.Error`."""


class Pipeline:
    """The prepared statements of one connection, and the exchange of many at once.

    Args:
        conn: an open connection in autocommit mode, used by nobody else meanwhile.
    """

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self._conn = conn
        self._pgconn: Any = conn.pgconn
        self._prepared: dict[str, bytes] = {}
        self._fresh: set[str] = set()
        self._names = 0

    async def run(self, statements: Sequence[str], take: Take) -> None:
        """Sends all, and hands out what became of each as it comes.

        Given up in the middle, the connection is of no use any more.

        Raises:
            psycopg.Error: the connection broke; statements that `take` has heard nothing of have no answer.
        """
        self._pgconn.enter_pipeline_mode()
        try:
            for sql in statements:
                self._send(sql)
            await self._receive(statements, take)
        finally:
            with suppress(psycopg.Error):
                self._pgconn.exit_pipeline_mode()

    def _send(self, sql: str) -> None:
        name = self._prepared.get(sql)
        if name is None and len(self._prepared) < MOST_PREPARED:
            self._names += 1
            name = self._prepared[sql] = b"exporter_%d" % self._names
            self._fresh.add(sql)
            self._pgconn.send_prepare(name, sql.encode())
        if name is None:
            self._pgconn.send_query_params(sql.encode(), None)
        else:
            self._pgconn.send_query_prepared(name, None)
        self._pgconn.pipeline_sync()

    async def _receive(self, statements: Sequence[str], take: Take) -> None:
        while self._pgconn.flush():
            await self._ready(write=True)
            self._pgconn.consume_input()
        for sql in statements:
            take(await self._answer(sql))

    async def _answer(self, sql: str) -> Any:
        """What becomes of one statement: everything until its Sync."""
        answer = None
        while True:
            while self._pgconn.is_busy():
                await self._ready()
                self._pgconn.consume_input()
            result = self._pgconn.get_result()
            if result is None:
                if self._pgconn.status == ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection is lost")
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return self._heard(sql, answer)
            if result.status == ExecStatus.COMMAND_OK:
                self._fresh.discard(sql)
            elif answer is None:  # what comes behind an error is only that there is nothing
                answer = result

    async def _ready(self, *, write: bool = False) -> None:
        """Waits until the socket can be read; or written, where there is something left to send."""
        loop, waiting = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pgconn.socket, waiting.set)
        if write:
            loop.add_writer(self._pgconn.socket, waiting.set)
        try:
            await waiting.wait()
        finally:
            loop.remove_reader(self._pgconn.socket)
            if write:
                loop.remove_writer(self._pgconn.socket)

    def _heard(self, sql: str, answer: Any) -> Any:
        """The rows, or the error. What was not prepared, or is stale, is prepared anew the next time."""
        if answer is not None and answer.status == ExecStatus.TUPLES_OK:
            return answer
        error: psycopg.Error = psycopg.InterfaceError("the statement gave no rows")
        if answer is not None and answer.status == ExecStatus.FATAL_ERROR:
            error = error_from_result(answer, encoding=self._conn.info.encoding)
        if sql in self._fresh or error.sqlstate in STALE:
            self._fresh.discard(sql)
            self._prepared.pop(sql, None)
        return error
