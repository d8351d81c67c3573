"""The other Sentinels of each master, by name: a series for each of them. Off unless switched on."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._sentinel import MASTER_LABELS, SentinelView
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row
from exporter.sources.redis import RedisSource

FIELDS = ("name", "ip", "port", "runid", "flags")

PEER = gauge(
    "redis_sentinel_peer_info",
    "1 for each other Sentinel of a master, with its address and flags as labels.",
    (*MASTER_LABELS, *FIELDS),
)


def build(redis: RedisSource) -> Collect:
    """Asks what the collector `redis_sentinel` asks for."""
    view = SentinelView(redis)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        _, masters = await view.ask(deadline)
        rows = [
            ((*master.labels, *(peer.get(field, "") for field in FIELDS)), (1,))
            for master in masters
            for peer in master.sentinels or ()
        ]
        return [by_row(PEER.labels, (PEER,), rows)]

    return collect


COLLECTOR = CollectorSpec(
    help="The other Sentinels of each master, one by one.",
    source="redis",
    metrics=(PEER,),
    build=build,
    default=False,
    cost=Cost.ROWS,
    docs="https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/",
    explain=lambda _major: (
        "INFO ALL\nSENTINEL MASTERS  (on a Sentinel)\nSENTINEL SENTINELS <master>  (of each)"
    ),
)
