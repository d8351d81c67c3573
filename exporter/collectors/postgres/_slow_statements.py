"""Statements whose calls are slow, from one reading of pg_stat_statements to the next. No I/O.

A statement is slow in a reading if its calls since the last one took longer than the threshold on average:
what was slow once, long ago, says nothing of now. With a handful of calls the mean is that of one outlier, so
how many there were stands beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from exporter.collectors.postgres._statements import Growth, Reading, Statement
from exporter.collectors.postgres._statements_texts import Known
from exporter.facts.pg_stat_statements import INDEX
from exporter.model.slow_query import SlowKind, SlowQueries, SlowQuery

CALLS, TIME = INDEX["calls"], INDEX["total_exec_time"]
DESCRIBED = 100
"""The slow statements of a reading that took most time are noted; all are counted."""
READINGS = 4
"""Readings that wait to be looked at, at the most."""


class Slow(NamedTuple):
    """What a slow statement counted between two readings."""

    calls: float
    seconds: float


class SlowReading(NamedTuple):
    """The slow statements of one reading.

    Attributes:
        at: Unix time.
        databases: that the server has.
        slow: what is slow, and what it counted.
    """

    at: float
    databases: frozenset[str]
    slow: Mapping[Statement, Slow]


def slow_of(reading: Reading, grown: Sequence[Growth], threshold_seconds: float) -> SlowReading:
    """Those of the statements whose calls took as long on average; both levels of a statement together."""
    totals: dict[Statement, Slow] = {}
    for growth in grown:
        if growth.by[TIME]:
            calls, seconds = totals.get(growth.statement, Slow(0, 0))
            grew = Slow(calls + growth.by[CALLS], seconds + growth.by[TIME] / 1000)
            totals[growth.statement] = grew
    slow = {s: t for s, t in totals.items() if t.calls >= 1 and t.seconds / t.calls >= threshold_seconds}
    return SlowReading(reading.at, frozenset(reading.databases.values()), slow)


@dataclass(slots=True)
class SlowStatements:
    """The slow statements of one server.

    Args:
        server: for people: "postgres at localhost:5432".
        queries: where they are noted.
        threshold_seconds: the mean of a call from which a statement is slow.

    Attributes:
        count: slow statements of the newest reading, by database.
        seconds: what slow calls took together since this process began, by database.
    """

    server: str
    queries: SlowQueries
    threshold_seconds: float
    count: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _waiting: deque[SlowReading] = field(default_factory=lambda: deque(maxlen=READINGS))
    _since: Mapping[Statement, float] = field(default_factory=dict)
    _wordless: dict[Statement, SlowQuery] = field(default_factory=dict)
    _last_at: float | None = None

    def hear(self, reading: Reading, grown: Sequence[Growth]) -> None:
        """Takes a new reading, to be looked at in `look`."""
        self._waiting.append(slow_of(reading, grown, self.threshold_seconds))

    def look(self, known: Mapping[Statement, Known], shows: Callable[[str], bool]) -> None:
        """Counts and notes what has come since the last time.

        Args:
            known: what is known of statements' texts.
            shows: whether a database is to be shown.
        """
        self._amend(known)
        while self._waiting:
            reading = self._waiting.popleft()
            slow = {s: t for s, t in reading.slow.items() if shows(s.owner.datname)}
            self._count(reading, slow, shows)
            self._note(reading, slow, known)
            self._last_at = reading.at

    def _count(
        self, reading: SlowReading, slow: Mapping[Statement, Slow], shows: Callable[[str], bool]
    ) -> None:
        names = {name for name in reading.databases if shows(name)} | {s.owner.datname for s in slow}
        self.count = dict.fromkeys(sorted(names), 0)
        self.seconds = {name: self.seconds.get(name, 0.0) for name in self.count}
        for statement, counted in slow.items():
            self.count[statement.owner.datname] += 1
            self.seconds[statement.owner.datname] += counted.seconds

    def _note(
        self, reading: SlowReading, slow: Mapping[Statement, Slow], known: Mapping[Statement, Known]
    ) -> None:
        began = reading.at if self._last_at is None else self._last_at
        self._since = {statement: self._since.get(statement, began) for statement in slow}
        heaviest = sorted(slow, key=lambda statement: -slow[statement].seconds)[:DESCRIBED]
        for statement in reversed(heaviest):
            query = self._query(statement, slow[statement], reading.at)
            said = known.get(statement)
            self.queries.note(query if said is None else _with_words(query, said), statement)
            if said is None:
                self._wordless[statement] = query
        for statement in list(self._wordless)[:-DESCRIBED]:
            del self._wordless[statement]

    def _query(self, statement: Statement, counted: Slow, at: float) -> SlowQuery:
        return SlowQuery(
            kind=SlowKind.STATEMENT,
            source="postgres",
            server=self.server,
            at=at,
            since=self._since[statement],
            seconds=counted.seconds / counted.calls,
            calls=round(counted.calls),
            datname=statement.owner.datname,
            user=statement.owner.user,
            queryid=statement.queryid,
        )

    def _amend(self, known: Mapping[Statement, Known]) -> None:
        """Gives those that were noted without a text the text that is known by now."""
        for statement in [statement for statement in self._wordless if statement in known]:
            query = self._wordless.pop(statement)
            self.queries.amend(_with_words(query, known[statement]), statement)


def _with_words(query: SlowQuery, known: Known) -> SlowQuery:
    return replace(query, id=known.id, operation=known.operation, tables=known.tables, text=known.text)
