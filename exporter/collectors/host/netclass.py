"""State of the network devices, from /sys/class/net: up or down, speed, address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from exporter.collectors.host._fields import LONGEST_NUMBER, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import counter, gauge
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.host import Aside, Host

DEVICE = ("device",)
WORDS = ("address", "broadcast", "duplex", "operstate", "ifalias")

UP = gauge(
    "node_network_up", "1 if the device's operational state is `up`, 0 if it is anything else.", DEVICE
)
INFO = gauge(
    "node_network_info",
    "Always 1; its labels are what /sys/class/net says in words.",
    ("device", *WORDS, "adminstate"),
)
SPEED = gauge(
    "node_network_speed_bytes", "Speed of the link in bytes a second; negative where it is not known.", DEVICE
)

BY_FILE = {
    "addr_assign_type": gauge(
        "node_network_address_assign_type",
        "Where the address comes from: 0 device, 1 random, 2 stolen, 3 set.",
        DEVICE,
    ),
    "carrier": gauge("node_network_carrier", "1 if there is a physical link, 0 if there is none.", DEVICE),
    "carrier_changes": counter(
        "node_network_carrier_changes_total", "How often the link came or went.", DEVICE
    ),
    "carrier_up_count": counter("node_network_carrier_up_changes_total", "How often the link came.", DEVICE),
    "carrier_down_count": counter(
        "node_network_carrier_down_changes_total", "How often the link went.", DEVICE
    ),
    "dev_id": gauge("node_network_device_id", "Number of the port, where devices share an address.", DEVICE),
    "dormant": gauge(
        "node_network_dormant", "1 if the device waits for something, as 802.1X, before use.", DEVICE
    ),
    "flags": gauge("node_network_flags", "The device's flags as a number (IFF_UP is 1).", DEVICE),
    "ifindex": gauge("node_network_iface_id", "Number of the device in this system.", DEVICE),
    "iflink": gauge("node_network_iface_link", "Number of the device that this one stands on.", DEVICE),
    "link_mode": gauge(
        "node_network_iface_link_mode", "0 for a device that is used at once, 1 for one that waits.", DEVICE
    ),
    "mtu": gauge("node_network_mtu_bytes", "Size of the largest packet that the device sends.", DEVICE),
    "name_assign_type": gauge(
        "node_network_name_assign_type",
        "Where the name comes from: 1 kernel, 2 predictable, 3 user, 4 renamed.",
        DEVICE,
    ),
    "netdev_group": gauge("node_network_net_dev_group", "Number of the group that the device is in.", DEVICE),
    "speed": SPEED,
    "tx_queue_len": gauge(
        "node_network_transmit_queue_length", "How many packets may wait to be sent.", DEVICE
    ),
    "type": gauge(
        "node_network_protocol_type", "Number of the link's protocol (1 is Ethernet, 772 loopback).", DEVICE
    ),
}
IFF_UP = 1
BYTES_PER_MEGABIT = 125_000

FOLDER = "class/net"

STATE = ("ifindex", "operstate", "carrier_changes", "flags")
"""Each change of a link shows in one of these; another device of the same name has another number."""

KEPT_SECONDS = 60.0
"""How long the others are good for: speed, largest packet, alias ..."""

Attributes = Mapping[str, str]
"""What the files of one device say; those that say nothing are missing."""


@dataclass(slots=True)
class _Seen:
    """What a device said when all of its files were read.

    Attributes:
        state: its number, and the files whose change means that others have changed.
        attributes: what all files said.
        until: when they are read again whatever the state.
    """

    state: tuple[str | None, ...]
    attributes: Attributes
    until: float


class Devices:
    """The devices and what they say, most of which is remembered.

    A device has 22 files, and most of them say the same from one year to the next. Those that are read each
    time take no lock; when one of them changes, so does the link's state, and everything is read anew.

    Args:
        host: whose devices.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._aside = Aside("/sys/class/net")
        self._seen: dict[str, _Seen] = {}
        self._tables: list[Table] = []

    async def tables(self, deadline: Deadline) -> list[Table]:
        """The tables of the devices that the options do not exclude.

        Raises:
            Skip: there is no /sys/class/net, or the kernel has not answered an earlier scrape yet.
            DeadlineExceeded: the kernel holds its lock on network configuration.
        """
        excluded = self._host.netdev_device_exclude
        names = [name for name in self._host.sys_names(FOLDER) if not excluded.search(name)]
        states = {name: self._state(name) for name in names}
        now = monotonic()
        old = [
            name
            for name, state in states.items()
            if (seen := self._seen.get(name)) is None or seen.state != state or now >= seen.until
        ]
        if old:
            # `speed`, `duplex` and `carrier` wait for that lock.
            found = await self._aside.run(lambda: {name: self._read(name) for name in old}, deadline)
            self._seen |= {
                name: _Seen(states[name], told, now + KEPT_SECONDS) for name, told in found.items()
            }
        if old or len(names) != len(self._seen):
            self._seen = {name: self._seen[name] for name in names}
            self._tables = tables({name: seen.attributes for name, seen in self._seen.items()})
        return self._tables

    def _state(self, name: str) -> tuple[str | None, ...]:
        return tuple(self._host.sys_or_none(f"{FOLDER}/{name}/{file}") for file in STATE)

    def _read(self, name: str) -> Attributes:
        files = ((file, self._host.sys_or_none(f"{FOLDER}/{name}/{file}")) for file in (*BY_FILE, *WORDS))
        return {file: text for file, text in files if text is not None}


def number(text: str | None) -> int | None:
    """A number as these files have them, `4099` or `0x1003`; None if it is anything else."""
    if text is None or len(text) > LONGEST_NUMBER or not text.isascii():
        return None
    try:
        return int(text, 16 if text.startswith("0x") else 10)
    except ValueError:
        return None


def tables(devices: Mapping[str, Attributes]) -> list[Table]:
    """What the files say, as numbers and as labels; `bonding_masters` is no device and has no state."""
    shown = {name: found for name, found in devices.items() if "operstate" in found}
    rows: list[Labels] = [(name,) for name in shown]
    info_rows = [(name, *(f.get(word, "") for word in WORDS), _admin_state(f)) for name, f in shown.items()]
    numbers = [
        Column(metric, [_value(name, found) for found in shown.values()]) for name, metric in BY_FILE.items()
    ]
    up = Column(UP, [int(found["operstate"] == "up") for found in shown.values()])
    return [
        Table(DEVICE, rows, [up, *numbers]),
        Table(INFO.labels, info_rows, [Column(INFO, (1,) * len(info_rows))]),
    ]


def _value(name: str, found: Attributes) -> Value:
    value = number(found.get(name))
    return value * BYTES_PER_MEGABIT if value is not None and name == "speed" else value


def _admin_state(found: Attributes) -> str:
    flags = number(found.get("flags"))
    if flags is None:
        return "unknown"
    return "up" if flags & IFF_UP else "down"


def build(host: Host) -> Collect:
    """Shows nothing where /sys has the devices of another network than /proc: their names may be the same."""
    devices = Devices(host)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        found = await devices.tables(deadline)
        if host.view().net_devices is False:
            text = (
                "/sys/class/net: these are not the devices of /proc/1/net/dev: mount the host's /sys as well"
            )
            raise Skip(Reason.UNSUPPORTED, text)
        return readable(found, "/sys/class/net")

    return collect


COLLECTOR = CollectorSpec(
    help="State of the network devices, from /sys/class/net.",
    source="host",
    metrics=(UP, INFO, *BY_FILE.values()),
    build=build,
    docs="https://docs.kernel.org/admin-guide/abi-testing.html (sysfs-class-net)",
    explain=lambda _: "reads /sys/class/net/*",
)
