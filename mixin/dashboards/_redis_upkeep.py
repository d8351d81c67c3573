"""Redis: the closed rows on memory, clients and persistence."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import PROBLEM, graph, stacked, timeline
from mixin.dashboards._queries import WHO, past_and_soon, series
from mixin.dashboards._tables import Column, table

# The nodes of a cluster, and what Sentinels watch, have the label `node`.
NODE = f"{WHO} {{{{node}}}}"


def memory() -> Panels:
    """What takes the memory, and what leaves it."""
    return [
        graph(
            "Memory and its limit",
            "What the server has allocated, what the system holds for it, and its limit. Resident far above "
            "used is fragmentation, or memory that was freed and not given back.",
            units.BytesIEC,
            series("sum without (node) (redis_memory_used_bytes{$target})", f"used {WHO}"),
            series("sum without (node) (redis_memory_used_rss_bytes{$target})", f"resident {WHO}"),
            series("sum without (node) (redis_memory_max_bytes{$target} > 0)", f"maxmemory {WHO}"),
            watched=["RedisMemoryNearMax"],
        ),
        stacked(
            "Memory by use",
            "All chosen servers together. Clients that grow read their replies too slowly or send too much "
            "at once.",
            units.BytesIEC,
            series("sum(redis_memory_used_dataset_bytes{$target})", "data"),
            series("sum(redis_mem_clients_normal{$target})", "clients"),
            series("sum(redis_mem_clients_slaves{$target})", "replicas"),
            series("sum(redis_mem_replication_backlog_bytes{$target})", "replication backlog"),
            series("sum(redis_mem_aof_buffer_bytes{$target})", "append-only file's buffer"),
            series("sum(redis_memory_used_startup_bytes{$target})", "server itself"),
        ),
        graph(
            "Evicted and expired keys",
            "Evicted ones had to go because of maxmemory, expired ones because their time was up.",
            units.OpsPerSecond,
            series("sum without (node) (instance:redis_evicted_keys:rate5m{$target})", f"evicted {WHO}"),
            series(
                "sum without (node) (rate(redis_expired_keys_total{$target}[$__rate_interval]))",
                f"expired {WHO}",
            ),
            watched=["RedisHitRatioLow"],
        ),
        graph(
            "Hit ratio",
            "Look-ups that found their key; no line without look-ups. How an application asks may be the "
            "whole reason: the alert is about servers that evict keys only.",
            units.PercentUnit,
            series("instance:redis_keyspace_hits:ratio_rate5m{$target}", NODE),
            *past_and_soon("instance:redis_keyspace_hits:ratio", NODE),
            alert="RedisHitRatioLow",
        ).max(1),
        graph(
            "Fragmentation",
            "Resident over used memory; says little on small data sets. Below 1 a part is swapped out, and "
            "every command waits for the disk.",
            units.Short,
            series("redis_mem_fragmentation_ratio{$target}", NODE),
        ),
        graph(
            "Defragmentation and lazy freeing",
            "CPU percentage that defragmentation aims at, and objects that wait to be freed.",
            units.Short,
            series("max without (node) (redis_active_defrag_running{$target})", f"defragmentation {WHO}"),
            series("max without (node) (redis_lazyfree_pending_objects{$target})", f"to be freed {WHO}"),
        ),
    ]


def clients() -> Panels:
    """Who is connected and what they get to hear."""
    return [
        graph(
            "Connections",
            "Connected clients, those that wait in a blocking command, which is usual for workers of a "
            "queue, and the limit.",
            units.Short,
            series("sum without (node) (redis_connected_clients{$target})", f"connected {WHO}"),
            series("sum without (node) (redis_blocked_clients{$target})", f"blocked {WHO}"),
            series("sum without (node) (redis_max_clients{$target})", f"limit {WHO}"),
            watched=["RedisClientsHigh"],
        ),
        graph(
            "New and refused connections",
            "Many new ones a second: a client that connects for each command. Refused ones got an error.",
            units.OpsPerSecond,
            series(
                "sum without (node) (rate(redis_connections_received_total{$target}[$__rate_interval]))",
                f"new {WHO}",
            ),
            series(
                "sum without (node) (rate(redis_rejected_connections_total{$target}[$__rate_interval]))",
                f"refused {WHO}",
            ),
            watched=["RedisRejectedConnections"],
        ),
        table(
            "Clients by name",
            "Connections by the name that the client gave itself, with their memory and the one idle "
            "longest. Opt-in: `--collector.redis-clients`.",
            ["instance", "target", "name", "user", "type"],
            Column("connections", "sum without (node) (redis_client_connections{$target})", units.Short),
            Column("blocked", "sum without (node) (redis_client_connections_blocked{$target})", units.Short),
            Column(
                "memory",
                "sum without (node) (redis_client_connections_memory_bytes{$target})",
                units.BytesIEC,
            ),
            Column(
                "output buffers",
                "sum without (node) (redis_client_connections_output_buffer_bytes{$target})",
                units.BytesIEC,
            ),
            Column(
                "idle",
                "max without (node) (redis_client_connections_idle_max_seconds{$target})",
                units.Seconds,
            ),
            watched=["RedisClientsHigh", "RedisRejectedConnections"],
        )
        .height(6)
        .no_value("off: --collector.redis-clients"),
        graph(
            "Network",
            "Bytes from and to clients. Much more out than usual is a command that reads a large key whole.",
            units.BytesPerSecondIEC,
            series(
                "sum without (node) (rate(redis_net_input_bytes_total{$target}[$__rate_interval]))",
                f"received {WHO}",
            ),
            series(
                "sum without (node) (rate(redis_net_output_bytes_total{$target}[$__rate_interval]))",
                f"sent {WHO}",
            ),
        ).data_links([drill("Host", to("host", "instance"))]),
        graph(
            "Clients cut off",
            "Because a buffer of theirs was over its limit, or for maxmemory-clients: they read too slowly.",
            units.OpsPerSecond,
            series(
                "sum(rate(redis_client_output_buffer_limit_disconnections_total{$target}[$__rate_interval])) "
                "or vector(0)",
                "output buffer",
            ),
            series(
                "sum(rate(redis_client_query_buffer_limit_disconnections_total{$target}[$__rate_interval])) "
                "or vector(0)",
                "query buffer",
            ),
            series(
                "sum(rate(redis_evicted_clients_total{$target}[$__rate_interval])) or vector(0)",
                "maxmemory-clients",
            ),
        ),
    ]


def persistence() -> Panels:
    """Dumps and the append-only file."""
    return [
        timeline(
            "Last dump or write failed",
            "When the last dump, or the last write to an append-only file that is on, had failed.",
            PROBLEM,
            series(
                "(redis_rdb_last_bgsave_status{$target} == bool 0) or (redis_aof_last_write_status{$target} "
                "== bool 0) * redis_aof_enabled{$target}",
                NODE,
            ),
            alert="RedisPersistenceFailing",
        ).span(24),
        graph(
            "Age of the last dump",
            "Time since the last good dump. It may be old where dumps are off or nothing changes.",
            units.Seconds,
            series("time() - redis_rdb_last_save_timestamp_seconds{$target}", NODE),
            watched=["RedisPersistenceFailing"],
        ).span(8),
        graph(
            "Changes since the last dump",
            "What a crash would lose without an append-only file.",
            units.Short,
            series("redis_rdb_changes_since_last_save{$target}", NODE),
        ).span(8),
        graph(
            "Duration of the last fork",
            "The server answers nobody while it forks. With much memory switch transparent huge pages off.",
            units.Seconds,
            series("redis_latest_fork_seconds{$target}", NODE),
        ).span(8),
        graph(
            "Copied while saving",
            "Memory that writes made the last dump copy: the host needs so much more while one is written.",
            units.BytesIEC,
            series("max without (node) (redis_rdb_last_cow_size_bytes{$target})", f"dump {WHO}"),
            series("max without (node) (redis_aof_last_cow_size_bytes{$target})", f"append-only file {WHO}"),
        ),
        graph(
            "Append-only file",
            "Its size, 0 where it is off. It falls when it is rewritten; one that only grows fills the disk.",
            units.BytesIEC,
            series("redis_aof_current_size_bytes{$target} or redis_up{$target} * 0", NODE),
        ),
    ]
