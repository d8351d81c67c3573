"""Pools of connections: PgBouncer's and those inside applications. Who waits for a connection, and why."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import PROBLEM, UP, gauge, graph, stacked, stat, state, timeline
from mixin.dashboards._pools_parts import application, pgbouncer
from mixin.dashboards._queries import WHO, now, series
from mixin.dashboards._tables import Column, alert_list, firing, table
from mixin.dashboards._variables import Variable, labels, target

POOL = '{$target, database=~"$database", user=~"$user"}'
OF_DATABASE = '{$target, database=~"$database"}'
WAITING = f"pgbouncer_pools_client_waiting_connections{POOL}"
LONGEST = f"pgbouncer_pools_client_maxwait_seconds{POOL}"
# As the alert: one that waits for a moment is how a pool works.
WAITING_LONG = f"{WAITING} and {LONGEST} > 0.1"
USED = f"pool:pgbouncer_pools_server_active_connections:ratio{POOL}"
SLOTS = "instance:pgbouncer_used_clients:ratio{$target}"
APPLICATION = 'pool:application_connections_used:ratio{$target, pool=~"$pool"}'
# As the alert: a full pool in which nobody waits has the right size.
APPLICATION_SHORT = f"""
    {APPLICATION}
    and on (job, instance, pool) (
      pool:application_requests_waiting:sum{{$target}} > 0
      or pool:application_requests_timeouts:increase5m{{$target}} > 0
    )
"""
# The pools of a database are many where each user has one: together.
BY_DATABASE = f"{{{{database}}}} {WHO}"


def build() -> Board:
    """For whoever sees requests wait: is it the pool, its size, or what is behind it."""
    return Board(
        title="Connection pools",
        about="Who waits for a database connection, in PgBouncer or in an application, and why.",
        service="pool",
        variables=_variables(),
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Application pools", application(), collapsed=True),
            Row("PgBouncer itself", pgbouncer(), collapsed=True),
        ],
        restarts=(
            "max without (database) (resets(pgbouncer_stats_totals_queries_pooled_total{$target}[2m])) > 0"
        ),
    )


def _variables() -> list[Variable]:
    # An exporter of PgBouncer, one with pools of psycopg, or an application: no metric is on all of them.
    anyone = '__name__=~"pgbouncer_up|psycopg_pool_connections_max|db_client_connection_max"'
    datasource, job, _ = target(f"{{{anyone}}}")
    return [
        datasource,
        job,
        labels("instance", f'{{{anyone}, job=~"$job"}}'),
        labels("database", "pgbouncer_stats_totals_queries_pooled_total{$target}", title="Database"),
        labels("user", "pgbouncer_pools_client_active_connections{$target}", title="User"),
        labels("pool", "pool:application_connections_used:ratio{$target}", title="Application pool"),
    ]


def _health() -> Panels:
    return [
        firing("pool"),
        alert_list("pool"),
        state(
            "PgBouncer",
            "Whether the console of every chosen PgBouncer answered the last scrape. DOWN also when the "
            "login was refused.",
            UP,
            now("min(pgbouncer_up{$target})", ""),
            alert="PgbouncerDown",
        ),
        stat(
            "Clients that wait",
            "In the worst pool, of those in which one has waited for more than a moment. Requests are late.",
            units.Short,
            series(f"max({WAITING_LONG}) or vector(0)", ""),
            alert="PgbouncerClientsWaiting",
        ),
        stat(
            "Longest wait",
            "How long a client has been waiting for a server connection. Find out what holds them: long "
            "transactions, or a server that does not answer.",
            units.Seconds,
            series(f"max({LONGEST}) or vector(0)", ""),
            alert="PgbouncerMaxWaitHigh",
        ),
        gauge(
            "Fullest pool",
            "Server connections that belong to clients, of the pool's size. When it is full, clients wait.",
            units.PercentUnit,
            now(f"max({USED}) or vector(0)", ""),
            alert="PgbouncerPoolSaturated",
        ),
        gauge(
            "Client connections",
            "Of max_client_conn. At 100 % PgBouncer refuses new clients.",
            units.PercentUnit,
            now(f"max({SLOTS}) or vector(0)", ""),
            alert="PgbouncerClientSlotsHigh",
        ),
        gauge(
            "Application pool short",
            "Use of the fullest pool inside an application for which requests wait or time out; 0 where "
            "nobody waits. Slow statements or connections held for too long.",
            units.PercentUnit,
            now(f"max({APPLICATION_SHORT}) or vector(0)", ""),
            alert="ApplicationPoolSaturated",
            watched=["DatabaseConnectionsHigh"],
        ),
    ]


def _problems() -> Panels:
    postgres = drill("PostgreSQL", to("postgres"))
    return [
        graph(
            "Clients that wait over time",
            "By database. Short peaks are normal; a plateau means that the pool is too small or what is "
            "behind it too slow.",
            units.Short,
            series(f"sum without (user) ({WAITING})", BY_DATABASE),
            watched=["PgbouncerClientsWaiting"],
        )
        .axis_soft_max(4)
        .data_links([postgres]),
        graph(
            "Longest wait over time",
            "By database, of the client that has waited longest. Requests take at least so much longer.",
            units.Seconds,
            series(f"max without (user) ({LONGEST})", BY_DATABASE),
            alert="PgbouncerMaxWaitHigh",
        ).data_links([postgres]),
        _pools(),
        timeline(
            "Up over time",
            "When each PgBouncer answered.",
            UP,
            series("pgbouncer_up{$target}"),
            alert="PgbouncerDown",
        ),
        timeline(
            "Paused or disabled databases",
            "Their clients wait, or are turned away. RESUME or ENABLE on the console ends it.",
            PROBLEM,
            series(
                "max without (host, port, database, force_user, pool_mode) ("
                'pgbouncer_databases_paused{$target, name=~"$database"} '
                '+ pgbouncer_databases_disabled{$target, name=~"$database"} > bool 0)',
                f"{{{{name}}}} {WHO}",
            ),
        ),
    ]


def _pools() -> tables.Panel:
    def count(of: str) -> str:
        return f"pgbouncer_pools_{of}_connections{POOL}"

    return table(
        "Pools",
        "Each pair of database and user. Waiting clients with idle servers: the user's or the database's "
        "limit; with all servers in use: long transactions, or a pool that is too small.",
        ["instance", "target", "database", "user"],
        Column("used", USED, units.PercentUnit, "PgbouncerPoolSaturated"),
        Column("waiting", WAITING, units.Short),
        Column("longest wait", LONGEST, units.Seconds, "PgbouncerMaxWaitHigh"),
        Column("clients", count("client_active"), units.Short),
        Column("servers in use", count("server_active"), units.Short),
        Column("idle servers", count("server_idle"), units.Short),
        Column("servers logging in", count("server_login"), units.Short),
        Column("size", f"pgbouncer_pools_size_limit{POOL} > 0", units.Short),
        watched=["PgbouncerClientsWaiting"],
    ).height(6)


def _performance() -> Panels:
    return [
        graph(
            "Queries per second",
            "That servers have run, by database. Fewer than usual with waiting clients: the server is slow.",
            units.OpsPerSecond,
            series(_rate("queries_pooled"), BY_DATABASE),
        ),
        graph(
            "Mean duration",
            "Of a query on the server, and of a transaction with its idle times. Transactions far longer "
            "than queries: the application does other things meanwhile, and holds the server.",
            units.Seconds,
            series(_mean("queries_duration_seconds", "queries_pooled"), f"query {BY_DATABASE}"),
            series(
                _mean("server_in_transaction_seconds", "sql_transactions_pooled"),
                f"transaction {BY_DATABASE}",
            ),
        ),
        graph(
            "Mean wait for a server",
            "Time that a transaction waited for its server connection, added when the wait ends.",
            units.Seconds,
            series(_mean("client_wait_seconds", "sql_transactions_pooled"), BY_DATABASE),
            watched=["PgbouncerClientsWaiting", "PgbouncerMaxWaitHigh"],
        ),
        graph(
            "Used part of pools over time",
            "By database, its fullest pool. A steady climb is a leak or ever slower transactions.",
            units.PercentUnit,
            series(f"max without (user) ({USED})", BY_DATABASE),
            alert="PgbouncerPoolSaturated",
        )
        .max(1)
        .no_value("no limit known"),
        stacked(
            "Servers by what they do",
            "Server connections of the chosen pools. Many that log in: short lifetimes or a server that "
            "closes them.",
            units.Short,
            *(
                series(f"sum(pgbouncer_pools_server_{kind}_connections{POOL})", word)
                for kind, word in (
                    ("active", "in use"),
                    ("idle", "idle"),
                    ("used", "idle for long"),
                    ("testing", "checked"),
                    ("login", "logging in"),
                    ("active_cancel", "cancelling"),
                    ("being_canceled", "held for a cancel"),
                )
            ),
        ),
        graph(
            "Client connections over time",
            "Of max_client_conn. It follows the number of processes of the application, not its traffic.",
            units.PercentUnit,
            series(SLOTS),
            alert="PgbouncerClientSlotsHigh",
        ).max(1),
    ]


def _rate(of: str) -> str:
    return f"rate(pgbouncer_stats_totals_{of}_total{OF_DATABASE}[$__rate_interval])"


def _mean(time: str, of: str) -> str:
    return f"{_rate(time)} / ({_rate(of)} > 0)"
