"""Random bits that the kernel has at hand, from /proc/sys/kernel/random."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

AVAILABLE = gauge("node_entropy_available_bits", "Random bits that the kernel has at hand.")
POOL_SIZE = gauge("node_entropy_pool_size_bits", "Random bits that the kernel's pool can hold.")

FOLDER = "sys/kernel/random"
BY_FILE = {"entropy_avail": AVAILABLE, "poolsize": POOL_SIZE}


def build(host: Host) -> Collect:
    """Reads the two files."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values = {metric: whole(host.reread(f"{FOLDER}/{name}").strip()) for name, metric in BY_FILE.items()}
        if None in values.values():
            raise Skip(Reason.NO_DATA, f"/proc/{FOLDER}: no number")
        return [single(values)]

    return collect


COLLECTOR = CollectorSpec(
    help="Random bits that the kernel has at hand, from /proc/sys/kernel/random.",
    source="host",
    metrics=(AVAILABLE, POOL_SIZE),
    build=build,
    docs="random(4)",
    explain=lambda _: "reads /proc/sys/kernel/random/entropy_avail and poolsize",
)
