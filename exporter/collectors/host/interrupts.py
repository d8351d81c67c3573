"""Interrupts by core and source, from /proc/interrupts."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, wholes
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

TOTAL = counter(
    "node_interrupts_total",
    "Interrupts that were serviced since boot, by core and source.",
    ("cpu", "type", "info", "devices"),
)

CORE = "CPU"


def parse(text: str) -> Table:
    """Lines ` 24:  0  12  PCI-MSI 98304-edge virtio1`, below a line that names the cores.

    Lines without a number for each core, as `ERR:`, are left out.
    """
    lines = text.split("\n")
    header = next((line for line in lines if line.lstrip().startswith(CORE)), "")
    cores = [name.removeprefix(CORE) for name in header.split()]
    rows: list[Labels] = []
    values: list[int] = []
    for line in lines:
        name, _, rest = line.partition(":")
        fields = rest.split()
        counts = wholes(fields[: len(cores)]) if len(fields) > len(cores) > 0 else None
        if counts is None:
            continue
        said = fields[len(cores) :]
        split = 1 if name.strip().isdigit() else len(said)
        labels = (name.strip(), " ".join(said[:split]), " ".join(said[split:]))
        rows += [(core, *labels) for core in cores]
        values += counts
    return Table(TOTAL.labels, rows, [Column(TOTAL, values)])


def build(host: Host) -> Collect:
    """Reads /proc/interrupts."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.reread("interrupts"))], "/proc/interrupts")

    return collect


COLLECTOR = CollectorSpec(
    help="Interrupts by core and source, from /proc/interrupts.",
    source="host",
    metrics=(TOTAL,),
    build=build,
    default=False,
    docs="proc_interrupts(5)",
    explain=lambda _: "reads /proc/interrupts",
)
