"""Latency: spikes by event, and of each command a histogram and percentiles (7.0 and newer)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.redis._histograms import (
    COMMAND,
    LATENCY_HISTOGRAM,
    Histograms,
    microseconds,
    totals_table,
)
from exporter.collectors.redis._replies import granted, listed
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.model.metric import Kind, Metric, gauge
from exporter.model.table import Labels, Table, Value, by_row
from exporter.sources.redis import Command, Info, RedisSource, Reply
from exporter.sources.redis.info import number

EVENT = ("event_name",)

SPIKE_LAST = gauge("redis_latency_spike_last", "Unix time of the last latency spike of an event.", EVENT)
SPIKE_SECONDS = gauge(
    "redis_latency_spike_duration_seconds", "How long the last latency spike of an event was.", EVENT
)
SPIKE_MAX = gauge(
    "redis_latency_spike_max_seconds",
    "How long the longest latency spike of an event was, since the start or LATENCY RESET.",
    EVENT,
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


def _le_usec(bound: int) -> str:
    """The bound as redis_exporter writes it: from a million on with an exponent."""
    if bound < 1_000_000:
        return str(bound)
    digits, exponent = f"{bound:e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{exponent}"


class _Run:
    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._histograms = Histograms(HISTOGRAM, _le_usec)

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


def _spikes(reply: Reply) -> Sequence[Table]:
    rows: list[tuple[Labels, Sequence[Value]]] = []
    for event in listed(reply):
        match listed(event):
            case [str(name), int(at), int(milliseconds), *more]:
                longest = more[0] / 1000 if more and isinstance(more[0], int) else None
                rows.append(((name,), (at, milliseconds / 1000, longest)))
    return [by_row(EVENT, (SPIKE_LAST, SPIKE_SECONDS, SPIKE_MAX), rows)]


def _percentiles(percentiles: Mapping[str, Mapping[str, str]], info: Info) -> Sequence[Table]:
    stats = info.pairs("commandstats", "cmdstat_")
    known = {name: parts for name, parts in percentiles.items() if name in stats}
    rows = [
        ((name, point[1:]), (number(value),))
        for name, parts in known.items()
        for point, value in parts.items()
    ]
    totals = [(name, number(stats[name].get("calls")), microseconds(stats, name)) for name in known]
    return [by_row((*COMMAND, "quantile"), (PERCENTILES,), rows), totals_table(PERCENTILES, totals)]


COLLECTOR = CollectorSpec(
    help="Latency spikes by event, and histogram and percentiles of each command.",
    source="redis",
    metrics=(SPIKE_LAST, SPIKE_SECONDS, SPIKE_MAX, HISTOGRAM, PERCENTILES),
    build=_Run,
    cost=Cost.ROWS,
    docs="https://redis.io/docs/latest/commands/latency-histogram/",
    explain=lambda _major: "INFO ALL\nLATENCY LATEST\nLATENCY HISTOGRAM",
)
