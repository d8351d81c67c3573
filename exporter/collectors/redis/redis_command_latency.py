"""The latency histogram of each command in seconds, beside upstream's one in microseconds."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._histograms import COMMAND, LATENCY_HISTOGRAM, Histograms
from exporter.collectors.redis._replies import granted
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import Kind, Metric
from exporter.model.table import Table
from exporter.sources.redis import RedisSource

MICROSECONDS = 1e6

HISTOGRAM = Metric(
    "redis_command_latency_seconds", Kind.HISTOGRAM, "How long calls of a command took.", COMMAND
)


def build(redis: RedisSource) -> Collect:
    """Asks for INFO and for the histograms, which the collector `redis_latency` asks for anyway."""
    histograms = Histograms(HISTOGRAM, _seconds, MICROSECONDS)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        info, (reply,) = await redis.info_with([LATENCY_HISTOGRAM], deadline)
        granted(reply)
        return histograms.tables(reply, info)

    return collect


def _seconds(microseconds: int) -> str:
    return str(microseconds / MICROSECONDS)


COLLECTOR = CollectorSpec(
    help="Histogram of each command's latency in seconds.",
    source="redis",
    metrics=(HISTOGRAM,),
    build=build,
    default=False,
    cost=Cost.ROWS,
    docs="https://redis.io/docs/latest/commands/latency-histogram/",
    explain=lambda _major: "INFO ALL\nLATENCY HISTOGRAM",
)
