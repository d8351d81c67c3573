"""Connections and limits of each user, from SHOW USERS. It has numbers since PgBouncer 1.23."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._show import DOCS, Group, number, too_old
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table
from exporter.sources.pgbouncer import HARDLY_CHANGES, PgBouncerSource

USERS = Group({"user": "name"}, {
    gauge("pgbouncer_users_current_connections",
          "Server connections of the user."):
        number("current_connections"),
    gauge("pgbouncer_users_max_connections",
          "Server connections that the user may have, 0 for no limit."):
        number("max_user_connections"),
    gauge("pgbouncer_users_current_client_connections",
          "Client connections of the user."):
        number("current_client_connections"),
    gauge("pgbouncer_users_max_client_connections",
          "Client connections that the user may have, 0 for no limit."):
        number("max_user_client_connections"),
})  # fmt: skip


def build(server: PgBouncerSource) -> Collect:
    """Asks one PgBouncer for its users."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        known = await server.show("USERS", deadline, HARDLY_CHANGES)
        if known and "current_connections" not in known[0]:
            raise too_old("USERS", "1.23")
        return [USERS.table(await server.show("USERS", deadline))]

    return collect


COLLECTOR = CollectorSpec(
    help="Connections and limits of each user, from SHOW USERS of PgBouncer 1.23 and newer.",
    source="pgbouncer",
    metrics=tuple(USERS.metrics),
    build=build,
    cost=Cost.ROWS,
    docs=DOCS,
    explain=lambda _major: "SHOW USERS",
)
