"""What each statement counted from reading to reading, for twenty minutes. No I/O.

Kept small: rows of numbers, made into values when somebody asks for them. Entries with one text of one role
in one database are one statement here, and statements whose text is not known are left out.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from typing import NamedTuple

from exporter.collectors.postgres._statements import Growth, Reading, Statement
from exporter.collectors.postgres._statements_texts import Known
from exporter.facts.pg_stat_statements import INDEX
from exporter.facts.statement import Counters, Interval, StatementKey

READINGS = 40
BY_CALLS = 500
"""Statements of an interval that are kept, those with most calls."""
BY_TIME = 100
"""And those that took most time."""
WIDTH = len(Counters._fields)
PLACES = [
    INDEX[name]
    for name in (
        "total_plan_time",
        "rows",
        "shared_blks_hit",
        "shared_blks_read",
        "temp_blks_written",
        "wal_bytes",
    )
]
"""Where the extension's counters have those of `Counters` that follow the sum of squares."""


class KnownStatement(NamedTuple):
    """What is known of a statement of the history.

    Attributes:
        operation: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE` or `UTILITY`.
        tables: the names that stand in the text, in their order.
        text: its beginning, redacted.
        queryids: of the entries with this text.
    """

    operation: str
    tables: tuple[str, ...]
    text: str
    queryids: tuple[str, ...]


class _Packed(NamedTuple):
    """Counters of statements, `WIDTH` numbers for each."""

    keys: Sequence[StatementKey]
    numbers: array[float]

    def unpacked(self) -> dict[StatementKey, Counters]:
        rows = zip(*[iter(self.numbers)] * WIDTH, strict=True)
        return {key: Counters(*row) for key, row in zip(self.keys, rows, strict=True)}


class _Kept(NamedTuple):
    """One interval as it is kept."""

    seconds: float
    at: float
    counted: _Packed
    nested: _Packed


class History:
    """The last intervals.

    Args:
        known: what is known of each statement; looked at anew each time.
    """

    def __init__(self, known: Mapping[Statement, Known]) -> None:
        self._known = known
        self._kept: deque[_Kept] = deque(maxlen=READINGS)
        self._keys: dict[StatementKey, StatementKey] = {}

    def add(self, before: Reading, now: Reading, grown: Iterable[Growth]) -> None:
        """Keeps what was counted between two readings that can be compared."""
        levels: tuple[dict[StatementKey, Counters], ...] = ({}, {})
        for growth in grown:
            known = self._known.get(growth.statement)
            if known is not None and growth.by[INDEX["calls"]]:
                owner = growth.statement.owner
                key = StatementKey(owner.datname, owner.user, known.id)
                level = levels[0 if growth.toplevel else 1]
                counters = _counters(growth)
                level[key] = level[key].plus(counters) if key in level else counters
        counted, nested = (self._packed(level) for level in levels)
        self._kept.append(_Kept(now.clock - before.clock, now.at, counted, nested))
        used = {key for kept in self._kept for part in (kept.counted, kept.nested) for key in part.keys}
        self._keys = {key: key for key in used}

    def intervals(self) -> list[Interval]:
        """What was counted, the oldest interval first."""
        return [
            Interval(kept.seconds, kept.at, kept.counted.unpacked(), kept.nested.unpacked())
            for kept in self._kept
        ]

    def known(self) -> dict[StatementKey, KnownStatement]:
        """What is known of the statements of these intervals, and of all others that are known."""
        queryids: dict[StatementKey, list[str]] = {}
        found: dict[StatementKey, Known] = {}
        for statement, known in self._known.items():
            key = StatementKey(statement.owner.datname, statement.owner.user, known.id)
            found[key] = known
            queryids.setdefault(key, []).append(statement.queryid)
        return {
            key: KnownStatement(known.operation, known.tables, known.text, tuple(queryids[key]))
            for key, known in found.items()
        }

    def _packed(self, level: Mapping[StatementKey, Counters]) -> _Packed:
        """The busiest of them; equal keys are one value in all intervals."""
        chosen = {
            *nlargest(BY_CALLS, level, key=lambda key: level[key].calls),
            *nlargest(BY_TIME, level, key=lambda key: level[key].exec_ms),
        }
        keys = [self._keys.setdefault(key, key) for key in level if key in chosen]
        return _Packed(keys, array("d", [number for key in keys for number in level[key]]))


def _counters(growth: Growth) -> Counters:
    calls, time = growth.by[INDEX["calls"]], growth.by[INDEX["total_exec_time"]]
    return Counters(calls, time, growth.square, *(growth.by[place] for place in PLACES))
