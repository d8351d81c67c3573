"""INFO: the server's own figures, its identity, replication, and the cluster it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis import (
    _cluster,
    _fields_memory,
    _fields_persistence,
    _fields_server,
    _fields_stats,
    _instance,
    _replication,
    _threads,
)
from exporter.collectors.redis._field import values
from exporter.collectors.redis._instance import (
    CLOCK_SKEW,
    START_TIME,
    StartTime,
    clock_skew,
    instance_tables,
    valkey_tables,
)
from exporter.collectors.redis._replication import replication_tables
from exporter.collectors.redis._threads import thread_tables
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.table import Table, single
from exporter.sources.redis import Command, Info, RedisSource, Reply

FIELDS = (
    *_fields_server.FIELDS,
    *_fields_memory.FIELDS,
    *_fields_persistence.FIELDS,
    *_fields_stats.FIELDS,
)
CLUSTER_INFO: Command = ("CLUSTER", "INFO")


class _Run:
    def __init__(self, redis: RedisSource) -> None:
        self._redis = redis
        self._start_time = StartTime()
        self._cluster = _cluster.ClusterInfo()
        self._in_cluster = False

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        info, cluster = await self._ask(deadline)
        clocks = [(START_TIME, self._start_time.of(info)), (CLOCK_SKEW, clock_skew(info))]
        known = [(metric, value) for metric, value in clocks if value is not None]
        tables = [
            single([*values(FIELDS, info), *known]),
            *instance_tables(info),
            *replication_tables(info),
            *thread_tables(info),
            *valkey_tables(info),
        ]
        if isinstance(cluster, str):
            tables.append(self._cluster.table(cluster))
        return tables

    async def _ask(self, deadline: Deadline) -> tuple[Info, Reply]:
        if self._in_cluster:  # as it was the last time: one round trip for both
            info, (cluster,) = await self._redis.info_with([CLUSTER_INFO], deadline)
            self._in_cluster = info.number("cluster_enabled") == 1
            return info, cluster
        info = await self._redis.info(deadline)
        self._in_cluster = info.number("cluster_enabled") == 1
        if not self._in_cluster:
            return info, None
        (cluster,) = await self._redis.fetch([CLUSTER_INFO], deadline)
        return info, cluster


COLLECTOR = CollectorSpec(
    help="The server's own figures from INFO: memory, clients, persistence, replication, CPU, cluster.",
    source="redis",
    metrics=(
        *(field.metric for field in FIELDS),
        *_instance.METRICS,
        *_replication.METRICS,
        *_threads.METRICS,
        *_cluster.METRICS,
    ),
    build=_Run,
    docs="https://redis.io/docs/latest/commands/info/",
    explain=lambda _major: "INFO ALL\nCLUSTER INFO  (in cluster mode)",
)
