"""Latency: spikes by event, and of each command a histogram and percentiles (7.0 and newer)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence

from exporter.collectors.redis._replies import granted, listed, paired
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.model.metric import Kind, Metric, gauge
from exporter.model.table import Column, Labels, Table, Value, by_row
from exporter.sources.redis import Command, Info, RedisSource, Reply
from exporter.sources.redis.info import number

EVENT = ("event_name",)
COMMAND = ("cmd",)

SPIKE_LAST = gauge("redis_latency_spike_last", "Unix time of the last latency spike of an event.", EVENT)
SPIKE_SECONDS = gauge(
    "redis_latency_spike_duration_seconds", "How long the last latency spike of an event was.", EVENT
)
HISTOGRAM = Metric(
    "redis_commands_latencies_usec", Kind.HISTOGRAM, "Microseconds that calls of a command took.", COMMAND
)
PERCENTILES = Metric(
    "redis_latency_percentiles_usec",
    Kind.SUMMARY,
    "Percentiles of the microseconds that calls of a command took; the label quantile is in percent.",
    COMMAND,
)

LATENCY_LATEST: Command = ("LATENCY", "LATEST")
LATENCY_HISTOGRAM: Command = ("LATENCY", "HISTOGRAM")

BOUNDS = (*((1032 * 2**power - 1) // 1000 for power in range(20)), 1073741)
"""The bounds that servers use, in microseconds: 1, 2, 4, 8, 16, 33, ... 541065, 1073741.

They are powers of two in nanoseconds (from 1024), at the upper end of what the histogram keeps apart,
cut to whole microseconds. The last one holds all from half a second. See `latency.c`.
"""


class Histograms:
    """Gives every command the same buckets, where the server leaves out those without calls.

    Only then can buckets be added up over commands and servers, and do they not come and go.
    """

    def __init__(self) -> None:
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
        totals = [(name, calls, _microseconds(stats, name)) for name, calls, _ in found]
        return [
            Table((*COMMAND, "le"), rows, [Column(HISTOGRAM, values, "_bucket")]),
            _totals(HISTOGRAM, totals),
        ]

    def _learn(self, counts: Mapping[int, int]) -> None:
        for bound in counts.keys() - set(self._bounds):
            insort(self._bounds, bound)
            self._rows.clear()

    def _cumulated(self, calls: int, counts: Mapping[int, int]) -> list[int]:
        below = 0
        return [below := counts.get(bound, below) for bound in self._bounds] + [calls]

    def _rows_of(self, name: str) -> list[Labels]:
        rows = self._rows.get(name)
        if rows is None:
            rows = self._rows[name] = [(name, le) for le in (*map(_le, self._bounds), "+Inf")]
        return rows


def _le(bound: int) -> str:
    """The bound as redis_exporter writes it: from a million on with an exponent."""
    if bound < 1_000_000:
        return str(bound)
    digits, exponent = f"{bound:e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{exponent}"


class _Run:
    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._histograms = Histograms()

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        info, (spikes, histogram) = await self._redis.info_with([LATENCY_LATEST, LATENCY_HISTOGRAM], deadline)
        percentiles = info.pairs("latencystats", "latency_percentiles_usec_")
        if not percentiles and isinstance(spikes, Refused):
            granted(spikes)
        tables = [
            *_spikes(spikes),
            *self._histograms.tables(histogram, info),
            *_percentiles(percentiles, info),
        ]
        return [table for table in tables if table.rows]


def _read(details: Reply) -> tuple[int, dict[int, int]]:
    """Calls, and calls below each bound, of `[calls, N, histogram_usec, [bound, N, ...]]`."""
    parts = paired(details)
    calls, pairs = parts.get("calls"), iter(listed(parts.get("histogram_usec")))
    counts = {b: n for b, n in zip(pairs, pairs, strict=False) if isinstance(b, int) and isinstance(n, int)}
    return (calls if isinstance(calls, int) else 0), counts


def _spikes(reply: Reply) -> Sequence[Table]:
    rows: list[tuple[Labels, Sequence[Value]]] = []
    for event in listed(reply):
        match listed(event):
            case [str(name), int(at), int(milliseconds), *_]:
                rows.append(((name,), (at, milliseconds / 1000)))
    return [by_row(EVENT, (SPIKE_LAST, SPIKE_SECONDS), rows)]


def _percentiles(percentiles: Mapping[str, Mapping[str, str]], info: Info) -> Sequence[Table]:
    stats = info.pairs("commandstats", "cmdstat_")
    known = {name: parts for name, parts in percentiles.items() if name in stats}
    rows = [
        ((name, point[1:]), (number(value),))
        for name, parts in known.items()
        for point, value in parts.items()
    ]
    totals = [(name, number(stats[name].get("calls")), _microseconds(stats, name)) for name in known]
    return [by_row((*COMMAND, "quantile"), (PERCENTILES,), rows), _totals(PERCENTILES, totals)]


def _microseconds(stats: Mapping[str, Mapping[str, str]], name: str) -> int | float | None:
    """Time in a command; of one that only has subcommands, theirs."""
    if name in stats:
        return number(stats[name].get("usec"))
    parts = [number(value.get("usec")) for key, value in stats.items() if key.startswith(f"{name}|")]
    return sum(part for part in parts if part is not None) if parts else None


def _totals(metric: Metric, totals: Sequence[tuple[str, Value, Value]]) -> Table:
    return Table(
        COMMAND,
        [(name,) for name, _, _ in totals],
        [
            Column(metric, [usec for _, _, usec in totals], "_sum"),
            Column(metric, [calls for _, calls, _ in totals], "_count"),
        ],
    )


COLLECTOR = CollectorSpec(
    help="Latency spikes by event, and histogram and percentiles of each command.",
    source="redis",
    metrics=(SPIKE_LAST, SPIKE_SECONDS, HISTOGRAM, PERCENTILES),
    build=_Run,
    cost=Cost.ROWS,
    docs="https://redis.io/docs/latest/commands/latency-histogram/",
    explain=lambda _major: "INFO ALL\nLATENCY LATEST\nLATENCY HISTOGRAM",
)
