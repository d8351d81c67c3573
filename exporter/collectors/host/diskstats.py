"""Reads, writes and waiting of the block devices, from /proc/diskstats."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host import _disk_info
from exporter.collectors.host._disk_info import Device
from exporter.collectors.host._fields import readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, Value, by_row
from exporter.sources.host import Host

DEVICE = ("device",)

# In the order of the file's columns. The last two came with Linux 5.5, the four before with 4.18.
COLUMNS = (
    counter("node_disk_reads_completed_total", "Reads that the device has done.", DEVICE),
    counter(
        "node_disk_reads_merged_total",
        "Reads that were joined with a neighbour before they were done.",
        DEVICE,
    ),
    counter("node_disk_read_bytes_total", "Bytes that were read from the device.", DEVICE),
    counter("node_disk_read_time_seconds_total", "Time that all reads took together.", DEVICE),
    counter("node_disk_writes_completed_total", "Writes that the device has done.", DEVICE),
    counter(
        "node_disk_writes_merged_total",
        "Writes that were joined with a neighbour before they were done.",
        DEVICE,
    ),
    counter("node_disk_written_bytes_total", "Bytes that were written to the device.", DEVICE),
    counter("node_disk_write_time_seconds_total", "Time that all writes took together.", DEVICE),
    gauge("node_disk_io_now", "Reads and writes that the device is working on.", DEVICE),
    counter("node_disk_io_time_seconds_total", "Time in which the device had something to do.", DEVICE),
    counter(
        "node_disk_io_time_weighted_seconds_total",
        "Time that all reads and writes spent with the device.",
        DEVICE,
    ),
    counter("node_disk_discards_completed_total", "Discards that the device has done.", DEVICE),
    counter("node_disk_discards_merged_total", "Discards that were joined with a neighbour.", DEVICE),
    counter("node_disk_discarded_sectors_total", "Sectors of 512 bytes that were discarded.", DEVICE),
    counter("node_disk_discard_time_seconds_total", "Time that all discards took together.", DEVICE),
    counter(
        "node_disk_flush_requests_total", "Requests to write the device's cache that it has done.", DEVICE
    ),
    counter(
        "node_disk_flush_requests_time_seconds_total",
        "Time that all requests to write the cache took.",
        DEVICE,
    ),
)
FEWEST = 11
SECTORS = frozenset({2, 6})
MILLISECONDS = frozenset({3, 7, 9, 10, 14, 16})
SECTOR_BYTES = 512

UNKNOWN = "-"
"""Stands where a system that is not Linux has no number."""


def parse(text: str) -> dict[Device, list[Value]]:
    """Lines ` 254  0 vda 80209 27499 ...`: device -> its values; None for what is not known."""
    devices: dict[Device, list[Value]] = {}
    for line in text.split("\n"):
        fields = line.split()
        if len(fields) < 3 + FEWEST or not (fields[0].isdigit() or fields[0] == UNKNOWN):
            continue
        major, minor, name, *numbers = fields[: 3 + len(COLUMNS)]
        values = [_scaled(place, number) for place, number in enumerate(numbers)]
        devices[name, major, minor] = values + [None] * (len(COLUMNS) - len(values))
    return devices


def _scaled(place: int, text: str) -> Value:
    value = whole(text)
    if value is None:
        return None
    if place in MILLISECONDS:
        return value / 1000
    return value * SECTOR_BYTES if place in SECTORS else value


def build(host: Host) -> Collect:
    """Reads the devices that the options do not exclude."""
    excluded = host.disk_device_exclude
    known = _disk_info.Known(host)

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        found = parse(host.reread("diskstats"))
        shown = {device: values for device, values in found.items() if not excluded.search(device[0])}
        rows = [((name,), values) for (name, _, _), values in shown.items()]
        counted = by_row(DEVICE, COLUMNS, rows)
        numbered = [device for device in shown if device[1] != UNKNOWN]
        return readable([*known.tables(numbered), counted], "/proc/diskstats")

    return collect


COLLECTOR = CollectorSpec(
    help="Reads, writes and waiting of the block devices, from /proc/diskstats; their names from udev.",
    source="host",
    metrics=(*COLUMNS, *_disk_info.METRICS),
    build=build,
    docs="https://docs.kernel.org/admin-guide/iostats.html",
    explain=lambda _: "reads /proc/diskstats, /run/udev/data and /sys/block/*/queue/rotational",
)
