"""Keys in each database, from INFO's section Keyspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.redis._asking import is_sentinel
from exporter.collectors.redis._kept import Kept
from exporter.collectors.redis._replies import paired
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Table, Value, by_row
from exporter.sources.redis import Command, Info, RedisSource, Reply
from exporter.sources.redis.info import number

LABELS = ("db",)

KEYS = gauge("redis_db_keys", "Keys in a database.", LABELS)
EXPIRING = gauge("redis_db_keys_expiring", "Keys in a database that have a time to live.", LABELS)
AVERAGE_TTL = gauge("redis_db_avg_ttl_seconds", "Mean time to live of those keys, estimated.", LABELS)
CACHED = gauge("redis_db_keys_cached", "Keys of a database in the storage provider's cache (KeyDB).", LABELS)
WITH_EXPIRING_ITEMS = gauge(
    "redis_db_keys_with_expiring_items", "Keys that hold items with a time to live of their own.", LABELS
)
METRICS = (KEYS, EXPIRING, AVERAGE_TTL, CACHED, WITH_EXPIRING_ITEMS)

CONFIG_DATABASES: Command = ("CONFIG", "GET", "databases")
DEFAULT_DATABASES = 16
MOST_DATABASES = 10_000
"""More are shown only where they have keys."""
EMPTY: Mapping[str, str] = {"keys": "0", "expires": "0"}


def build(redis: RedisSource) -> Collect:
    """Asks for INFO, and once a minute for the number of databases."""
    kept = Kept(redis, [CONFIG_DATABASES])

    async def collect(deadline: Deadline) -> Sequence[Table]:
        info, (config,) = await kept.get(deadline)
        if is_sentinel(info):
            raise Skip(Reason.UNSUPPORTED, "a Sentinel has no keys")
        databases = {f"db{i}": EMPTY for i in range(_how_many(info, config))}
        databases |= {f"db{name}": parts for name, parts in info.pairs("keyspace", "db").items()}
        return [by_row(LABELS, METRICS, [((name,), _row(parts)) for name, parts in databases.items()])]

    return collect


def _how_many(info: Info, config: Reply) -> int:
    """How many databases are shown even if they are empty: all, as redis_exporter does."""
    if info.number("cluster_enabled") == 1:
        return 1
    known = number(str(paired(config).get("databases")))
    return int(known) if known and 0 < known <= MOST_DATABASES else DEFAULT_DATABASES


def _row(parts: Mapping[str, str]) -> tuple[Value, ...]:
    ttl = _known(parts.get("avg_ttl"))
    items = parts.get("subexpiry") or parts.get("keys_with_volatile_items")  # Redis; Valkey
    return (
        _known(parts.get("keys")),
        _known(parts.get("expires")),
        None if ttl is None else ttl / 1000,
        _known(parts.get("cached_keys")),
        _known(items),
    )


def _known(text: str | None) -> int | float | None:
    value = number(text)
    return None if value is None or value < 0 else value


COLLECTOR = CollectorSpec(
    help="Keys, keys with a time to live and its mean, for each database.",
    source="redis",
    metrics=METRICS,
    build=build,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL\nCONFIG GET databases",
)
