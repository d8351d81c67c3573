"""A week of the top statements' mean times in buckets of five minutes, and how unusual the newest are.

No I/O. The value of a bucket is the median of what a call took in the mean from reading to reading: one
reading with an outlier does not make a bucket unusual.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isnan, nan
from typing import NamedTuple

from exporter.collectors.postgres._statements import Growth, Reading, Statement
from exporter.collectors.postgres._statements_score import BUCKET_SECONDS, LENGTH, baseline, empty, quantile
from exporter.collectors.postgres._statements_top import Top
from exporter.facts.pg_stat_statements import INDEX

KEPT = 2
"""Times as many statements as are shown are kept, for those that return."""
FEWEST_CALLS = 15
"""Calls of a bucket below which nothing is said of it."""
CALLS, TIME = INDEX["calls"], INDEX["total_exec_time"]


class Week(NamedTuple):
    """All rings as they can be stored.

    Attributes:
        bucket: the newest one: Unix time divided by 300.
        rings: as `_statements_score.empty` describes them.
    """

    bucket: int
    rings: Mapping[Statement, array[float]]


class Rings:
    """The weeks of statements.

    Args:
        top: whose statements are followed.

    Attributes:
        closed: the newest bucket that is complete; None before the first.
        scores: of each shown statement that ran in it and has a baseline.
        warming_up: shown statements whose baseline is not known yet.
    """

    def __init__(self, top: Top) -> None:
        self._top = top
        self._rings: dict[Statement, array[float]] = {}
        self._bucket: int | None = None
        self._means: defaultdict[Statement, list[tuple[float, float]]] = defaultdict(list)
        self.closed: int | None = None
        self.scores: dict[Statement, float] = {}
        self.warming_up = 0

    def add(self, reading: Reading, grown: Iterable[Growth]) -> None:
        """Adds what has been counted, and closes the bucket when its time is over."""
        bucket = int(reading.at // BUCKET_SECONDS)
        if self._bucket is None:
            self._bucket = bucket
        if bucket != self._bucket:
            self._close(self._bucket)
            self._advance(bucket)
        counted: defaultdict[Statement, list[float]] = defaultdict(lambda: [0.0, 0.0])
        shown = self._top.shown
        for growth in grown:
            statement = growth.statement
            if growth.by[CALLS] and (statement in shown or statement in self._rings):
                counted[statement][0] += growth.by[CALLS]
                counted[statement][1] += growth.by[TIME]
        for statement, (calls, time) in counted.items():
            self._means[statement].append((calls, time / calls))

    def stored(self) -> Week | None:
        """A copy of all that is complete; None if nothing is."""
        if self.closed is None:
            return None
        return Week(self.closed, {statement: ring[:] for statement, ring in self._rings.items()})

    def restore(self, week: Week) -> None:
        """Begins with what was stored; only before the first reading."""
        if self._bucket is None:
            self._rings = dict(week.rings)
            self._bucket = week.bucket

    def _close(self, bucket: int) -> None:
        """Writes what the bucket had, and judges it."""
        for statement in self._top.shown:
            self._rings.setdefault(statement, empty())
        for statement, ring in self._rings.items():
            ring[bucket % LENGTH] = _value(self._means.get(statement, ()))
        self._means.clear()
        self._forget()
        self.scores, self.warming_up, self.closed = {}, 0, bucket
        for statement in self._top.shown:
            ring = self._rings[statement]
            usual = baseline(ring, bucket)
            if usual is None:
                self.warming_up += 1
            elif not isnan(value := ring[bucket % LENGTH]):
                self.scores[statement] = usual.score(value)

    def _advance(self, bucket: int) -> None:
        """Goes on to another bucket; those in between had nothing."""
        before = self._bucket if self._bucket is not None else bucket
        for ring in self._rings.values():
            for place in range(before + 1, min(bucket, before + LENGTH) + 1):
                ring[place % LENGTH] = nan
        self._bucket = bucket

    def _forget(self) -> None:
        """Drops the statements that have not been shown for longest."""
        shown = self._top.shown
        for statement in [statement for statement in self._rings if statement in shown]:
            self._rings[statement] = self._rings.pop(statement)
        for statement in list(self._rings)[: -KEPT * self._top.size]:
            del self._rings[statement]


def _value(means: Iterable[tuple[float, float]]) -> float:
    """The median of the means, if there were enough calls."""
    pairs = list(means)
    if sum(calls for calls, _ in pairs) < FEWEST_CALLS:
        return nan
    return quantile([mean for _, mean in pairs], 0.5)
