"""Runs a user query: on the servers and databases that it is meant for, within its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from exporter.collectors.user_queries.declared import UserQuery
from exporter.collectors.user_queries.names import Names
from exporter.collectors.user_queries.result import Result
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Refused, Skip, SourceError
from exporter.model.table import Table
from exporter.model.view import at
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

FACTS = "SELECT current_setting('server_version_num'), pg_is_in_recovery()"
REST_SECONDS = 60.0
"""How long a query that the server refused, or that took too long, is left alone: each attempt would be a
line in the server's log, or delay the page."""


class UserQueryCollector:
    """Collects one user query from one server: once, or in each of its databases.

    Args:
        query: what to run.
        server: where.
        names: which metric names are taken.
    """

    def __init__(self, query: UserQuery, server: PostgresServer, names: Names) -> None:
        self._query = query
        self._server = server
        self._names = names
        self._resting: dict[str | None, tuple[float, SourceError]] = {}

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The tables of the query.

        Raises:
            Skip: it is not meant for this server.
            Refused: the server refuses it, or a column is missing.
            Partial: some columns or databases gave nothing.
        """
        await self._skip_elsewhere(deadline)
        if self._query.databases is None:
            rows = await self._fetch(None, deadline)
            return self._shown([(None, rows)], [])
        names = [name for name in await self._server.databases(deadline) if self._query.wants(name)]
        if not names:
            raise Skip(Reason.NO_DATA, f"no database matches: see databases, {self._query.where}")
        answers = await asyncio.gather(*(self._fetch(n, deadline) for n in names), return_exceptions=True)
        failed = [error for error in answers if isinstance(error, BaseException)]
        if len(failed) == len(names):
            raise failed[0]
        came = [(n, rows) for n, rows in zip(names, answers, strict=True) if isinstance(rows, Rows)]
        return self._shown(came, failed)

    async def _skip_elsewhere(self, deadline: Deadline) -> None:
        """Asks for version and role on each run, because a failover changes them."""
        query = self._query
        if query.on_primary is None and query.versions is None and isinstance(query.sql, str):
            return
        rows = await self._server.fetch(FACTS, deadline)
        (number,), (standby,) = rows.columns
        if query.versions is not None and not query.versions.allows(int(number or 0)):
            raise Skip(Reason.VERSION, f"meant for PostgreSQL {query.versions.text}: {query.where}")
        if at(query.sql, rows.major) is None:
            raise Skip(Reason.VERSION, f"has no query for PostgreSQL {rows.major}: {query.where}")
        if query.on_primary is not None and query.on_primary == (standby == "t"):
            role = "primary" if query.on_primary else "standby"
            raise Skip(Reason.ROLE, f"meant for a {role}: {query.where}")

    async def _fetch(self, database: str | None, deadline: Deadline) -> Rows:
        until, error = self._resting.get(database, (0.0, None))
        if error is not None and monotonic() < until:
            raise error.with_traceback(None)
        try:
            rows = await self._patiently(database, deadline)
        except (Refused, _TooSlow) as failure:
            self._resting[database] = (monotonic() + REST_SECONDS, failure)
            raise
        self._resting.pop(database, None)
        return rows

    async def _patiently(self, database: str | None, deadline: Deadline) -> Rows:
        """The rows; the query's own time begins when it is its turn on the session that it shares."""
        query = self._query
        try:
            async with asyncio.timeout(None) as patience:

                def sql(major: int) -> str:
                    patience.reschedule(asyncio.get_running_loop().time() + query.timeout_seconds)
                    return at(query.sql, major) or ""

                return await self._server.fetch(
                    sql,
                    deadline,
                    database=database,
                    aside=query.every_seconds is not None,
                    own_search_path=True,
                )
        except TimeoutError:
            raise _TooSlow(self._too_slow()) from None

    def _too_slow(self) -> str:
        query = self._query
        text = (
            f"not done after {query.timeout_seconds:g} s, asked again in {REST_SECONDS:g} s: make it faster"
        )
        background = "cache_seconds" if query.namespace else "every_seconds"
        if query.every_seconds is None:
            return f"{text}, or set {background}, so that it runs in the background ({query.where})"
        return f"{text}, or set timeout_seconds ({query.where})"

    def _shown(
        self, came: Sequence[tuple[str | None, Rows]], failed: Sequence[BaseException]
    ) -> Sequence[Table]:
        tables: list[Table] = []
        problems: list[str] = []
        for database, rows in came:
            constant = (("datname", database or ""),) if self._query.adds_datname else ()
            result = Result(self._query, rows, self._names, constant)
            tables += result.tables()
            problems += result.problems
        if failed:
            raise Partial(tables, failed[0])
        if problems:
            raise Partial(tables, Refused("; ".join(dict.fromkeys(problems))))
        return tables


class _TooSlow(DeadlineExceeded):
    """The query used up its own time."""
