"""Overview: which service is broken, on one screen, and where to go on."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._golden import Service, line, worst
from mixin.dashboards._jobs import ERRORS, JOB, compared, past_dashed
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import WHO, Query, series
from mixin.dashboards._tables import Column, alert_list, firing
from mixin.dashboards._variables import target

SERVICES = "application|business|postgres|redis|pool|host|exporter|prometheus|alertmanager"

APPLICATION = Service("Application", "application|business", "application", f"job:up:ratio{JOB}")
POSTGRES = Service("PostgreSQL", "postgres", "postgres", "pg_up{$target}")
REDIS = Service("Redis", "redis", "redis", "redis_up{$target}")
POOLS = Service(
    "Pools", "pool", "pools", "pgbouncer_up{$target} or pool:application_connections_used:ratio{$target}"
)
HOST = Service("Host", "host", "host", "node_boot_time_seconds{$target}")
MONITORING = Service(
    "Monitoring", "exporter|prometheus|alertmanager", "exporter", "exporter_build_info{$target}"
)
# Jobs that are applications: those that exported requests lately, or are named so.
APPLICATIONS = f"up{{$target}} and on (job) job:up:ratio{JOB}"
WITH_POOLS = "(up{$target} and on (job, instance) pool:application_connections_used:ratio{$target})"
# Whatever the job's name, a target that had these within the day is one of these.
HOSTS = "up{$target} and on (job, instance) last_over_time(node_boot_time_seconds{$target}[1d])"
EXPORTERS = """
    min by (instance) (up{$target} and on (job, instance) last_over_time(exporter_build_info{$target}[1d]))
"""
FAILING = """
    count(exporter_collector_success{$target} == 0) or 0 * max(exporter_build_info{$target})
"""
# Where keys may be evicted, a full memory is how a cache works.
NO_ROOM = """
    instance:redis_memory_used:ratio{$target} and on (job, instance, target, node)
    redis_instance_info{$target, role!="slave", maxmemory_policy="noeviction"}
"""
STALE = "exporter_collector_age_seconds{$target} / exporter_collector_period_seconds{$target}"
DROPPED = "max(increase(exporter_series_dropped_total{$target}[15m]))"
# Signals of applications have no instance.
ANY = 'job=~"$job", instance=~"$instance|"'


def build() -> Board:
    """For somebody woken up who does not know yet what it is about."""
    return Board(
        title="Overview",
        about="Which service is broken, and where to go on.",
        service=SERVICES,
        variables=[*target("up")],
        rows=[
            Row("Health", [firing(SERVICES).height(6), alert_list(SERVICES).height(6), *_services()]),
            Row("Problems", _unusual()),
            Row("Performance", _compared()),
        ],
    )


def _services() -> Panels:
    tiles = [worst(service) for service in (APPLICATION, POSTGRES, REDIS, POOLS, HOST, MONITORING)]
    return [*tiles, *_users(), *_stores(), *_below()]


def _users() -> Panels:
    return line(
        APPLICATION,
        series(APPLICATIONS, "{{instance}}"),
        Column("requests", f"sum(job:http_requests:rate5m{JOB})", units.RequestsPerSecond),
        Column("fail", f"max(job:http_request_errors:ratio_rate5m{JOB})", units.PercentUnit, ERRORS),
        Column(
            "p99", f"max(job:http_request_duration_seconds:p99_rate5m{JOB})", units.Seconds, "HighLatencyP99"
        ),
        Column("orders in 30 min", f"sum(job:orders:rate30m{JOB} * 1800)", units.Short),
        watched="ServiceDown",
    )


def _stores() -> Panels:
    wait = "max(pg_stat_activity_longest_lock_wait_seconds{$target}) or 0 * max(pg_up{$target})"
    return [
        *line(
            POSTGRES,
            series("pg_up{$target}"),
            Column("transactions", "sum(instance:pg_transactions:rate5m{$target})", units.OpsPerSecond),
            Column(
                "connections",
                "max(instance:pg_connections_used:ratio{$target})",
                units.PercentUnit,
                "PostgresConnectionsHigh",
            ),
            Column("lock wait", wait, units.Seconds, "PostgresBlockedSessions"),
            Column(
                "lag",
                "max(pg_recovery_replay_lag_seconds{$target}) or 0 * max(pg_up{$target})",
                units.Seconds,
                "PostgresReplicationLagHigh",
            ),
            watched="PostgresDown",
        ),
        *line(
            REDIS,
            series("redis_up{$target}", f"{WHO} {{{{node}}}}"),
            Column("commands", "sum(instance:redis_commands:rate5m{$target})", units.OpsPerSecond),
            Column(
                "memory",
                f"max({NO_ROOM}) or 0 * max(redis_up{{$target}})",
                units.PercentUnit,
                "RedisMemoryNearMax",
            ),
            Column(
                "command takes",
                "max(instance:redis_command_duration_seconds:mean5m{$target})",
                units.Seconds,
                "RedisLatencyHigh",
            ),
            Column(
                "refused",
                "max(increase(redis_rejected_connections_total{$target}[5m]))",
                units.Short,
                "RedisRejectedConnections",
            ),
            watched="RedisDown",
        ),
    ]


def _below() -> Panels:
    return [
        *line(
            POOLS,
            series(f"min by (instance, target) (pgbouncer_up{{$target}} or {WITH_POOLS})"),
            Column(
                "PgBouncer used",
                "max(pool:pgbouncer_pools_server_active_connections:ratio{$target})",
                units.PercentUnit,
                "PgbouncerPoolSaturated",
            ),
            Column(
                "longest wait",
                "max(pgbouncer_pools_client_maxwait_seconds{$target})",
                units.Seconds,
                "PgbouncerMaxWaitHigh",
            ),
            Column(
                "application used",
                "max(pool:application_connections_used:ratio{$target})",
                units.PercentUnit,
                "ApplicationPoolSaturated",
            ),
            Column("requests wait", "sum(pool:application_requests_waiting:sum{$target})", units.Short),
            watched="PgbouncerDown",
        ),
        *line(
            HOST,
            series(HOSTS, "{{instance}}"),
            Column(
                "CPU busy", "max(instance:node_cpu_busy:ratio{$target})", units.PercentUnit, "HostCpuHigh"
            ),
            Column(
                "memory", "max(instance:node_memory_used:ratio{$target})", units.PercentUnit, "HostMemoryHigh"
            ),
            Column(
                "space left",
                "min(mountpoint:node_filesystem_avail:ratio{$target})",
                units.PercentUnit,
                "HostFilesystemAlmostFull",
            ),
            Column("pressure", "max(instance:node_pressure:ratio{$target})", units.PercentUnit),
            watched="ExporterDown",
        ),
        *line(
            MONITORING,
            series(EXPORTERS, "{{instance}}"),
            Column("collectors fail", FAILING, units.Short),
            Column("stalest", f"max({STALE})", units.Short, "CollectorStale"),
            Column("dropped in 15 min", DROPPED, units.Short, "ExporterSeriesDropped"),
            Column("scrape takes", "max(scrape_duration_seconds{$target})", units.Seconds),
            watched="ExporterDown",
        ),
    ]


def _unusual() -> Panels:
    return [
        graph(
            "How unusual: requests and orders",
            "Distance from what is usual at this time, in usual spreads. The alert also wants a distance of "
            "a third of the usual and more than a handful of requests. Nothing in the first half day.",
            units.Short,
            series(f'anomaly:score{{{ANY}, signal=~"requests|orders"}}', "{{signal}} {{job}}"),
            alert="AnomalousRequestRate",
        )
        .no_value("not known yet")
        .data_links([drill("Application", to("application", "job"))]),
        graph(
            "How unusual: latency and queries",
            "Distance from what is usual at this time, in usual spreads. More queries for the same requests "
            "point to a new release or a lost cache, fewer to something that waits.",
            units.Short,
            series(
                f'anomaly:score{{{ANY}, signal=~"latency|transactions|redis_commands"}}',
                "{{signal}} {{job}} {{instance}}",
            ),
            alert="AnomalousLatencyOrQueries",
        ).no_value("not known yet"),
    ]


def _compared() -> Panels:
    return [
        _past(
            "Requests now and before",
            "Requests of all chosen applications, beside those of yesterday and of a week ago at this time.",
            units.RequestsPerSecond,
            compared("job:http_requests:rate5m"),
            "AnomalousRequestRate",
        ),
        _past(
            "PostgreSQL transactions now and before",
            "Transactions of all chosen servers. A fall with the requests is a lack of visitors; a fall "
            "alone is a lock, a pool or a slow disk.",
            units.OpsPerSecond,
            compared("instance:pg_transactions:rate5m", chosen="{$target}"),
            "AnomalousLatencyOrQueries",
        ),
        _past(
            "Redis commands now and before",
            "Commands of all chosen servers. A rise without more requests is a lost cache.",
            units.OpsPerSecond,
            compared("instance:redis_commands:rate5m", chosen="{$target}"),
            "AnomalousLatencyOrQueries",
        ),
    ]


def _past(title: str, about: str, unit: str, queries: list[Query], alert: str) -> timeseries.Panel:
    return past_dashed(graph(title, about, unit, *queries, watched=[alert]).span(8))
