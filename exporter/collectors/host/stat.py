"""Interrupts, context switches, forks, boot time and runnable processes, from /proc/stat."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

BY_FIELD = {
    "intr": counter("node_intr_total", "Interrupts that were serviced since boot."),
    "ctxt": counter("node_context_switches_total", "Switches from one process to another since boot."),
    "btime": gauge("node_boot_time_seconds", "Unix time at which the machine was started."),
    "processes": counter("node_forks_total", "Processes and threads that were created since boot."),
    "procs_running": gauge("node_procs_running", "Processes that run or are ready to run."),
    "procs_blocked": gauge("node_procs_blocked", "Processes that wait for a disk."),
}


def parse(text: str) -> Table:
    """Lines `name number ...`, of which only the first number counts."""
    values = []
    for line in text.split("\n"):
        name, _, rest = line.partition(" ")
        if (metric := BY_FIELD.get(name)) and (value := whole(rest.partition(" ")[0])) is not None:
            values.append((metric, value))
    return single(values)


def build(host: Host) -> Collect:
    """Reads /proc/stat."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.reread("stat"))], "/proc/stat")

    return collect


COLLECTOR = CollectorSpec(
    help="Interrupts, context switches, forks, boot time and runnable processes, from /proc/stat.",
    source="host",
    metrics=tuple(BY_FIELD.values()),
    build=build,
    docs="proc_stat(5)",
    explain=lambda _: "reads /proc/stat",
)
