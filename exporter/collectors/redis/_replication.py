"""INFO's section Replication, as far as it has labels: a master's replicas, a replica's master."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.collectors.redis._instance import numbered
from exporter.model.metric import gauge
from exporter.model.table import Labels, Table, Value, by_row, single
from exporter.sources.redis import Info
from exporter.sources.redis.info import key_values, number

REPLICA_LABELS = ("slave_ip", "slave_port", "slave_state")
MASTER_LABELS = ("master_host", "master_port")

REPLICA_OFFSET = gauge(
    "redis_connected_slave_offset_bytes", "Replication offset that a replica has confirmed.", REPLICA_LABELS
)
REPLICA_LAG = gauge(
    "redis_connected_slave_lag_seconds", "Seconds since a replica's last confirmation.", REPLICA_LABELS
)
REPLICA_LAG_BYTES = gauge(
    "redis_connected_slave_lag_bytes",
    "Bytes of the replication stream that a replica has not confirmed.",
    REPLICA_LABELS,
)
REPLICA_LAG_RECORDS = gauge(
    "redis_connected_slave_lag_records",
    "Records of the journal that a replica has not confirmed (Dragonfly).",
    REPLICA_LABELS,
)
MASTER_LINK = gauge("redis_master_link_up", "1 if the connection to the master is up.", MASTER_LABELS)
MASTER_LAST_IO = gauge(
    "redis_master_last_io_seconds_ago",
    "Seconds since the master's last byte, -1 while the link is down.",
    MASTER_LABELS,
)
MASTER_SYNC = gauge(
    "redis_master_sync_in_progress", "1 while the data are copied from the master.", MASTER_LABELS
)
MASTER_DOWN_SINCE = gauge(
    "redis_master_link_down_since_seconds",
    "How long the connection to the master has been down; only while it is.",
    MASTER_LABELS,
)
MASTER_SYNC_SIZE = gauge(
    "redis_master_sync_total_bytes",
    "Bytes that are copied from the master in all; only while they are, and where the master knows.",
    MASTER_LABELS,
)
MASTER_SYNC_LEFT = gauge(
    "redis_master_sync_left_bytes",
    "Bytes that are still to be copied from the master; only while they are, and where the master knows.",
    MASTER_LABELS,
)
OWN_OFFSET = gauge(
    "redis_slave_repl_offset", "Replication offset that this replica has applied.", MASTER_LABELS
)
READ_OFFSET = gauge(
    "redis_slave_read_repl_offset",
    "Replication offset that this replica has read from its master (7.0 and newer).",
    MASTER_LABELS,
)
FAILOVER = gauge(
    "redis_master_failover_in_progress",
    "1 while this master hands over to a replica by the command FAILOVER (6.2 and newer).",
)
REPLICA = gauge(
    "redis_slave_info",
    "1 on a replica, with its master and whether it is read-only as labels.",
    (*MASTER_LABELS, "read_only"),
)

METRICS = (
    REPLICA_OFFSET,
    REPLICA_LAG,
    REPLICA_LAG_BYTES,
    MASTER_LINK,
    MASTER_LAST_IO,
    MASTER_SYNC,
    MASTER_DOWN_SINCE,
    MASTER_SYNC_SIZE,
    MASTER_SYNC_LEFT,
    OWN_OFFSET,
    READ_OFFSET,
    FAILOVER,
    REPLICA,
    REPLICA_LAG_RECORDS,
)
OF_MASTER = (
    MASTER_LINK,
    MASTER_LAST_IO,
    MASTER_SYNC,
    MASTER_DOWN_SINCE,
    MASTER_SYNC_SIZE,
    MASTER_SYNC_LEFT,
    OWN_OFFSET,
    READ_OFFSET,
)
REPLICA_ROLES = ("slave", "replica", "active-replica")
"""Dragonfly's own word is the second one, KeyDB's for a replica that is written to the third."""


def replication_tables(info: Info) -> Sequence[Table]:
    """The tables that apply to the server's role."""
    tables: list[Table] = []
    replicas = [key_values(text) for text in numbered(info, "slave{}")]
    if replicas:
        tables.append(_replicas(info, replicas))
    # KeyDB has several masters: master_host, master_1_host, ...
    masters = ["master"] if "master_host" in info.fields else []
    masters += [f"master_{n}" for n, _ in enumerate(numbered(info, "master_{}_host", 1), 1)]
    if masters:
        tables.append(by_row(MASTER_LABELS, OF_MASTER, [_master(info, master) for master in masters]))
    if info.get("role") in REPLICA_ROLES:
        labels = (info.get("master_host"), info.get("master_port"), info.get("slave_read_only"))
        tables.append(by_row(REPLICA.labels, (REPLICA,), [(labels, (1,))]))
    if state := info.get("master_failover_state"):
        tables.append(single({FAILOVER: int(state != "no-failover")}))
    return tables


def _replicas(info: Info, replicas: Sequence[Mapping[str, str]]) -> Table:
    if "dragonfly_version" in info.fields:  # it has no offsets, and a lag in records of its journal
        rows = [(_labels(parts), (_positive(number(parts.get("lag"))),)) for parts in replicas]
        return by_row(REPLICA_LABELS, (REPLICA_LAG_RECORDS,), rows)
    offset = info.number("master_repl_offset")
    metrics = (REPLICA_OFFSET, REPLICA_LAG, REPLICA_LAG_BYTES)
    return by_row(REPLICA_LABELS, metrics, [_replica(parts, offset) for parts in replicas])


def _replica(parts: Mapping[str, str], master_offset: float | None) -> tuple[Labels, tuple[Value, ...]]:
    offset, lag = number(parts.get("offset")), number(parts.get("lag"))
    behind = None if offset is None or master_offset is None else max(0, master_offset - offset)
    return _labels(parts), (offset, _positive(lag), behind)


def _labels(parts: Mapping[str, str]) -> Labels:
    return parts.get("ip", ""), parts.get("port", ""), parts.get("state", "")


def _master(info: Info, prefix: str) -> tuple[Labels, tuple[Value, ...]]:
    link = info.get(f"{prefix}_link_status")
    first = prefix == "master"
    return (info.get(f"{prefix}_host"), info.get(f"{prefix}_port")), (
        int(link == "up") if link else None,
        info.number(f"{prefix}_last_io_seconds_ago"),
        info.number(f"{prefix}_sync_in_progress"),
        _positive(info.number(f"{prefix}_link_down_since_seconds")),
        _positive(info.number(f"{prefix}_sync_total_bytes")),
        _positive(info.number(f"{prefix}_sync_left_bytes")),
        info.number("slave_repl_offset") if first else None,
        info.number("slave_read_repl_offset") if first else None,
    )


def _positive(value: float | None) -> float | None:
    return None if value is None or value < 0 else value
