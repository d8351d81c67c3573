"""Clients by what they call themselves and what they are doing, from SHOW CLIENTS.

PgBouncer answers with a row for each client, and what a client calls itself is its own choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from exporter.collectors.pool._show import DOCS
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.pgbouncer import PgBouncerSource, Row

LABELS = ("database", "user", "application_name", "state")
CLIENTS = gauge(
    "pgbouncer_client_connections",
    "Clients with the same database, user, application name and state.",
    LABELS,
)


def count(rows: Sequence[Row]) -> Table:
    """The number of clients for each combination of labels that there is."""
    clients = Counter(tuple(row.get(label) or "" for label in LABELS) for row in rows)
    return Table(LABELS, list(clients), [Column(CLIENTS, list(clients.values()))])


def build(server: PgBouncerSource) -> Collect:
    """Asks one PgBouncer for its clients."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return [count(await server.show("CLIENTS", deadline))]

    return collect


COLLECTOR = CollectorSpec(
    help="Clients by database, user, application name and state, from SHOW CLIENTS.",
    source="pgbouncer",
    metrics=(CLIENTS,),
    build=build,
    cost=Cost.ROWS,
    docs=DOCS,
    explain=lambda _major: "SHOW CLIENTS",
)
