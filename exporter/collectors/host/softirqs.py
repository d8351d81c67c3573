"""Soft interrupts by kind, from /proc/stat."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, wholes
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter
from exporter.model.table import Column, Table
from exporter.sources.host import Host

TOTAL = counter("node_softirqs_total", "Soft interrupts that were serviced since boot.", ("vector",))

LINE = "softirq"
VECTORS = (
    "hi",
    "timer",
    "net_tx",
    "net_rx",
    "block",
    "block_iopoll",
    "tasklet",
    "sched",
    "hrtimer",
    "rcu",
)
"""The kernel's order, behind the sum of all."""


def parse(text: str) -> Table:
    """The line `softirq 5057579 250191 1481983 ...`."""
    fields = next((line.split()[1:] for line in text.split("\n") if line.startswith(f"{LINE} ")), [])
    numbers = wholes(fields) if fields else None
    pairs = list(zip(VECTORS, (numbers or [])[1:], strict=False))
    return Table(TOTAL.labels, [(name,) for name, _ in pairs], [Column(TOTAL, [n for _, n in pairs])])


def build(host: Host) -> Collect:
    """Reads /proc/stat."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.reread("stat"))], "/proc/stat")

    return collect


COLLECTOR = CollectorSpec(
    help="Soft interrupts by kind, from /proc/stat.",
    source="host",
    metrics=(TOTAL,),
    build=build,
    default=False,
    docs="proc_stat(5)",
    explain=lambda _: "reads /proc/stat",
)
