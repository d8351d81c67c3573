"""Redis: the closed rows on what is stored."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import WHO, series
from mixin.dashboards._tables import Column, table

OF_DB = '{$target, db=~"$db"}'


def keys() -> Panels:
    """Databases, slow calls, errors, and what the walk over the keys has found."""
    largest = f"topk(20, redis_big_key_bytes{OF_DB})"
    return [
        table(
            "Databases",
            "Keys of each database that has any, how many of them expire, and the mean time that these have "
            "left.",
            ["instance", "target", "node", "db"],
            Column("keys", f"redis_db_keys{OF_DB} > 0", units.Short),
            Column(
                "with a time to live",
                f"redis_db_keys_expiring{OF_DB} and redis_db_keys{OF_DB} > 0",
                units.Short,
            ),
            Column("mean time to live", f"redis_db_avg_ttl_seconds{OF_DB}", units.Seconds),
        ).span(12),
        graph(
            "Keys over time",
            "Keys of the chosen databases, and those of them that expire. A set of keys that never expire "
            "and only grow fills the memory.",
            units.Short,
            series(f"sum without (db, node) (redis_db_keys{OF_DB})", f"all {WHO}"),
            series(f"sum without (db, node) (redis_db_keys_expiring{OF_DB})", f"that expire {WHO}"),
            watched=["RedisMemoryNearMax"],
        ),
        table(
            "Error replies",
            "By their first word. OOM: no memory; WRONGTYPE, ERR: a fault of the caller; NOAUTH, NOPERM: "
            "logins and rights; MISCONF: it can't save.",
            ["instance", "target", "err"],
            Column(
                "a second",
                "sum without (node) (rate(redis_errors_total{$target}[$__rate_interval]))",
                units.OpsPerSecond,
            ),
            watched=["RedisPersistenceFailing", "RedisMemoryNearMax"],
        )
        .span(12)
        .no_value("none"),
        table(
            "Slow calls by command",
            "Calls that came to the slow log. `redis-cli SLOWLOG GET 20` has their arguments. Empty until "
            "there is one.",
            ["instance", "target", "cmd"],
            Column(
                "a second",
                "sum without (node) (rate(redis_slowlog_entries_total{$target}[$__rate_interval]))",
                units.OpsPerSecond,
            ),
            watched=["RedisLatencyHigh"],
        )
        .span(12)
        .no_value("none"),
        table(
            "Largest keys",
            "Those that the walk over the keys has met. A large key blocks the server when it is read whole, "
            "or deleted by DEL instead of UNLINK. Off by default, names may be personal: `redis.top_keys`.",
            ["instance", "target", "node", "db", "type", "key"],
            Column("memory", largest, units.BytesIEC),
            watched=["RedisMemoryNearMax"],
        )
        .span(12)
        .no_value("off: redis.top_keys"),
        table(
            "Keys by pattern",
            "Only of the patterns that are configured (`redis.key_patterns`): their number and memory, and "
            "the part that never expires.",
            ["instance", "target", "db", "pattern"],
            Column("memory", f"sum without (node) (redis_key_pattern_memory_bytes{OF_DB})", units.BytesIEC),
            Column("keys", f"sum without (node) (redis_key_pattern_keys{OF_DB})", units.Short),
            Column(
                "never expire",
                f"max without (node) (redis_key_pattern_without_ttl_ratio{OF_DB})",
                units.PercentUnit,
            ),
        )
        .span(12)
        .no_value("off: redis.key_patterns"),
    ]


def streams() -> Panels:
    """Streams and their groups of consumers."""
    of_stream = f"{{{{stream}}}} {WHO}"
    return [
        graph(
            "Entries of streams",
            "All entries that a stream holds. Growth without end is a missing MAXLEN.",
            units.Short,
            series(f"sum without (node) (redis_stream_length{OF_DB})", of_stream),
        ),
        table(
            "Groups of consumers",
            "Entries that a group has not got yet, those it has not acknowledged, and its consumers. Lag "
            "that grows: too few consumers; pending that grows: consumers that fail.",
            ["instance", "target", "db", "stream", "group"],
            Column("lag", f"sum without (node) (redis_stream_group_lag{OF_DB})", units.Short),
            Column(
                "pending", f"sum without (node) (redis_stream_group_messages_pending{OF_DB})", units.Short
            ),
            Column("consumers", f"sum without (node) (redis_stream_group_consumers{OF_DB})", units.Short),
        ).span(12),
    ]
