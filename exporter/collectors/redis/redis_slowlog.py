"""The slow log: how long it is, and its newest entry. Its commands' arguments are never kept."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._replies import granted, listed
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, Value, single
from exporter.sources.redis import Command, RedisSource, Reply

LENGTH = gauge("redis_slowlog_length", "Entries in the slow log, which drops old ones.")
LAST_ID = gauge(
    "redis_slowlog_last_id", "ID of the newest entry in the slow log: it grows with each slow call."
)
LAST_SECONDS = gauge("redis_last_slow_execution_duration_seconds", "How long the newest slow call took.")

SLOWLOG_LEN: Command = ("SLOWLOG", "LEN")
SLOWLOG_GET: Command = ("SLOWLOG", "GET", "1")


def build(redis: RedisSource) -> Collect:
    """Asks for the length and the newest entry."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        length, newest = await redis.fetch([SLOWLOG_LEN, SLOWLOG_GET], deadline)
        last_id, seconds = _newest(granted(newest))
        count = granted(length)
        return [
            single(
                {LENGTH: count if isinstance(count, int) else None, LAST_ID: last_id, LAST_SECONDS: seconds}
            )
        ]

    return collect


def _newest(reply: Reply) -> tuple[Value, Value]:
    """ID and seconds of the one entry; 0 and 0 for an empty log, as redis_exporter has it."""
    entries = listed(reply)
    if not entries:
        return 0, 0
    match listed(entries[0]):
        case [int(last_id), _, int(usec), *_]:
            return last_id, usec / 1e6
    return None, None


COLLECTOR = CollectorSpec(
    help="Length of the slow log, ID and duration of its newest entry.",
    source="redis",
    metrics=(LENGTH, LAST_ID, LAST_SECONDS),
    build=build,
    docs="https://redis.io/docs/latest/commands/slowlog-get/",
    explain=lambda _major: "SLOWLOG LEN\nSLOWLOG GET 1",
)
