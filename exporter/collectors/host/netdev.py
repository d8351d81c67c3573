"""Traffic of the network devices, from /proc/net/dev."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import counter
from exporter.model.table import Table, Value, by_row
from exporter.sources.host import Host

DEVICE = ("device",)

# In the order of the file's columns. The kernel adds missed packets to drop, length, overrun and
# checksum errors to frame, and aborted, heartbeat and window errors to carrier.
COLUMNS = (
    counter("node_network_receive_bytes_total", "Bytes that the device received.", DEVICE),
    counter("node_network_receive_packets_total", "Packets that the device received.", DEVICE),
    counter("node_network_receive_errs_total", "Received packets with an error.", DEVICE),
    counter(
        "node_network_receive_drop_total",
        "Received packets that were dropped for lack of buffers or use.",
        DEVICE,
    ),
    counter("node_network_receive_fifo_total", "Received packets that overran the device's queue.", DEVICE),
    counter(
        "node_network_receive_frame_total",
        "Received packets that were damaged: length, checksum, framing.",
        DEVICE,
    ),
    counter("node_network_receive_compressed_total", "Compressed packets that the device received.", DEVICE),
    counter("node_network_receive_multicast_total", "Multicast packets that the device received.", DEVICE),
    counter("node_network_transmit_bytes_total", "Bytes that the device sent.", DEVICE),
    counter("node_network_transmit_packets_total", "Packets that the device sent.", DEVICE),
    counter("node_network_transmit_errs_total", "Packets that failed to be sent.", DEVICE),
    counter("node_network_transmit_drop_total", "Packets that were dropped before they were sent.", DEVICE),
    counter("node_network_transmit_fifo_total", "Packets to send that overran the device's queue.", DEVICE),
    counter("node_network_transmit_colls_total", "Collisions while sending.", DEVICE),
    counter("node_network_transmit_carrier_total", "Packets that were lost to a link that failed.", DEVICE),
    counter("node_network_transmit_compressed_total", "Compressed packets that the device sent.", DEVICE),
)
NO_HANDLER = counter(
    "node_network_receive_nohandler_total", "Received packets that no protocol of the kernel wanted.", DEVICE
)


def parse(text: str) -> dict[str, list[Value]]:
    """Lines `  eth0: 1 2 3 ...`: device -> sixteen values; None for what is not known."""
    devices: dict[str, list[Value]] = {}
    for line in text.split("\n"):
        name, colon, rest = line.rpartition(":")
        fields = rest.split()
        device = name.strip()
        if colon and len(fields) == len(COLUMNS) and [device] == device.split():
            devices[device] = [whole(field) for field in fields]
    return devices


def no_handler(host: Host, device: str) -> int | None:
    """A counter that /proc/net/dev leaves out; None where the device is not in this /sys."""
    return whole(host.sys_or_none(f"class/net/{device}/statistics/rx_nohandler") or "")


def _sees_devices(host: Host) -> bool:
    """Whether /sys has the devices that are counted."""
    try:
        return bool(host.view().net_devices)
    except Skip:  # no Linux
        return False


def _not_counted(_host: Host, _device: str) -> None:
    """For a /sys that shows the devices of another network."""


def build(host: Host) -> Collect:
    """Reads the devices of the host's network, without those that the options exclude."""
    excluded = host.netdev_device_exclude

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        text = host.net("dev")
        counts = no_handler if _sees_devices(host) else _not_counted
        rows = [
            ((device,), [*values, counts(host, device)])
            for device, values in parse(text).items()
            if not excluded.search(device)
        ]
        return readable([by_row(DEVICE, (*COLUMNS, NO_HANDLER), rows)], "/proc/net/dev")

    return collect


COLLECTOR = CollectorSpec(
    help="Traffic of the network devices, from /proc/net/dev.",
    source="host",
    metrics=(*COLUMNS, NO_HANDLER),
    build=build,
    docs="proc_pid_net(5), https://docs.kernel.org/networking/statistics.html",
    explain=lambda _: "reads /proc/1/net/dev and /sys/class/net/*/statistics/rx_nohandler",
)
