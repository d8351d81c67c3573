"""INFO's section Replication, as far as it has labels: a master's replicas, a replica's master."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.model.metric import gauge
from exporter.model.table import Labels, Table, Value, by_row
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
MASTER_LINK = gauge("redis_master_link_up", "1 if the connection to the master is up.", MASTER_LABELS)
MASTER_LAST_IO = gauge(
    "redis_master_last_io_seconds_ago",
    "Seconds since the master's last byte, -1 while the link is down.",
    MASTER_LABELS,
)
MASTER_SYNC = gauge(
    "redis_master_sync_in_progress", "1 while the data are copied from the master.", MASTER_LABELS
)
OWN_OFFSET = gauge(
    "redis_slave_repl_offset", "Replication offset that this replica has applied.", MASTER_LABELS
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
    OWN_OFFSET,
    REPLICA,
)

REPLICA_FIELD = re.compile(r"slave\d+")
MASTER_FIELD = re.compile(r"(master(?:_\d+)?)_host")


def replication_tables(info: Info) -> Sequence[Table]:
    """The tables that apply to the server's role."""
    replication = info.section("replication")
    replicas = [key_values(text) for name, text in replication.items() if REPLICA_FIELD.fullmatch(name)]
    # KeyDB has several masters: master_host, master_1_host, ...
    masters = [match[1] for name in replication if (match := MASTER_FIELD.fullmatch(name))]
    tables: list[Table] = []
    if replicas:
        offset = info.number("master_repl_offset")
        tables.append(
            by_row(
                REPLICA_LABELS,
                (REPLICA_OFFSET, REPLICA_LAG, REPLICA_LAG_BYTES),
                [_replica(replica, offset) for replica in replicas],
            )
        )
    if masters:
        tables.append(
            by_row(
                MASTER_LABELS,
                (MASTER_LINK, MASTER_LAST_IO, MASTER_SYNC, OWN_OFFSET),
                [_master(info, master) for master in masters],
            )
        )
    if info.get("role") == "slave":
        labels = (info.get("master_host"), info.get("master_port"), info.get("slave_read_only"))
        tables.append(by_row(REPLICA.labels, (REPLICA,), [(labels, (1,))]))
    return tables


def _replica(parts: dict[str, str], master_offset: float | None) -> tuple[Labels, tuple[Value, ...]]:
    offset, lag = number(parts.get("offset")), number(parts.get("lag"))
    behind = None if offset is None or master_offset is None else max(0, master_offset - offset)
    labels = (parts.get("ip", ""), parts.get("port", ""), parts.get("state", ""))
    return labels, (offset, None if lag is None or lag < 0 else lag, behind)


def _master(info: Info, prefix: str) -> tuple[Labels, tuple[Value, ...]]:
    link = info.get(f"{prefix}_link_status")
    return (info.get(f"{prefix}_host"), info.get(f"{prefix}_port")), (
        int(link == "up") if link else None,
        info.number(f"{prefix}_last_io_seconds_ago"),
        info.number(f"{prefix}_sync_in_progress"),
        info.number("slave_repl_offset") if prefix == "master" else None,
    )
