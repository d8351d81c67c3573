"""Redis: the closed rows on replicas, on a cluster and on Sentinels."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._panels import UP, graph, timeline
from mixin.dashboards._queries import WHO, series
from mixin.dashboards._redis_upkeep import NODE


def replication() -> Panels:
    """Replicas, as the master sees them and as they see the master."""
    return [
        timeline(
            "Connection to the master",
            "As each replica sees it. No line on masters.",
            UP,
            series("redis_master_link_up{$target}", NODE),
            alert="RedisReplicationLinkDown",
        )
        .span(24)
        .no_value("no replica"),
        graph(
            "Connected replicas",
            "As their master sees them; 0 on replicas and on servers without any.",
            units.Short,
            series("redis_connected_slaves{$target}", NODE),
            watched=["RedisReplicaMissing"],
        )
        .span(8)
        .axis_soft_max(4),
        graph(
            "Lag of replicas",
            "Bytes of the stream that a replica has not confirmed. No line without replicas.",
            units.BytesIEC,
            series(
                "redis_connected_slave_lag_bytes{$target}", f"{NODE} to {{{{slave_ip}}}}:{{{{slave_port}}}}"
            ),
        )
        .span(8)
        .no_value("no replica"),
        graph(
            "Last word from a replica",
            "Seconds since its last confirmation, which comes every second. No line without replicas.",
            units.Seconds,
            series(
                "redis_connected_slave_lag_seconds{$target}", f"{NODE} to {{{{slave_ip}}}}:{{{{slave_port}}}}"
            ),
        )
        .span(8)
        .no_value("no replica"),
        graph(
            "Full copies",
            "Replicas that had to copy the whole data set, and attempts to go on that were refused: the "
            "backlog is too small for how long they were gone.",
            units.Short,
            series(
                "sum without (node) (increase(redis_replica_resyncs_full{$target}[$__rate_interval]))",
                f"full {WHO}",
            ),
            series(
                "sum without (node) "
                "(increase(redis_replica_partial_resync_denied{$target}[$__rate_interval]))",
                f"refused {WHO}",
            ),
        ),
        graph(
            "Backlog",
            "What a replica that comes back can catch up from; 0 bytes until there is a first replica. "
            "The smallest of a group.",
            units.BytesIEC,
            series("min without (node) (redis_repl_backlog_history_bytes{$target})", f"held {WHO}"),
            series("min without (node) (redis_replication_backlog_bytes{$target})", f"size {WHO}"),
        ),
    ]


def cluster() -> Panels:
    """Groups of servers; empty where there is neither a cluster nor a Sentinel."""
    return [
        graph(
            "Slots served over time",
            "By the node that sees fewest. Commands on the keys of the others fail.",
            units.PercentUnit,
            series("instance:redis_cluster_slots_served:ratio{$target}"),
            alert="RedisClusterDown",
        ).max(1),
        graph(
            "Nodes by state",
            "As the nodes see each other, at the most: a node that only some hold for failed is a split of "
            "the network.",
            units.Short,
            series("max without (node) (redis_cluster_nodes{$target})", f"{{{{flag}}}} {WHO}"),
            watched=["RedisReplicaMissing"],
        ),
        graph(
            "Masters without replica",
            "Their slots are lost with them. As the node sees it that sees most.",
            units.Short,
            series("max without (node) (redis_cluster_masters_without_replica{$target})"),
            watched=["RedisReplicaMissing", "RedisClusterDown"],
        ),
        graph(
            "Failovers",
            "Replicas that took over, of a cluster or under Sentinels. Each one loses what it had not got.",
            units.Short,
            series(
                "max without (node) (increase(redis_cluster_failovers_total{$target}[$__rate_interval]))",
                f"cluster {WHO}",
            ),
            series(
                "max without (node) "
                "(increase(redis_sentinel_master_failovers_total{$target}[$__rate_interval]))",
                f"{{{{master_name}}}} {WHO}",
            ),
        ),
        timeline(
            "Masters as Sentinels see them",
            "DOWN while at least one Sentinel does not hold the master for well.",
            UP,
            series(
                "min without (node, master_address, master_status) (redis_sentinel_master_status{$target})",
                f"{{{{master_name}}}} {WHO}",
            ),
            watched=["RedisDown"],
        ).height(6),
        timeline(
            "Enough Sentinels for a failover",
            "DOWN while too few Sentinels are up to agree: if the master fails now, nothing takes over.",
            UP,
            series(
                "min without (node, message) (redis_sentinel_master_ckquorum_status{$target})",
                f"{{{{master_name}}}} {WHO}",
            ),
        ).height(6),
    ]
