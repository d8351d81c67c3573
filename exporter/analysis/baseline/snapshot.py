"""What a baseline holds: the statements and the key figures of a server over a stretch of time. Pure.

pg_stat_statements only ever adds up, so a stretch of time is the difference of two moments. What it counts
can be subtracted, the sums of squares included (`Counters.square_ms`): so the standard deviation of the
stretch is known too, which the extension itself has only since it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter.facts.moment import Moment
from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.model.errors import ExporterError

LISTED = 2_000
"""Statements of a baseline, the costliest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A statement in a stretch of time.

    Attributes:
        key: what tells it apart.
        text: redacted.
        operation, tables: as in `Statement`.
        counters: of the stretch.
    """

    key: StatementKey
    text: str
    operation: str
    tables: tuple[str, ...]
    counters: Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A stretch of time.

    Attributes:
        name: what people call it.
        target: `host:port` of the server.
        major: its version.
        taken_at: Unix time of its end.
        seconds: how long it is; None if that is not known, which only the lifetime of the statistics can be.
        lifetime: whether it is all that the statistics had counted.
        statements: those that ran, the costliest first.
        totals: of all statements, those included that are not listed.
        figures: what the server counted, by name; without those that were not there at both ends.
        table_bytes: `database.schema.table` -> bytes, at its end.
    """

    name: str
    target: str
    major: int
    taken_at: float
    seconds: float | None
    lifetime: bool = False
    statements: tuple[Measured, ...]
    totals: Counters
    figures: Mapping[str, float] = field(default_factory=dict)
    table_bytes: Mapping[str, int] = field(default_factory=dict)

    def rate(self, figure: str) -> float | None:
        """A figure by the second; None if it or the time is not known."""
        value = self.figures.get(figure)
        return value / self.seconds if value is not None and self.seconds else None

    @property
    def cache_hit_ratio(self) -> float | None:
        """Blocks found in shared buffers, of all that were wanted; None if none was."""
        hit, read = self.figures.get("blks_hit"), self.figures.get("blks_read")
        return hit / (hit + read) if hit is not None and read is not None and hit + read else None


class Restarted(ExporterError):
    """The statistics began anew between two readings, so their difference says nothing."""


def between(earlier: Moment, later: Moment, *, name: str, target: str) -> Baseline:
    """The stretch of time between two moments of one server.

    A statement that is only in the later one began in between, or had been too small to be listed before:
    it is left out where it has more calls or time than all statements together had in between.

    Raises:
        Restarted: pg_stat_statements was reset, or the server began anew.
    """
    if later.since != earlier.since or later.totals.calls < earlier.totals.calls:
        raise Restarted("the statistics were reset between the two readings: take it again")
    before = {statement.key: statement.counters for statement in earlier.statements}
    totals = later.totals.minus(earlier.totals)
    grown = (
        (statement, statement.counters.minus(before.get(statement.key, Counters())))
        for statement in later.statements
    )
    figures = {
        figure: value - earlier.figures[figure]
        for figure, value in later.figures.items()
        if value >= earlier.figures.get(figure, float("inf"))
    }
    return Baseline(
        name=name,
        target=target,
        major=later.major,
        taken_at=later.taken_at,
        seconds=later.taken_at - earlier.taken_at,
        statements=_measured((s, c) for s, c in grown if _grew(c, totals)),
        totals=totals,
        figures=figures,
        table_bytes=later.table_bytes,
    )


def lifetime(moment: Moment, *, name: str, target: str) -> Baseline:
    """All that the statistics have counted."""
    return Baseline(
        name=name,
        target=target,
        major=moment.major,
        taken_at=moment.taken_at,
        seconds=None if moment.since is None else moment.taken_at - moment.since,
        lifetime=True,
        statements=_measured((s, s.counters) for s in moment.statements),
        totals=moment.totals,
        table_bytes=moment.table_bytes,
    )


def _grew(counted: Counters, totals: Counters) -> bool:
    return 0 < counted.calls <= totals.calls and 0 <= counted.exec_ms <= totals.exec_ms


def _measured(pairs: Iterable[tuple[Statement, Counters]]) -> tuple[Measured, ...]:
    found = [
        Measured(
            key=statement.key,
            text=statement.text,
            operation=statement.operation,
            tables=statement.tables,
            counters=counted,
        )
        for statement, counted in pairs
        if counted.calls > 0
    ]
    return tuple(sorted(found, key=lambda one: -one.counters.exec_ms)[:LISTED])
