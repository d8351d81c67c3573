"""Pools of connections: the closed rows on those inside applications, and on PgBouncer's own process."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import graph
from mixin.dashboards._queries import WHO, series
from mixin.dashboards._tables import Column, table

POOL = '{$target, pool=~"$pool"}'
CLIENT_POOL = '{$target, db_client_connection_pool_name=~"$pool"}'
BY_POOL = f"{{{{pool}}}} {WHO}"


def application() -> Panels:
    """Pools of psycopg, and those that applications export under OpenTelemetry's names."""
    return [
        graph(
            "Used part of application pools",
            "A full pool in which nobody waits has the right size.",
            units.PercentUnit,
            series(f"pool:application_connections_used:ratio{POOL}", BY_POOL),
            alert="ApplicationPoolSaturated",
        ).max(1),
        graph(
            "Requests that wait in applications",
            "For a connection of the pool. Statements have become slower, or code holds connections for too "
            "long.",
            units.Short,
            series(f"pool:application_requests_waiting:sum{POOL}", BY_POOL),
            watched=["ApplicationPoolSaturated"],
        ),
        graph(
            "Mean wait in applications",
            "Of all requests for a connection, those that had not to wait included.",
            units.Seconds,
            series(_mean("requests_wait_seconds", "requests"), BY_POOL),
            series(
                f"rate(db_client_connection_wait_time_seconds_sum{CLIENT_POOL}[$__rate_interval])"
                f" / (rate(db_client_connection_wait_time_seconds_count{CLIENT_POOL}[$__rate_interval]) > 0)",
                f"{{{{db_client_connection_pool_name}}}} {WHO}",
            ),
            watched=["ApplicationPoolSaturated"],
        ),
        graph(
            "Requests that got no connection",
            "Within five minutes, in time. Each one is an error that a user saw.",
            units.Short,
            series(f"pool:application_requests_timeouts:increase5m{POOL}", BY_POOL),
            watched=["ApplicationPoolSaturated"],
        ),
        table(
            "Pools of psycopg",
            "How busy each pool is, how long a connection is held for, and what went wrong with "
            "connections. Lost or broken ones: a server or a proxy closes them.",
            ["instance", "target", "pool"],
            Column("requests", _rate("requests"), units.OpsPerSecond),
            Column("held for", _mean("usage_seconds", "requests"), units.Seconds),
            Column("connections", f"psycopg_pool_connections_open{POOL}", units.Short),
            Column("at most", f"psycopg_pool_connections_max{POOL}", units.Short),
            Column("opened", _rate("connections_opened"), units.OpsPerSecond),
            Column("failed to open", _rate("connections_errors"), units.OpsPerSecond),
            Column("lost", _rate("connections_lost"), units.OpsPerSecond),
            Column("given back broken", _rate("returns_bad"), units.OpsPerSecond),
        ).height(6),
        table(
            "Sessions by application",
            "On the PostgreSQL side, beside the size of the application's pools together. Only of "
            "applications whose size is configured (`postgres.pool_sizes`).",
            ["instance", "target", "application_name"],
            Column("sessions", "sum without (state) (pg_pool_connections{$target})", units.Short),
            Column("size", "pg_pool_size{$target}", units.Short),
            Column(
                "used",
                "sum without (state) (pg_pool_connections{$target}) / (pg_pool_size{$target} > 0)",
                units.PercentUnit,
            ),
        )
        .height(6)
        .no_value("off: postgres.pool_sizes"),
    ]


def _rate(of: str) -> str:
    return f"rate(psycopg_pool_{of}_total{POOL}[$__rate_interval])"


def _mean(time: str, of: str) -> str:
    return f"{_rate(time)} / ({_rate(of)} > 0)"


def pgbouncer() -> Panels:
    """Its traffic, its clients by application, its process."""
    return [
        graph(
            "Network",
            "Bytes from and to clients, all chosen databases of a PgBouncer.",
            units.BytesPerSecondIEC,
            *(
                series(
                    f"sum without (database) (rate(pgbouncer_stats_totals_{way}_bytes_total"
                    '{$target, database=~"$database"}[$__rate_interval]))',
                    f"{way} {WHO}",
                )
                for way in ("received", "sent")
            ),
        ),
        graph(
            "Logins and assignments",
            "Logins of clients, from PgBouncer 1.23 on: many are a client that connects for each request. "
            "Assignments: how often a client got a server.",
            units.OpsPerSecond,
            *(
                series(
                    f"sum without (database) (rate(pgbouncer_stats_totals_{of}_total"
                    '{$target, database=~"$database"}[$__rate_interval])) or 0 * pgbouncer_up{$target}',
                    f"{word} {WHO}",
                )
                for of, word in (("client_logins", "logins"), ("server_assignments", "assignments"))
            ),
        ),
        table(
            "Clients by application",
            "Who holds the client connections: active ones have a server, waiting ones wait for one.",
            ["instance", "target", "database", "user", "application_name", "state"],
            Column(
                "connections", 'pgbouncer_client_connections{$target, database=~"$database"}', units.Short
            ),
            watched=["PgbouncerClientSlotsHigh"],
        ),
        graph(
            "CPU of PgBouncer",
            "Of its one core: at 100 % it is the bottleneck, and a second one with so_reuseport helps. Only "
            "where its pid file is configured (`pgbouncer.pid_file`).",
            units.PercentUnit,
            series("rate(pgbouncer_process_cpu_seconds_total{$target}[$__rate_interval])"),
        )
        .no_value("off: pgbouncer.pid_file")
        .data_links([drill("Host", to("host", "instance"))]),
        graph(
            "Descriptors of PgBouncer",
            "Of those that it may have open; one for each client and each server. Only where its pid file is "
            "configured (`pgbouncer.pid_file`).",
            units.PercentUnit,
            series("pgbouncer_process_open_fds{$target} / pgbouncer_process_max_fds{$target}"),
            watched=["PgbouncerClientSlotsHigh"],
        )
        .max(1)
        .no_value("off: pgbouncer.pid_file"),
        graph(
            "Memory of PgBouncer",
            "Of the objects that it holds. Prepared statements of many clients make it grow.",
            units.BytesIEC,
            series('sum without (name, kind) (pgbouncer_mem_bytes{$target, kind="total"})'),
        ),
        graph(
            "Server connections that are to be closed",
            "After a change of their settings, or RECONNECT, as soon as they are free: 0 within minutes.",
            units.Short,
            series("sum without (database, user) (pgbouncer_servers_close_needed{$target})"),
        ),
    ]
