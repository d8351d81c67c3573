"""The other processes that share a port with this one, from SHOW PEERS and SHOW PEER_POOLS.

Cancel requests are all that peers pass on to each other. Neither command is run where SHOW LISTS knows
no peer, which is nearly everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.pool._show import DOCS, Group, number, too_old
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Table
from exporter.sources.pgbouncer import HARDLY_CHANGES, PgBouncerSource, Row

PEERS = Group({"peer_id": "peer_id", "host": "host", "port": "port"}, {
    gauge("pgbouncer_peers_pool_size",
          "Connections to the peer that there may be at a time."):
        number("pool_size"),
})  # fmt: skip
POOLS = Group({"peer_id": "peer_id"}, {
    gauge("pgbouncer_peer_pools_client_active_cancel_connections",
          "Cancel requests that were passed on to the peer and are not answered yet."):
        number("cl_active_cancel_req"),
    gauge("pgbouncer_peer_pools_client_waiting_cancel_connections",
          "Cancel requests for the peer that were not passed on yet."):
        number("cl_waiting_cancel_req"),
    gauge("pgbouncer_peer_pools_server_active_cancel_connections",
          "Connections to the peer that are passing on a cancel request."):
        number("sv_active_cancel"),
    gauge("pgbouncer_peer_pools_server_login_connections",
          "Connections to the peer that are being opened."):
        number("sv_login"),
})  # fmt: skip
LISTS_AGE = 1.0
"""Seconds that SHOW LISTS may be old: the collector of lists has just asked."""


def build(server: PgBouncerSource) -> Collect:
    """Asks one PgBouncer for its peers."""

    async def collect(deadline: Deadline) -> Sequence[Table]:
        if not _has_peers(await server.show("LISTS", deadline, LISTS_AGE)):
            raise Skip(Reason.NO_DATA, "no peers are configured")
        peers = await server.show("PEERS", deadline, HARDLY_CHANGES)
        return [PEERS.table(peers), POOLS.table(await server.show("PEER_POOLS", deadline))]

    return collect


def _has_peers(lists: Sequence[Row]) -> bool:
    counts = {row.get("list"): row.get("items") for row in lists}
    if "peers" not in counts:
        raise too_old("PEERS", "1.19")
    return counts["peers"] != "0"


COLLECTOR = CollectorSpec(
    help="Cancel requests passed on to peers, from SHOW PEERS and SHOW PEER_POOLS of 1.19 and newer.",
    source="pgbouncer",
    metrics=(*PEERS.metrics, *POOLS.metrics),
    build=build,
    docs=DOCS,
    explain=lambda _major: "SHOW LISTS\nSHOW PEERS\nSHOW PEER_POOLS",
)
