"""The names of the system, from uname(2): the series that dashboards find hosts by."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, info
from exporter.sources.host import Host

INFO = gauge(
    "node_uname_info",
    "Always 1; its labels are what uname(2) says of the system.",
    ("sysname", "release", "version", "machine", "nodename", "domainname"),
)


def build(host: Host) -> Collect:
    """Asks anew each time: a host's name may change."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return [info(INFO, host.uname())]

    return collect


COLLECTOR = CollectorSpec(
    help="Names of the system, from uname(2).",
    source="host",
    metrics=(INFO,),
    build=build,
    docs="uname(2)",
    explain=lambda _: "calls uname(2), reads /proc/sys/kernel/domainname",
)
