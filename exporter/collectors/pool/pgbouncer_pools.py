"""Clients and servers of each pool by what they are doing, from SHOW POOLS, and how many it may have.

The limits stand beside what is used, with the same labels, so that a rule needs no join.
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._limits import RESERVE, SIZE, limits
from exporter.collectors.pool._show import DOCS, Group, Show, micros, number, one
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused
from exporter.model.metric import gauge
from exporter.model.table import Table, Value
from exporter.sources.pgbouncer import HARDLY_CHANGES, PgBouncerSource, Row

POOL = {"database": "database", "user": "user"}
DATABASES_AGE = 1.0
"""Seconds that SHOW DATABASES may be old: the collector of databases has just asked."""


def longest_wait(row: Row) -> Value:
    """Two columns: whole seconds, and the microseconds beyond. Upstream leaves out the second."""
    whole, beyond = number("maxwait")(row), micros("maxwait_us")(row)
    if isinstance(whole, int | float) and isinstance(beyond, int | float):
        return whole + beyond
    return whole


SHOW = Show(
    "POOLS",
    "Clients and servers of each pool by what they are doing, from SHOW POOLS.",
    (
        Group(POOL, {
            gauge("pgbouncer_pools_client_active_connections",
                  "Clients that have a server, or are idle with nothing queued."):
                number("cl_active"),
            gauge("pgbouncer_pools_client_active_cancel_connections",
                  "Clients whose cancel request was passed on and is not answered yet."):
                number("cl_active_cancel_req"),
            gauge("pgbouncer_pools_client_waiting_connections",
                  "Clients that have sent a query and wait for a server."):
                number("cl_waiting"),
            gauge("pgbouncer_pools_client_waiting_cancel_connections",
                  "Clients whose cancel request was not passed on yet."):
                number("cl_waiting_cancel_req"),
            gauge("pgbouncer_pools_server_active_connections",
                  "Server connections that belong to a client just now."):
                number("sv_active"),
            gauge("pgbouncer_pools_server_active_cancel_connections",
                  "Server connections that are passing on a cancel request."):
                number("sv_active_cancel"),
            gauge("pgbouncer_pools_server_being_canceled_connections",
                  "Server connections held back until the cancel requests for them have ended."):
                number("sv_being_canceled"),
            gauge("pgbouncer_pools_server_idle_connections",
                  "Server connections that are ready for a client."):
                number("sv_idle"),
            gauge("pgbouncer_pools_server_used_connections",
                  "Server connections idle for so long that they are checked before their next use."):
                number("sv_used"),
            gauge("pgbouncer_pools_server_testing_connections",
                  "Server connections on which the reset or the check query runs."):
                number("sv_tested"),
            gauge("pgbouncer_pools_server_login_connections",
                  "Server connections that are logging in."):
                number("sv_login"),
            gauge("pgbouncer_pools_client_maxwait_seconds",
                  "How long the client that has waited longest has been waiting for a server."):
                longest_wait,
        }),
        Group({**POOL, "pool_mode": "pool_mode", "load_balance_hosts": "load_balance_hosts"}, {
            gauge("pgbouncer_pools_info", "1, with the mode of the pool as a label."): one,
        }),
    ),
)  # fmt: skip


def build(server: PgBouncerSource) -> Collect:
    """Asks one PgBouncer for its pools, and for what limits them."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        refused: Refused | None = None
        databases: Sequence[Row] = ()
        users: Sequence[Row] = ()
        try:  # first, while other collectors of the scrape ask for the same
            databases = await server.show("DATABASES", deadline, DATABASES_AGE)
            users = await server.show("USERS", deadline, HARDLY_CHANGES)
        except Refused as error:
            refused = error
        pools = await server.show("POOLS", deadline)
        tables = SHOW.tables(pools)
        if refused is not None:
            raise Partial(tables, refused) from refused
        return [*tables, limits(pools, databases, users)]

    return collect


COLLECTOR = CollectorSpec(
    help="Clients and servers of each pool by what they are doing, from SHOW POOLS, and its limits.",
    source="pgbouncer",
    metrics=(*(metric for group in SHOW.groups for metric in group.metrics), SIZE, RESERVE),
    build=build,
    cost=Cost.ROWS,
    docs=DOCS,
    explain=lambda _major: "SHOW DATABASES\nSHOW USERS\nSHOW POOLS",
)
