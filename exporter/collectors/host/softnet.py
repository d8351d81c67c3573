"""Received packets on their way through the cores, from /proc/net/softnet_stat."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import hexadecimal, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, Value, by_row
from exporter.sources.host import Host

CPU = ("cpu",)

# Column of the file -> metric. Newer kernels have more columns; the number of the core came with Linux 5.10.
BY_COLUMN = {
    0: counter("node_softnet_processed_total", "Packets that the core has processed.", CPU),
    1: counter("node_softnet_dropped_total", "Packets dropped because the core's queue was full.", CPU),
    2: counter(
        "node_softnet_times_squeezed_total", "How often the core ran out of time with packets waiting.", CPU
    ),
    8: counter("node_softnet_cpu_collision_total", "How often a device's lock was taken while sending.", CPU),
    9: counter("node_softnet_received_rps_total", "How often another core woke this one for packets.", CPU),
    10: counter("node_softnet_flow_limit_count_total", "How often the limit of a flow was reached.", CPU),
    11: gauge("node_softnet_backlog_len", "Packets that wait in the core's queue.", CPU),
}
FEWEST = 3
CORE = 12


def parse(text: str) -> dict[str, list[Value]]:
    """Lines `008f5889 00000000 000006a9 ...`, one for each core: core -> its values."""
    cores: dict[str, list[Value]] = {}
    for line in text.split("\n"):
        columns = [hexadecimal(field) for field in line.split()]
        if len(columns) < FEWEST or None in columns:
            continue
        core = columns[CORE] if len(columns) > CORE else len(cores)
        cores[str(core)] = [columns[n] if n < len(columns) else None for n in BY_COLUMN]
    return cores


def build(host: Host) -> Collect:
    """Reads /proc/1/net/softnet_stat, which is the same in every network."""
    metrics = tuple(BY_COLUMN.values())

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        rows = [((core,), values) for core, values in parse(host.net("softnet_stat")).items()]
        return readable([by_row(CPU, metrics, rows)], "/proc/net/softnet_stat")

    return collect


COLLECTOR = CollectorSpec(
    help="Received packets on their way through the cores, from /proc/net/softnet_stat.",
    source="host",
    metrics=tuple(BY_COLUMN.values()),
    build=build,
    docs="https://docs.kernel.org/networking/scaling.html",
    explain=lambda _: "reads /proc/1/net/softnet_stat",
)
