"""How long processes ran and waited on each core, from /proc/schedstat."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, whole, wholes
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter
from exporter.model.table import Table, Value, by_row
from exporter.sources.host import Host

CPU = ("cpu",)

METRICS = (
    counter("node_schedstat_running_seconds_total", "Time that processes ran on the core.", CPU),
    counter("node_schedstat_waiting_seconds_total", "Time that processes waited for the core.", CPU),
    counter("node_schedstat_timeslices_total", "How often a process got the core.", CPU),
)
LAST_THREE = slice(6, 9)
NANOSECONDS = 1e9


def parse(text: str) -> dict[str, list[Value]]:
    """Lines `cpu0 0 0 0 0 0 0 2045936778 163101 43`, of which the last three numbers count."""
    cores: dict[str, list[Value]] = {}
    for line in text.split("\n"):
        name, *fields = line.split() if line.startswith("cpu") else ("",)
        numbers = wholes(fields[LAST_THREE]) if len(fields) >= LAST_THREE.stop else None
        if whole(name[3:]) is not None and numbers is not None:
            running, waiting, slices = numbers
            cores[name[3:]] = [running / NANOSECONDS, waiting / NANOSECONDS, slices]
    return cores


def build(host: Host) -> Collect:
    """Reads /proc/schedstat, which a kernel without CONFIG_SCHEDSTATS has not."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        rows = [((core,), values) for core, values in parse(host.reread("schedstat")).items()]
        return readable([by_row(CPU, METRICS, rows)], "/proc/schedstat")

    return collect


COLLECTOR = CollectorSpec(
    help="How long processes ran and waited on each core, from /proc/schedstat.",
    source="host",
    metrics=METRICS,
    build=build,
    docs="https://docs.kernel.org/scheduler/sched-stats.html",
    explain=lambda _: "reads /proc/schedstat",
)
