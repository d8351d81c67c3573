"""Time lost for lack of CPU, memory or disk (pressure stall information), from /proc/pressure."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import Metric, counter
from exporter.model.table import Table, single
from exporter.sources.host import Host

# `full` of the CPU is always 0 for a whole machine, and interrupts have no `some`.
BY_FILE = {
    "cpu": {
        "some": counter(
            "node_pressure_cpu_waiting_seconds_total", "Time in which some process waited for a CPU."
        ),
    },
    "io": {
        "some": counter(
            "node_pressure_io_waiting_seconds_total", "Time in which some process waited for a disk."
        ),
        "full": counter(
            "node_pressure_io_stalled_seconds_total", "Time in which all processes waited for a disk."
        ),
    },
    "memory": {
        "some": counter(
            "node_pressure_memory_waiting_seconds_total", "Time in which some process waited for memory."
        ),
        "full": counter(
            "node_pressure_memory_stalled_seconds_total", "Time in which all processes waited for memory."
        ),
    },
    "irq": {
        "full": counter(
            "node_pressure_irq_stalled_seconds_total", "Time in which interrupts kept all processes waiting."
        ),
    },
}


def parse(text: str, metrics: dict[str, Metric]) -> dict[Metric, float]:
    """Lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=5442522`, where `total` is in microseconds."""
    values = {}
    for line in text.split("\n"):
        kind, _, rest = line.partition(" ")
        if (metric := metrics.get(kind)) and (micros := whole(rest.rpartition("total=")[2])) is not None:
            values[metric] = micros / 1e6
    return values


def build(host: Host) -> Collect:
    """Reads the four files: the CPU's decides whether this kernel has any, interrupts' came later."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values = parse(host.reread("pressure/cpu"), BY_FILE["cpu"])
        for name in ("io", "memory", "irq"):
            try:
                values |= parse(host.reread(f"pressure/{name}"), BY_FILE[name])
            except Skip:
                continue
        return readable([single(values)], "/proc/pressure")

    return collect


COLLECTOR = CollectorSpec(
    help="Time lost for lack of CPU, memory or disk, from /proc/pressure.",
    source="host",
    metrics=tuple(metric for metrics in BY_FILE.values() for metric in metrics.values()),
    build=build,
    docs="https://docs.kernel.org/accounting/psi.html",
    explain=lambda _: "reads /proc/pressure/cpu, io, memory and irq",
)
