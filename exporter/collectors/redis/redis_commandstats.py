"""Calls and time of each command, from INFO's section Commandstats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import counter
from exporter.model.table import Table, Value, by_row
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import number, written

LABELS = ("cmd",)

CALLS = counter("redis_commands_total", "Calls of a command.", LABELS)
SECONDS = counter("redis_commands_duration_seconds_total", "Time spent in a command.", LABELS)
REJECTED = counter("redis_commands_rejected_calls_total", "Calls that were refused before they ran.", LABELS)
FAILED = counter("redis_commands_failed_calls_total", "Calls that failed while they ran.", LABELS)
METRICS = (CALLS, SECONDS, REJECTED, FAILED)


def build(redis: RedisSource) -> Collect:
    """Asks for INFO."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        stats = (await redis.info(deadline)).pairs("commandstats", "cmdstat_")
        return [by_row(LABELS, METRICS, [((command,), _row(parts)) for command, parts in stats.items()])]

    return collect


def _row(parts: Mapping[str, str]) -> tuple[Value, ...]:
    usec = number(parts.get("usec"))
    return (
        written(parts.get("calls")),
        None if usec is None else usec / 1e6,
        written(parts.get("rejected_calls")),
        written(parts.get("failed_calls")),
    )


COLLECTOR = CollectorSpec(
    help="Calls, time, refused and failed calls of each command.",
    source="redis",
    metrics=METRICS,
    build=build,
    cost=Cost.ROWS,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL",
)
