"""Statements as an analysis sees them: entries of pg_stat_statements merged by text. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from types import MappingProxyType
from typing import NamedTuple


class StatementKey(NamedTuple):
    """What tells statements apart.

    Attributes:
        datname: the database; `unknown` if it is gone.
        user: the role; `unknown` if it is gone.
        id: 16 hexadecimal digits, of the normal form of the text (`exporter.sql.normal`): the same on every
            server and after every upgrade, which a queryid is not.
    """

    datname: str
    user: str
    id: str


class Counters(NamedTuple):
    """What a statement has counted: everything here can be added up and subtracted.

    Attributes:
        calls: how often it ran.
        exec_ms: time spent executing, in milliseconds as the extension has it.
        square_ms: the sum of the squares of each call's milliseconds, `calls * (stddev^2 + mean^2)`: with it
            the standard deviation of any stretch of time is known.
        plan_ms: time spent planning; with pg_stat_statements.track_planning only.
        rows: returned or changed.
        shared_blks_hit: blocks found in shared buffers.
        shared_blks_read: blocks not found there.
        temp_blks_written: blocks written to temporary files.
        wal_bytes: WAL generated.
    """

    calls: float = 0
    exec_ms: float = 0
    square_ms: float = 0
    plan_ms: float = 0
    rows: float = 0
    shared_blks_hit: float = 0
    shared_blks_read: float = 0
    temp_blks_written: float = 0
    wal_bytes: float = 0

    def plus(self, other: Counters) -> Counters:
        """Both together."""
        return Counters(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, earlier: Counters) -> Counters:
        """What was counted since an earlier reading."""
        return Counters(*(a - b for a, b in zip(self, earlier, strict=True)))

    @property
    def mean_ms(self) -> float:
        """Milliseconds of a call; 0 without calls."""
        return self.exec_ms / self.calls if self.calls else 0.0

    @property
    def stddev_ms(self) -> float:
        """Standard deviation of a call's milliseconds."""
        return sqrt(max(0.0, self.square_ms / self.calls - self.mean_ms**2)) if self.calls else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of one role in one database.

    Attributes:
        key: what tells it apart.
        queryids: of all entries that were merged, the one with most calls first.
        text: redacted (`exporter.sql.redaction`): what may be shown, logged and stored.
        raw: as the server has it, only to ask for its plan. It may hold a password: never shown or stored.
        operation: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE` or `UTILITY`.
        tables: the names that stand in the text, in their order; with their schema where that stands there.
        toplevel: whether clients sent it; False for what functions and triggers ran.
        counters: since the statistics began, or of the stretch of time that is looked at.
        min_ms: the shortest call since the extension counts it; None where it is not known.
        max_ms: the longest.
        since: Unix time since when the extension counts it; None before its version 1.11.
    """

    key: StatementKey
    queryids: tuple[str, ...]
    text: str
    raw: str = field(repr=False)
    operation: str
    tables: tuple[str, ...]
    toplevel: bool = True
    counters: Counters
    min_ms: float | None = None
    max_ms: float | None = None
    since: float | None = None


class Interval(NamedTuple):
    """What was counted between two readings, merged by text.

    Attributes:
        seconds: between them.
        at: Unix time of the later one.
        counted: of each statement that clients sent.
        nested: of each that functions and triggers ran; an extension older than 1.9 can't tell, and has all
            in `counted`.
    """

    seconds: float
    at: float
    counted: Mapping[StatementKey, Counters]
    nested: Mapping[StatementKey, Counters] = MappingProxyType({})
