"""Whether the server answers."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.redis import RedisSource

UP = gauge("redis_up", "1 if the server answered INFO in this scrape, else 0.")
CONNECT_SECONDS = gauge(
    "redis_exporter_last_scrape_connect_time_seconds",
    "How long it took to open the connection that this scrape used.",
)


def build(redis: RedisSource) -> Collect:
    """Asks for INFO, which the other collectors ask for anyway."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await redis.info(deadline)
        return [single({UP: 1, CONNECT_SECONDS: redis.connect_seconds})]

    return collect


COLLECTOR = CollectorSpec(
    help="Whether the Redis server answers.",
    source="redis",
    metrics=(UP, CONNECT_SECONDS),
    build=build,
    fallback=(single({UP: 0}),),
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL",
)
