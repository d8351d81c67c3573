"""One reading of pg_stat_statements for all who want it. Texts are never read.

Source: https://www.postgresql.org/docs/current/pgstatstatements.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from exporter.collectors.postgres._statements import Reading, Totals, growth, merged
from exporter.collectors.postgres._statements_top import Top
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.postgres.rows import Extension

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

NAME = "pg_stat_statements"
EVERY_SECONDS = 30.0
"""The period of the collectors that read it."""
FRESH_SECONDS = 20.0
"""A reading serves another collector as long: less than the shortest pause between two runs of one."""
SHOWN = 100
"""Statements with series of their own, as postgres_exporter has it."""

KEYS = ("queryid", "userid", "dbid", "toplevel", "stats_since")
COUNTERS: Sequence[Sequence[str]] = (
    ("calls",),
    ("total_exec_time", "total_time"),
    ("total_plan_time",),
    ("rows",),
    ("shared_blks_hit",),
    ("shared_blks_read",),
    ("shared_blks_dirtied",),
    ("shared_blks_written",),
    ("temp_blks_read",),
    ("temp_blks_written",),
    ("wal_records",),
    ("wal_bytes",),
    ("shared_blk_read_time", "blk_read_time"),
    ("shared_blk_write_time", "blk_write_time"),
)
"""The counters of an entry, each with the names that the extension's versions have for it; times in ms."""
INDEX = {names[0]: i for i, names in enumerate(COUNTERS)}


@dataclass(frozen=True, slots=True)
class Fullness:
    """What the extension says of itself; None for what it does not know.

    Attributes:
        entries: that it holds, those included that the role may not see.
        hidden: that the role may not see.
        most: that it can hold.
        dealloc: times that it evicted entries, to make room.
        stats_reset: Unix time of the last reset of all.
    """

    entries: int
    hidden: int
    most: str | None
    dealloc: str | None
    stats_reset: str | None


def query(columns: Collection[str], schema: str) -> str:
    """What is asked of the extension in this schema, whose function returns these columns.

    The first row is about the server and the extension itself, the next ones name databases and roles.
    """
    keys = ", ".join(f"s.{column}" for column in KEYS if column in columns)
    counters = ", ".join(f"s.{column}" if column else "0" for column in chosen(columns))
    # Both came with version 1.9.
    info = f"{schema}.pg_stat_statements_info" if "toplevel" in columns else "(SELECT NULL, NULL)"
    return f"""SELECT NULL AS key,
       ROW(date_part('epoch', pg_postmaster_start_time()), current_setting('pg_stat_statements.max', true),
           i.dealloc, date_part('epoch', i.stats_reset::timestamptz))::text AS counters
FROM {info} AS i(dealloc, stats_reset)
UNION ALL SELECT 'database ' || oid, datname::text FROM pg_database
UNION ALL SELECT 'user ' || oid, rolname::text FROM pg_roles
UNION ALL
SELECT ROW({keys})::text, ROW({counters})::text
FROM {schema}.pg_stat_statements(false) AS s"""  # noqa: S608  # names of columns, and a quoted schema


def usual_query(major: int | None) -> str:
    """What is asked of the extension as a server of this major version brings it."""
    newer = {"toplevel": 14, "stats_since": 17, "shared_blk_read_time": 17, "shared_blk_write_time": 17}
    columns = {column for names in (*COUNTERS, KEYS) for column in names}
    return query({column for column in columns if newer.get(column, 13) <= (major or 18)}, "public")


def chosen(columns: Collection[str]) -> list[str | None]:
    """The column of each counter among those that there are; None where the extension is too old."""
    return [next((column for column in names if column in columns), None) for names in COUNTERS]


class Statements:
    """Reads pg_stat_statements of one server, and holds what was counted since the first reading.

    It does not hold the server, so that it ends with it.

    Attributes:
        totals: by database and user.
        top: the statements that take most time; only counted once somebody has asked for it.
        fullness: as of the newest reading.
        known: the counters that this version of the extension has, by their newest names.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._reading: Reading | None = None
        self._columns: tuple[Extension | None, Collection[str]] = (None, ())
        self.totals = Totals(len(COUNTERS))
        self.top: Top | None = None
        self.fullness = Fullness(0, 0, None, None, None)
        self.known: Collection[str] = ()

    def with_top(self) -> Top:
        """The top statements, which are followed from now on."""
        self.top = self.top or Top(SHOWN, len(COUNTERS), INDEX["total_exec_time"])
        return self.top

    async def refresh(self, server: PostgresServer, deadline: Deadline) -> None:
        """Reads anew, unless another collector has just done so.

        Raises:
            Skip: the extension is not there, or shows the role nothing.
            SourceError: the server did not answer, or not with rows.
        """
        async with self._lock:
            if monotonic() - self._read_at < FRESH_SECONDS:
                return
            reading = await self._read(server, deadline)
            grown = growth(self._reading, reading)
            self.totals.add(reading, grown)
            if self.top is not None:
                self.top.add(reading, grown)
            self._reading, self._read_at = reading, monotonic()

    async def _read(self, server: PostgresServer, deadline: Deadline) -> Reading:
        extension = (await server.extensions(deadline, aside=True)).get(NAME)
        if extension is None:
            raise Skip(Reason.UNSUPPORTED, f"no extension {NAME} in the main database: CREATE EXTENSION")
        columns = await self._columns_of(server, extension, deadline)
        try:
            rows = await server.fetch(query(columns, extension.schema), deadline, aside=True)
        except Refused as error:
            self._columns = (None, ())
            if "shared_preload_libraries" in str(error):
                raise Skip(Reason.UNSUPPORTED, f"{error}, then restart the server") from None
            raise
        self.known = [names[0] for names, column in zip(COUNTERS, chosen(columns), strict=True) if column]
        return self._reading_of(rows.columns, extension.version)

    async def _columns_of(
        self, server: PostgresServer, extension: Extension, deadline: Deadline
    ) -> Collection[str]:
        """What the function returns: it can be older than the server, and managed services add to it."""
        seen, columns = self._columns
        if seen != extension:
            sql = f"SELECT * FROM {extension.schema}.pg_stat_statements(false) LIMIT 0"  # noqa: S608  # quoted
            columns = frozenset((await server.fetch(sql, deadline, aside=True)).names)
            self._columns = (extension, columns)
        return columns

    def _reading_of(self, columns: Sequence[Sequence[str | None]], version: str) -> Reading:
        start, most, dealloc, reset = (columns[1][0] or "").strip("()").split(",")
        rows = [(key or "", text or "") for key, text in zip(*columns, strict=True)]
        names = {key: text for key, text in rows if key[:1] != "("}
        visible = [row for row in rows[len(names) :] if row[0][:2] != "(,"]
        hidden = len(rows) - len(names) - len(visible)
        if hidden and not visible:
            raise Skip(Reason.PERMISSION, f"{NAME} shows the role nothing: GRANT pg_read_all_stats to it")
        entries, shared = merged(visible)
        self.fullness = Fullness(len(visible) + hidden, hidden, most or None, dealloc or None, reset or None)
        # What a new right makes visible has not just happened, and a new version brings other keys.
        life = f"{start} {version} {hidden > 0}"
        return Reading(life, entries, _named(names, "database "), _named(names, "user "), shared)


def _named(names: Mapping[str, str], kind: str) -> dict[str, str]:
    return {key.removeprefix(kind): name for key, name in names.items() if key.startswith(kind)}


_OF_SERVER: WeakKeyDictionary[PostgresServer, Statements] = WeakKeyDictionary()


def statements_of(server: PostgresServer) -> Statements:
    """The one reader of a server: its collectors share each reading, also across a reload."""
    if server not in _OF_SERVER:
        _OF_SERVER[server] = Statements()
    return _OF_SERVER[server]
