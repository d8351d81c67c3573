"""State of the network devices, from /sys/class/net: up or down, speed, address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from exporter.collectors.host._fields import LONGEST_NUMBER, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip
from exporter.model.metric import counter, gauge
from exporter.model.table import Column, Labels, Table, Value
from exporter.sources.host import Host

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

Attributes = Mapping[str, str]
"""What the files of one device say; those that say nothing are missing."""


def read(host: Host) -> dict[str, Attributes]:
    """Device -> its attributes, without the devices that the options exclude.

    Raises:
        Skip: there is no /sys/class/net.
    """
    return {
        device: {
            name: text
            for name in (*BY_FILE, *WORDS)
            if (text := host.sys_or_none(f"{FOLDER}/{device}/{name}")) is not None
        }
        for device in host.sys_names(FOLDER)
        if not host.netdev_device_exclude.search(device)
    }


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
    """Reads in a thread: `speed` and `duplex` wait for the kernel's lock on network configuration."""
    reading: asyncio.Future[dict[str, Attributes]] | None = None

    async def collect(deadline: Deadline) -> Sequence[Table]:
        nonlocal reading
        if reading is not None and not reading.done():
            raise Skip(Reason.BUSY, "/sys/class/net: the kernel has not answered an earlier scrape yet")
        reading = asyncio.get_running_loop().run_in_executor(None, read, host)
        await asyncio.wait({reading}, timeout=deadline.left())
        if not reading.done():
            raise DeadlineExceeded("/sys/class/net: the kernel holds its lock on network configuration")
        return readable(tables(reading.result()), "/sys/class/net")

    return collect


COLLECTOR = CollectorSpec(
    help="State of the network devices, from /sys/class/net.",
    source="host",
    metrics=(UP, INFO, *BY_FILE.values()),
    build=build,
    docs="https://docs.kernel.org/admin-guide/abi-testing.html (sysfs-class-net)",
    explain=lambda _: "reads /sys/class/net/*",
)
