"""Whose machine the host's files show: in a container, /proc and /sys are the container's own unless the
host's are mounted, and a part of them is the container's even then.

Process 1 of a /proc is the first process of that /proc's namespace. Process 2 of a whole machine is the
kernel's thread `kthreadd`, which no container has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from exporter.model.errors import Skip, Unavailable

KERNEL_THREADS = "kthreadd"
"""Name of process 2 where /proc shows all processes of the machine."""

OF_FIRST_NETWORK = "sys/net/core/dev_weight"
"""A setting that only the machine's own network has; which one is shown depends on who reads."""

NET_DEVICES = "class/net"

COUNTERS = 16
"""Numbers that /proc/net/dev has of each device."""


@dataclass(frozen=True, slots=True)
class View:
    """What is the host's, and what only belongs to this container.

    Attributes:
        processes: whether /proc shows the host's processes.
        network: whether the traffic that is shown is the host's.
        inside_network: whether this process is in that network: /proc/sys/net is that of whoever reads.
        net_devices: whether /sys shows the devices of the network whose traffic is shown; None without /sys.
        mounts: whether the file systems are the host's.
        unreachable: mount points of the host that are not below `rootfs`.
    """

    processes: bool
    network: bool
    inside_network: bool
    net_devices: bool | None
    mounts: bool
    unreachable: tuple[str, ...] = ()


class Files(Protocol):
    """What is needed of the host."""

    def read(self, relative: str) -> str:
        """The text of a file below /proc."""

    def net(self, name: str) -> str:
        """The text of a file of the network statistics."""

    def sys_names(self, relative: str) -> list[str]:
        """The names in a folder below /sys."""

    def sys_or_none(self, relative: str) -> str | None:
        """The text of a file below /sys."""


def shows_all_processes(host: Files) -> bool:
    """Whether this /proc is the whole machine's."""
    return (_or_none(host.read, "2/comm") or "").strip() == KERNEL_THREADS


def is_in_first_network(host: Files) -> bool:
    """Whether this process is in the machine's own network."""
    return _or_none(host.read, OF_FIRST_NETWORK) is not None


def shows_network_of_process_1(host: Files) -> bool:
    """Whether the network of process 1 can be seen."""
    return _or_none(host.read, "1/net/dev") is not None


def shows_same_devices(host: Files) -> bool | None:
    """Whether /sys has the devices of the network that /proc shows; None if it has none at all."""
    try:
        names = host.sys_names(NET_DEVICES)
    except (Skip, Unavailable):
        return None
    numbers = {name: host.sys_or_none(f"{NET_DEVICES}/{name}/ifindex") for name in names}
    found = {name for name, number in numbers.items() if number is not None}
    shown = _devices(_or_none(host.net, "dev") or "")
    told = _numbers(_or_none(host.net, "igmp") or "")
    return found == shown and all(numbers.get(name) == number for name, number in told.items())


def _devices(dev: str) -> set[str]:
    """The network devices, from lines `  eth0: 1 2 3 ...`."""
    lines = (line.rpartition(":") for line in dev.split("\n"))
    return {name.strip() for name, _, rest in lines if len(rest.split()) == COUNTERS and name.strip()}


def _numbers(igmp: str) -> dict[str, str]:
    """Network device -> its number, from lines `4 eth0 : 1 V3`: those with IPv4."""
    numbers = {}
    for line in igmp.split("\n"):
        number, _, rest = line.partition("\t")
        if number.isdigit():
            numbers[rest.partition(":")[0].strip()] = number
    return numbers


def _or_none(read: Callable[[str], str], path: str) -> str | None:
    try:
        return read(path)
    except (Skip, Unavailable):
        return None
