"""Whose numbers these are: the host's, or only those of the container that this process is in."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, info
from exporter.sources.host import Host, View

INFO = gauge(
    "exporter_host_view_info",
    "Always 1; its labels say of processes, network and mounts whether they are the host's or this"
    " container's own, and of /sys whether its network devices are that network's (`same`).",
    ("processes", "net", "net_devices", "mounts"),
)

WHOSE = {True: "host", False: "own"}
DEVICES = {True: "same", False: "other", None: "none"}


def table(view: View) -> Table:
    """The series."""
    return info(
        INFO,
        {
            "processes": WHOSE[view.processes],
            "net": WHOSE[view.network],
            "net_devices": DEVICES[view.net_devices],
            "mounts": WHOSE[view.mounts],
        },
    )


def build(host: Host) -> Collect:
    """Asks the host, which looks once a minute."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return [table(host.view())]

    return collect


COLLECTOR = CollectorSpec(
    help="Whether the host's numbers are shown or those of this container, from what /proc and /sys have.",
    source="host",
    metrics=(INFO,),
    build=build,
    docs="namespaces(7)",
    explain=lambda _: "reads /proc/2/comm, /proc/1/mountinfo, /proc/1/net/dev, /sys/class/net/*/ifindex",
)
