"""Network devices that are bonds of others, from /sys/class/net."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.host import Aside, Host

MASTER = ("master",)
SLAVES = gauge("node_bonding_slaves", "Devices that the bond is made of.", MASTER)
ACTIVE = gauge("node_bonding_active", "Devices of the bond that have a link.", MASTER)

FOLDER = "class/net"
MASTERS = f"{FOLDER}/bonding_masters"


def read(host: Host, masters: Sequence[str]) -> Table:
    """The bonds, each with its devices and how many of them have a link."""
    rows, slaves, active = [], [], []
    for master in masters:
        names = (host.sys_or_none(f"{FOLDER}/{master}/bonding/slaves") or "").split()
        rows.append((master,))
        slaves.append(len(names))
        active.append(sum(_has_link(host, name) for name in names))
    return Table(MASTER, rows, [Column(SLAVES, slaves), Column(ACTIVE, active)])


def _has_link(host: Host, name: str) -> bool:
    return host.sys_or_none(f"{FOLDER}/{name}/bonding_slave/mii_status") == "up"


def build(host: Host) -> Collect:
    """Reads in a thread where there are bonds: their files wait for a lock on network configuration."""
    aside = Aside(f"/sys/{MASTERS}")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        masters = host.sys(MASTERS).split()
        if host.view().net_devices is False:
            raise Skip(Reason.UNSUPPORTED, f"/sys/{FOLDER}: these are the devices of another network")
        return [await aside.run(lambda: read(host, masters), deadline)] if masters else []

    return collect


COLLECTOR = CollectorSpec(
    help="Network devices that are bonds of others, from /sys/class/net.",
    source="host",
    metrics=(SLAVES, ACTIVE),
    build=build,
    docs="https://docs.kernel.org/networking/bonding.html",
    explain=lambda _: "reads /sys/class/net/bonding_masters, and of each bond and its devices the state",
)
