"""Server connections by what they are doing and for whom, from SHOW SERVERS.

A server connection has the application name of the client that used it last.
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._applications import Applications
from exporter.collectors.pool._show import DOCS
from exporter.collectors.pool._sockets import POOL, summed
from exporter.model.collector import CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.pgbouncer import PgBouncerSource

LABELS = ("database", "user", "application_name", "state")
SERVERS = gauge(
    "pgbouncer_server_connections",
    "Server connections with the same database, user, application name and state.",
    LABELS,
)
SUMS = {
    gauge("pgbouncer_servers_prepared_statements",
          "Prepared statements on the pool's server connections.", POOL): "prepared_statements",
    gauge("pgbouncer_servers_close_needed",
          "Server connections of the pool that are closed as soon as they are free: after a change of their "
          "settings, or RECONNECT.", POOL): "close_needed",
}  # fmt: skip


class Servers:
    """Asks one PgBouncer for its server connections."""

    def __init__(self, server: PgBouncerSource) -> None:
        self._server = server
        self._applications = Applications(server.options.application_names)

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """How many there are with each combination of labels, and sums for each pool."""
        columns = await self._server.columns("SERVERS", deadline)
        servers = self._applications.count(columns, LABELS)
        return [
            Table(LABELS, list(servers), [Column(SERVERS, list(servers.values()))]),
            summed(columns, SUMS),
        ]


COLLECTOR = CollectorSpec(
    help="Server connections by database, user, application name and state, from SHOW SERVERS.",
    source="pgbouncer",
    metrics=(SERVERS, *SUMS),
    build=lambda server: Servers(server).collect,
    cost=Cost.ROWS,
    docs=DOCS,
    explain=lambda _major: "SHOW SERVERS",
)
