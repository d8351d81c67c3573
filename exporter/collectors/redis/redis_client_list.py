"""Each connection of a client, from CLIENT LIST: the largest ones, a few series for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from exporter.collectors.redis._client_list import PERIOD_SECONDS, Client, clients
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import Metric, gauge
from exporter.model.table import Labels, Table, Value, by_row, single
from exporter.sources.redis import RedisSource
from exporter.sources.redis.info import number

LABELS = ("id", "name")
INFO = gauge(
    "redis_connected_client_info",
    "1 for each connection; user and resp only where the server tells them.",
    ("id", "name", "flags", "db", "host", "user", "resp"),
)
CREATED = gauge(
    "redis_connected_client_created_at_timestamp", "Unix time at which the client connected.", LABELS
)
IDLE_SINCE = gauge(
    "redis_connected_client_idle_since_timestamp", "Unix time of the client's last command.", LABELS
)
FIELDS: dict[str, Metric] = {
    "sub": gauge(
        "redis_connected_client_channel_subscriptions_count", "Channels that it listens to.", LABELS
    ),
    "psub": gauge(
        "redis_connected_client_pattern_matching_subscriptions_count", "Patterns that it listens to.", LABELS
    ),
    "ssub": gauge(
        "redis_connected_client_shard_channel_subscriptions_count",
        "Shard channels that it listens to.",
        LABELS,
    ),
    "watch": gauge("redis_connected_client_shard_channel_watched_keys", "Keys that it watches.", LABELS),
    "qbuf": gauge("redis_connected_client_query_buffer_length_bytes", "Bytes in its query buffer.", LABELS),
    "qbuf-free": gauge(
        "redis_connected_client_query_buffer_free_space_bytes", "Bytes free in its query buffer.", LABELS
    ),
    "obl": gauge("redis_connected_client_output_buffer_length_bytes", "Bytes in its output buffer.", LABELS),
    "oll": gauge(
        "redis_connected_client_output_list_length", "Replies that wait because the buffer is full.", LABELS
    ),
    "omem": gauge(
        "redis_connected_client_output_buffer_memory_usage_bytes", "Memory of its output buffer.", LABELS
    ),
    "tot-mem": gauge(
        "redis_connected_client_total_memory_consumed_bytes", "Memory of the connection in all.", LABELS
    ),
}
UNLISTED = gauge(
    "redis_connected_clients_unlisted", "Connections that are not listed, because others are larger."
)
MOST_LISTED = 1000
TOLERANCE_SECONDS = 2
METRICS = (INFO, CREATED, IDLE_SINCE, *FIELDS.values(), UNLISTED)


class _Run:
    """Asks for the list; the largest connections come first.

    Args:
        redis: the server.
        clock: Unix time.
    """

    def __init__(self, redis: RedisSource, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._held: dict[tuple[str, str], int] = {}

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        found = {client["id"]: client async for client in clients(self._redis, deadline)}
        listed = sorted(found.values(), key=_memory, reverse=True)[:MOST_LISTED]
        now = self._clock()
        before, self._held = self._held, {}
        rows = [((c["id"], c.get("name", "")), self._row(c, now, before)) for c in listed]
        return [
            by_row(INFO.labels, (INFO,), [(_identity(client), (1,)) for client in listed]),
            by_row(LABELS, (CREATED, IDLE_SINCE, *FIELDS.values()), rows),
            single({UNLISTED: len(found) - len(listed)}),
        ]

    def _row(self, client: Client, now: float, before: dict[tuple[str, str], int]) -> tuple[Value, ...]:
        times = [self._since(client, field, now, before) for field in ("age", "idle")]
        return (*times, *(_known(client.get(field)) for field in FIELDS))

    def _since(
        self, client: Client, field: str, now: float, before: dict[tuple[str, str], int]
    ) -> int | None:
        """Now less so many seconds, held still: they are whole, so that the difference jitters."""
        seconds = _known(client.get(field))
        if seconds is None or not seconds < now:
            return None
        key, since = (client["id"], field), int(now - seconds)
        held = before.get(key, since)
        self._held[key] = held if abs(held - since) <= TOLERANCE_SECONDS else since
        return self._held[key]


def _memory(client: Client) -> float:
    return _known(client.get("tot-mem")) or _known(client.get("omem")) or 0


def _known(text: str | None) -> float | None:
    value = number(text)
    return None if value is None or value < 0 else value


def _identity(client: Client) -> Labels:
    host = client.get("addr", "").rpartition(":")[0]
    return (
        client["id"],
        client.get("name", ""),
        client.get("flags", ""),
        client.get("db", ""),
        host,
        client.get("user", ""),
        client.get("resp", ""),
    )


COLLECTOR = CollectorSpec(
    help="Each connection of a client, the 1,000 largest, from CLIENT LIST.",
    source="redis",
    metrics=METRICS,
    build=_Run,
    default=False,
    cost=Cost.ROWS,
    every_seconds=PERIOD_SECONDS,
    series_limit=MOST_LISTED * len(METRICS),
    docs="https://redis.io/docs/latest/commands/client-list/",
    explain=lambda _major: "INFO ALL\nCLIENT LIST",
)
