"""The slow log: its length, its newest entry, and slow calls by command. Arguments are never kept."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._replies import granted
from exporter.collectors.redis._slow_calls import METRICS, Entry, entries, slow_calls_of
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.model.metric import gauge
from exporter.model.table import Table, Value, single
from exporter.sources.redis import Command, Info, RedisSource, Reply

LENGTH = gauge("redis_slowlog_length", "Entries in the slow log, which drops old ones.")
LAST_ID = gauge(
    "redis_slowlog_last_id", "ID of the newest entry in the slow log: it grows with each slow call."
)
LAST_SECONDS = gauge("redis_last_slow_execution_duration_seconds", "How long the newest slow call took.")

SLOWLOG_LEN: Command = ("SLOWLOG", "LEN")
SLOWLOG_GET: Command = ("SLOWLOG", "GET", "1")


class _Run:
    """Asks for the length and the newest entry; for more where there are new ones."""

    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._calls = slow_calls_of(redis)

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        info, (length, reply) = await self._redis.info_with([SLOWLOG_LEN, SLOWLOG_GET], deadline)
        newest = next(entries(granted(reply)), None)
        count = granted(length)
        last_id, seconds = _newest(newest, reply)
        if newest is not None:
            await self._count(newest, info, deadline)
        elif reply == []:
            self._calls.nothing(info)
        known = {LENGTH: count if isinstance(count, int) else None, LAST_ID: last_id, LAST_SECONDS: seconds}
        return [single(known), *self._calls.tables()]

    async def _count(self, newest: Entry, info: Info, deadline: Deadline) -> None:
        wanted = self._calls.wanted(newest.id, info)
        if wanted:
            (reply,) = await self._redis.fetch([("SLOWLOG", "GET", str(wanted))], deadline)
            if not isinstance(reply, Refused):  # else the next scrape tries again
                self._calls.take(reply, newest.id, info)


def _newest(entry: Entry | None, reply: Reply) -> tuple[Value, Value]:
    """ID and seconds of the one entry; 0 and 0 for an empty log, as redis_exporter has it."""
    if entry is not None:
        return entry.id, entry.seconds
    return (0, 0) if reply == [] else (None, None)


COLLECTOR = CollectorSpec(
    help="Length of the slow log, ID and duration of its newest entry, and slow calls by command.",
    source="redis",
    metrics=(LENGTH, LAST_ID, LAST_SECONDS, *METRICS),
    build=_Run,
    docs="https://redis.io/docs/latest/commands/slowlog-get/",
    explain=lambda _major: (
        "INFO ALL\nSLOWLOG LEN\nSLOWLOG GET 1\nSLOWLOG GET 128  (at most, if there are new entries)"
    ),
)
