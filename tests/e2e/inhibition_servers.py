"""Cases of inhibition among servers, their exporter and their host."""

from __future__ import annotations

from tests.e2e.inhibition import Case, elsewhere, of_job, one

CONNECTIONS = "PostgresConnectionsHigh"
WRAPAROUND = "PostgresWraparound"
FULL = "HostFilesystemAlmostFull"

SERVERS = (
    Case(
        "the higher of two severities",
        causes=(one(CONNECTIONS, "critical"), one(FULL, "critical", device="a", mountpoint="/")),
        silenced=(one(CONNECTIONS, "warning"), one(FULL, "warning", device="a", mountpoint="/")),
        spared=(
            one(CONNECTIONS, "warning", instance="another"),
            one(CONNECTIONS, "warning", job="another"),
            one(CONNECTIONS, "warning", cluster="another"),
            one(CONNECTIONS, "warning", target="orders"),
            one(FULL, "warning", device="b", mountpoint="/data"),
            one("PostgresDeadlocks", datname="app"),
        ),
    ),
    Case(
        "two things of a server",
        causes=(
            one(WRAPAROUND, "critical", datname="a", kind="xid"),
            one("RedisMemoryNearMax", "critical", node="a:1"),
            one("PgbouncerClientsWaiting", "critical", database="a", user="a"),
            one("PostgresReplicationSlotAtRisk", "critical", slot_name="a"),
            one(FULL, "critical", device="a", fstype="ext4", mountpoint="/"),
        ),
        silenced=(one(WRAPAROUND, "warning", datname="a", kind="xid"),),
        spared=(
            one(WRAPAROUND, "warning", datname="b", kind="xid"),
            one(WRAPAROUND, "warning", datname="a", kind="multixact"),
            one("RedisMemoryNearMax", "warning", node="b:1"),
            one("PgbouncerClientsWaiting", "warning", database="b", user="a"),
            one("PgbouncerClientsWaiting", "warning", database="a", user="b"),
            one("PostgresReplicationSlotAtRisk", "warning", slot_name="b"),
            one(FULL, "warning", device="b", fstype="ext4", mountpoint="/"),
            one(FULL, "warning", device="a", fstype="ext4", mountpoint="/data"),
            one(FULL, "warning", device="a", fstype="xfs", mountpoint="/"),
        ),
    ),
    Case(
        "only infos on an instance",
        causes=(one("InfoInhibitor", job=None),),
        silenced=(one("PostgresCacheHitRatioLow"), one("HostCpuHigh", job="node")),
        spared=(
            one("PostgresCacheHitRatioLow", instance="another"),
            one("PostgresRoleChanged", job="other"),
            one("PostgresDatabaseGrowth", datname="app"),
            one("AnomalousLatencyOrQueries", signal="transactions"),
        ),
    ),
    Case(
        "an inhibitor without an instance",
        causes=(of_job("InfoInhibitor", job=None),),
        spared=(of_job("PostgresCacheHitRatioLow"),),
    ),
    Case(
        "the exporter is gone",
        causes=(one("ExporterDown", job=None),),
        silenced=(
            one("PostgresLocksNearLimit"),
            one("RedisCpuSaturated", job="redis"),
            one("HostMemoryHigh", job="node"),
            one("CollectorFailing", family="pool", collector="pgbouncer_pools"),
            one("PostgresLocksNearLimit", target="orders"),
        ),
        spared=(
            one("RedisMemoryNearMax", "critical"),
            one("PostgresLocksNearLimit", instance="another"),
            one("PostgresLocksNearLimit", cluster="another"),
            of_job("ModerateErrorRate"),
        ),
    ),
    Case(
        "PostgreSQL is down",
        causes=(one("PostgresDown"),),
        silenced=(
            one("PostgresReplicaNotStreaming"),
            one("PostgresDeadlocks", datname="app"),
            one("PostgresRestarted"),
            one("CollectorFailing", family="postgres", collector="locks"),
            one("CollectorStale", family="postgres", collector="stat_user_tables"),
            one("PgbouncerClientsWaiting", "warning", job="pgbouncer", database="app", user="app"),
            one("ApplicationPoolSaturated", pool="app"),
        ),
        spared=(
            one("PgbouncerClientsWaiting", "critical", job="pgbouncer", database="other", user="other"),
            *elsewhere("PostgresReplicaNotStreaming"),
            *elsewhere("CollectorFailing", family="postgres", collector="locks"),
            *elsewhere("ApplicationPoolSaturated", pool="app"),
            one("CollectorFailing", family="redis", collector="redis"),
            one("SeriesVanished", family="postgres"),
            one("HostMemoryHigh", job="node"),
            one("RedisCpuSaturated", job="redis"),
            of_job("DatabaseDown", job="app"),
            of_job("NoOrders", job="shop"),
        ),
    ),
    Case(
        "one target of several is down",
        causes=(one("PostgresDown", target="orders"),),
        silenced=(one("PostgresReplicaNotStreaming", target="orders"),),
        spared=(
            one("PostgresReplicaNotStreaming", target="billing"),
            one("PostgresReplicaNotStreaming"),
        ),
    ),
    Case(
        "a cause without an instance",
        causes=(
            of_job("PostgresDown"),
            of_job("RedisDown"),
            of_job("PgbouncerDown"),
            of_job("ExporterDown", job=None),
            of_job(FULL, "warning", device="a", mountpoint="/"),
        ),
        spared=(
            of_job("PostgresReplicaNotStreaming"),
            of_job("RedisCpuSaturated"),
            of_job("PgbouncerPoolSaturated"),
            of_job("HostMemoryHigh"),
            of_job("RedisClusterDown"),
            of_job("HostFilesystemFillingUp", device="a", mountpoint="/"),
            *(of_job("CollectorFailing", family=f, collector="c") for f in ("postgres", "redis", "pool")),
        ),
    ),
    Case(
        "no cause at all",
        causes=(
            one("PostgresDeadlocks", datname="app", stack="shop"),
            one("RedisCpuSaturated"),
            one("PgbouncerMaxWaitHigh", database="app", user="app"),
            one("HostInodesAlmostFull", device="a", fstype="ext4", mountpoint="/"),
            one("DatabaseConnectionsHigh", db_client_connection_pool_name="app"),
            of_job("ErrorBudgetExhausted", slo="availability"),
            of_job("ErrorBudgetExhausted", slo="latency"),
            of_job("AuthenticationFailures"),
        ),
        spared=(
            *(one("CollectorFailing", family=f, collector="c") for f in ("postgres", "redis", "pool")),
            one("HostCpuHigh"),
            one("HostFilesystemFillingUp", device="a", fstype="ext4", mountpoint="/"),
            one("RedisClusterDown"),
            one("RedisReplicaMissing"),
            one("PgbouncerPoolSaturated", database="app", user="app"),
            one("PostgresLocksNearLimit"),
            of_job("DatabaseDown", job="app", stack="shop"),
            of_job("ErrorBudgetBurnSlow", job="b", slo="availability"),
            of_job("ErrorBudgetExhausted", job="b", slo="availability"),
            of_job("ErrorBudgetBurnTrickle", job="b", slo="latency"),
            of_job("ErrorBudgetExhausted", job="b", slo="latency"),
            of_job("HighErrorRate"),
            of_job("HighLatencyP99"),
        ),
    ),
    Case(
        "the database of an application that says which it is",
        causes=(one("PostgresDown", stack="shop"),),
        silenced=(of_job("DatabaseDown", job="app", stack="shop"),),
        spared=(
            of_job("DatabaseDown", job="app", stack="blog"),
            of_job("DatabaseDown", job="app", stack="shop", cluster="another"),
            of_job("DatabaseDown", job="app"),
        ),
    ),
    Case(
        "Redis is down",
        causes=(one("RedisDown"),),
        silenced=(
            one("RedisPersistenceFailing"),
            one("RedisReplicationLinkDown", master_host="m", master_port="6379"),
            one("CollectorFailing", family="redis", collector="redis"),
        ),
        spared=(
            one("PostgresDeadlocks", job="postgres", datname="app"),
            one("CollectorFailing", family="postgres", collector="locks"),
            one("SeriesVanished", family="redis"),
            *elsewhere("RedisPersistenceFailing"),
            *elsewhere("RedisClusterDown"),
            *elsewhere("CollectorFailing", family="redis", collector="redis"),
        ),
    ),
    Case(
        "a member of a Redis group is down",
        causes=(one("RedisDown", node="a:1"),),
        silenced=(
            one("RedisMemoryNearMax", "warning", node="a:1"),
            one("RedisClusterDown"),
            one("RedisReplicationLinkDown", node="b:1", master_host="a", master_port="1"),
            one("RedisReplicaMissing", node="a:1"),
        ),
        spared=(one("RedisMemoryNearMax", "critical", node="b:1"), one("RedisDown", node="c:1")),
    ),
    Case(
        "PgBouncer is down",
        causes=(one("PgbouncerDown"),),
        silenced=(
            one("PgbouncerClientsWaiting", "critical", database="app", user="app"),
            one("PgbouncerPoolSaturated", database="app", user="app"),
            one("CollectorFailing", family="pool", collector="pgbouncer_pools"),
        ),
        spared=(
            one("ApplicationPoolSaturated", job="app", pool="app"),
            one("CollectorFailing", family="postgres", collector="locks"),
            one("SeriesVanished", family="pool"),
            *elsewhere("PgbouncerPoolSaturated", database="app", user="app"),
            *elsewhere("CollectorFailing", family="pool", collector="pgbouncer_pools"),
        ),
    ),
    Case(
        "a disk is full, and fills up",
        causes=(one(FULL, "warning", device="a", mountpoint="/"),),
        silenced=(one("HostFilesystemFillingUp", device="a", mountpoint="/"),),
        spared=(
            one("HostFilesystemFillingUp", device="b", mountpoint="/"),
            one("HostFilesystemFillingUp", device="a", mountpoint="/data"),
            one("HostFilesystemFillingUp", device="a", mountpoint="/", instance="another"),
            one("HostFilesystemFillingUp", device="a", mountpoint="/", cluster="another"),
        ),
    ),
    Case(
        "causes among themselves",
        causes=(
            one("PostgresDown"),
            one("PostgresDown", target="orders"),
            one("RedisDown"),
            one("RedisDown", node="a:1"),
            one("PgbouncerDown"),
            one("ExporterDown", job=None),
            of_job("ServiceDown"),
            of_job("DatabaseDown"),
        ),
    ),
    Case(
        "a standby that receives nothing",
        causes=(one("PostgresReplicaNotStreaming"),),
        silenced=(
            one("PostgresReplicationLagHigh", "warning"),
            one("PostgresReplicationLagHigh", "critical"),
        ),
        spared=(*elsewhere("PostgresReplicationLagHigh", severity="warning"), one("PostgresRoleChanged")),
    ),
    Case(
        "two primaries",
        causes=(one("PostgresSplitBrain", system_identifier="7"),),
        silenced=(one("PostgresRoleChanged"),),
        spared=elsewhere("PostgresRoleChanged"),
    ),
)
