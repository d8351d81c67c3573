"""Clients by what they call themselves and what they are doing, from SHOW CLIENTS.

PgBouncer answers with a row for each client, and what a client calls itself is its own choice: the
setting `pgbouncer.application_names` bounds it.
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
CLIENTS = gauge(
    "pgbouncer_client_connections",
    "Clients with the same database, user, application name and state.",
    LABELS,
)
PREPARED = gauge(
    "pgbouncer_clients_prepared_statements",
    "Prepared statements that clients have, which PgBouncer keeps in memory.",
    POOL,
)


class Clients:
    """Asks one PgBouncer for its clients."""

    def __init__(self, server: PgBouncerSource) -> None:
        self._server = server
        self._applications = Applications(server.options.application_names)

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """How many clients there are with each combination of labels, and what they have prepared."""
        columns = await self._server.columns("CLIENTS", deadline)
        clients = self._applications.count(columns, LABELS)
        counted = Table(LABELS, list(clients), [Column(CLIENTS, list(clients.values()))])
        return [counted, summed(columns, {PREPARED: "prepared_statements"})]


COLLECTOR = CollectorSpec(
    help="Clients by database, user, application name and state, from SHOW CLIENTS.",
    source="pgbouncer",
    metrics=(CLIENTS, PREPARED),
    build=lambda server: Clients(server).collect,
    cost=Cost.ROWS,
    docs=DOCS,
    explain=lambda _major: "SHOW CLIENTS",
)
