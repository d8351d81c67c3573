"""One reading of pg_stat_statements for all who want it, without texts.

Source: https://www.postgresql.org/docs/current/pgstatstatements.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from exporter.collectors.postgres._statements import Growth, Reading, Totals, growth, merged, merged_moments
from exporter.collectors.postgres._statements_groups import Groups
from exporter.collectors.postgres._statements_history import History, KnownStatement
from exporter.collectors.postgres._statements_rings import Rings
from exporter.collectors.postgres._statements_texts import Texts
from exporter.collectors.postgres._statements_top import Top
from exporter.facts.pg_stat_statements import (
    COUNTERS,
    INDEX,
    KEYS,
    LONGEST,
    asked,
    check_visible,
    chosen,
    column,
    columns_of,
    installed,
    squares,
    usual_columns,
)
from exporter.facts.statement import Interval, StatementKey
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused, Skip
from exporter.sources.postgres.rows import Extension

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

EVERY_SECONDS = 30.0
"""The period of the collectors that read it."""
FRESH_SECONDS = 20.0
"""A reading serves another collector as long: less than the shortest pause between two runs of one."""
SHOWN = 100
"""Statements with series of their own, as postgres_exporter has it."""


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
    keys = ", ".join(f"s.{name}" for name in KEYS if name in columns)
    counters = ", ".join(column(names, columns) for names in COUNTERS)
    moments = f"{squares(columns)}, {column(LONGEST, columns)}"
    # Both came with version 1.9.
    info = f"{schema}.pg_stat_statements_info" if "toplevel" in columns else "(SELECT NULL, NULL)"
    return f"""SELECT NULL AS key,
       ROW(date_part('epoch', pg_postmaster_start_time()), current_setting('pg_stat_statements.max', true),
           i.dealloc, date_part('epoch', i.stats_reset::timestamptz))::text AS counters,
       NULL AS moments
FROM {info} AS i(dealloc, stats_reset)
UNION ALL SELECT 'database ' || oid, datname::text, NULL FROM pg_database
UNION ALL SELECT 'user ' || oid, rolname::text, NULL FROM pg_roles
UNION ALL
SELECT ROW({keys})::text, ROW({counters})::text, ROW({moments})::text
FROM {schema}.pg_stat_statements(false) AS s"""  # noqa: S608  # names of columns, and a quoted schema


def usual_query(major: int | None) -> str:
    """What is asked of the extension as a server of this major version brings it."""
    return query(usual_columns(major), "public")


class Statements:
    """Reads pg_stat_statements of one server, and holds what was counted since the first reading.

    It does not hold the server, so that it ends with it. What nobody asks for is not followed: `with_top`
    and the like begin it.

    Attributes:
        totals: by database and user.
        top: the statements that take most time.
        texts: what the statements say.
        groups: by operation and table.
        history: what each statement counted from reading to reading.
        rings: a week of the top statements' means.
        fullness: as of the newest reading.
        known: the counters that this version of the extension has, by their newest names.
        listeners: called with each reading and what was counted since the one before.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._reading: Reading | None = None
        self._extension: Extension | None = None
        self._columns: Collection[str] = ()
        self.totals = Totals(len(COUNTERS))
        self.top: Top | None = None
        self.texts: Texts | None = None
        self.groups: Groups | None = None
        self.history: History | None = None
        self.rings: Rings | None = None
        self.fullness = Fullness(0, 0, None, None, None)
        self.known: Collection[str] = ()
        self.listeners: list[Callable[[Reading, Sequence[Growth]], None]] = []

    def with_top(self) -> Top:
        """The top statements, which are followed from now on."""
        self.top = self.top or Top(SHOWN, len(COUNTERS), INDEX["total_exec_time"])
        return self.top

    def with_texts(self) -> Texts:
        """What the statements say, as far as somebody calls `learn`."""
        self.texts = self.texts or Texts()
        return self.texts

    def with_groups(self, slow_seconds: float) -> Groups:
        """Counters by operation and table, which are kept from now on."""
        self.groups = self.groups or Groups(SHOWN, slow_seconds, self.with_texts().known)
        return self.groups

    def with_history(self) -> History:
        """What each statement counted in the last readings, which is kept from now on."""
        self.history = self.history or History(self.with_texts().known)
        return self.history

    def with_rings(self) -> Rings:
        """A week of the top statements' means, which is kept from now on."""
        self.rings = self.rings or Rings(self.with_top())
        return self.rings

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
            self._follow(reading, growth(self._reading, reading))
            self._reading, self._read_at = reading, monotonic()

    async def learn(self, server: PostgresServer, deadline: Deadline) -> None:
        """Asks for texts if it is time to; what goes wrong with that is counted, and raised to nobody."""
        if self.texts is not None and self._reading is not None and self._extension is not None:
            more = await self.texts.learn(server, self._extension.schema, self._reading, deadline)
            if more and self.groups is not None:
                self.groups.settle(self._reading)

    def _follow(self, reading: Reading, grown: Sequence[Growth]) -> None:
        self.totals.add(reading, grown)
        if self.top is not None:
            self.top.add(reading, grown)
        if self.texts is not None:
            self.texts.add(reading, grown)
        if self.groups is not None:
            self.groups.add(reading, grown)
        if self._reading is not None and reading.continues(self._reading):
            if self.history is not None:
                self.history.add(self._reading, reading, grown)
            if self.rings is not None:
                self.rings.add(reading, grown)
        for listener in self.listeners:
            listener(reading, grown)

    async def _read(self, server: PostgresServer, deadline: Deadline) -> Reading:
        extension = await installed(server, deadline)
        if self._extension != extension:
            self._columns = await columns_of(server, extension, deadline)
            self._extension = extension
        try:
            rows = await asked(server, query(self._columns, extension.schema), deadline)
        except (Refused, Skip):
            self._extension = None
            raise
        self.known = [names[0] for names in COUNTERS if chosen(names, self._columns)]
        return self._reading_of(rows.columns, extension.version)

    def _reading_of(self, columns: Sequence[Sequence[str | None]], version: str) -> Reading:
        start, most, dealloc, reset = (columns[1][0] or "").strip("()").split(",")
        rows = [(key or "", text or "", moments or "") for key, text, moments in zip(*columns, strict=True)]
        names = {key: text for key, text, _ in rows if key[:1] != "("}
        visible = [row for row in rows[len(names) :] if row[0][:2] != "(,"]
        hidden = len(rows) - len(names) - len(visible)
        check_visible(visible=len(visible), hidden=hidden)
        entries, shared = merged((key, text) for key, text, _ in visible)
        self.fullness = Fullness(len(visible) + hidden, hidden, most or None, dealloc or None, reset or None)
        return Reading(
            # What a new right makes visible has not just happened, and a new version brings other keys.
            life=f"{start} {version} {hidden > 0}",
            entries=entries,
            databases=_named(names, "database "),
            users=_named(names, "user "),
            shared=shared,
            moments=merged_moments((key, moments) for key, _, moments in visible),
            at=time(),
            clock=monotonic(),
        )


def _named(names: Mapping[str, str], kind: str) -> dict[str, str]:
    return {key.removeprefix(kind): name for key, name in names.items() if key.startswith(kind)}


_OF_SERVER: WeakKeyDictionary[PostgresServer, Statements] = WeakKeyDictionary()


def statements_of(server: PostgresServer) -> Statements:
    """The one reader of a server: its collectors share each reading, also across a reload."""
    if server not in _OF_SERVER:
        _OF_SERVER[server] = Statements()
    return _OF_SERVER[server]


def history(server: PostgresServer) -> Sequence[Interval]:
    """What each statement counted between the last readings, the oldest first; begun by the first call.

    Forty intervals of 30 seconds at most, of each the 500 statements with most calls and the 100 with most
    time. Statements whose text is not known yet are left out: the collector `statements_by_table` asks for
    texts, or whoever calls `learn`.
    """
    return statements_of(server).with_history().intervals()


def known_statements(server: PostgresServer) -> Mapping[StatementKey, KnownStatement]:
    """What is known of the statements of `history`, by their key there."""
    return statements_of(server).with_history().known()
