"""LATENCY HISTOGRAM: the calls of each command by how long they took (7.0 and newer)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence

from exporter.collectors.redis._replies import listed, paired
from exporter.model.metric import Metric
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.redis import Command, Info, Reply
from exporter.sources.redis.info import number

COMMAND = ("cmd",)
LATENCY_HISTOGRAM: Command = ("LATENCY", "HISTOGRAM")

BOUNDS = (*((1032 * 2**power - 1) // 1000 for power in range(20)), 1073741)
"""The bounds that servers use, in microseconds: 1, 2, 4, 8, 16, 33, ... 541065, 1073741.

They are powers of two in nanoseconds (from 1024), at the upper end of what the histogram keeps apart,
cut to whole microseconds. The last one holds all from half a second. See `latency.c`.
"""
MOST_BOUNDS = 40
"""So many are taken over from a server that has others."""


class Histograms:
    """Gives every command the same buckets, where the server leaves out those without calls.

    Only then can buckets be added up over commands and servers, and do they not come and go.

    Args:
        metric: what it is on the page.
        le: writes a bound, given in microseconds.
        divisor: microseconds in the metric's unit.
    """

    def __init__(self, metric: Metric, le: Callable[[int], str], divisor: float = 1) -> None:
        self._metric = metric
        self._le = le
        self._divisor = divisor
        self._bounds = list(BOUNDS)
        self._rows: dict[str, list[Labels]] = {}

    def tables(self, reply: Reply, info: Info) -> Sequence[Table]:
        """The reply of LATENCY HISTOGRAM as cumulative buckets, with count and sum."""
        stats = info.pairs("commandstats", "cmdstat_")
        found = [(name, *_read(details)) for name, details in paired(reply).items()]
        for _, _, counts in found:
            self._learn(counts)
        rows = [row for name, _, _ in found for row in self._rows_of(name)]
        values = [value for _, calls, counts in found for value in self._cumulated(calls, counts)]
        totals = [(name, calls, self._sum(stats, name)) for name, calls, _ in found]
        return [
            Table((*COMMAND, "le"), rows, [Column(self._metric, values, "_bucket")]),
            totals_table(self._metric, totals),
        ]

    def _sum(self, stats: Mapping[str, Mapping[str, str]], name: str) -> Value:
        usec = microseconds(stats, name)
        return usec if usec is None or self._divisor == 1 else usec / self._divisor

    def _learn(self, counts: Mapping[int, int]) -> None:
        for bound in counts.keys() - set(self._bounds):
            if bound > 0 and len(self._bounds) < MOST_BOUNDS:
                insort(self._bounds, bound)
                self._rows.clear()

    def _cumulated(self, calls: int, counts: Mapping[int, int]) -> list[int]:
        below = 0
        return [below := counts.get(bound, below) for bound in self._bounds] + [calls]

    def _rows_of(self, name: str) -> list[Labels]:
        rows = self._rows.get(name)
        if rows is None:
            rows = self._rows[name] = [(name, le) for le in (*map(self._le, self._bounds), "+Inf")]
        return rows


def _read(details: Reply) -> tuple[int, dict[int, int]]:
    """Calls, and calls below each bound, of `[calls, N, histogram_usec, [bound, N, ...]]`."""
    parts = paired(details)
    calls, pairs = parts.get("calls"), iter(listed(parts.get("histogram_usec")))
    counts = {b: n for b, n in zip(pairs, pairs, strict=False) if isinstance(b, int) and isinstance(n, int)}
    return (calls if isinstance(calls, int) else 0), counts


def microseconds(stats: Mapping[str, Mapping[str, str]], name: str) -> int | float | None:
    """Time in a command; of one that only has subcommands, theirs."""
    if name in stats:
        return number(stats[name].get("usec"))
    parts = [number(value.get("usec")) for key, value in stats.items() if key.startswith(f"{name}|")]
    return sum(part for part in parts if part is not None) if parts else None


def totals_table(metric: Metric, totals: Sequence[tuple[str, Value, Value]]) -> Table:
    """Sum and count of each command: (command, calls, sum)."""
    return Table(
        COMMAND,
        [(name,) for name, _, _ in totals],
        [
            Column(metric, [usec for _, _, usec in totals], "_sum"),
            Column(metric, [calls for _, calls, _ in totals], "_count"),
        ],
    )
