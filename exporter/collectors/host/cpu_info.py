"""What the cores are, from /proc/cpuinfo."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import Kept, readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

# Label -> the name of the line.
LINES = {
    "package": "physical id",
    "core": "core id",
    "cpu": "processor",
    "vendor": "vendor_id",
    "family": "cpu family",
    "model": "model",
    "model_name": "model name",
    "microcode": "microcode",
    "stepping": "stepping",
    "cachesize": "cache size",
}
INFO = gauge("node_cpu_info", "Always 1; its labels say what the core is.", tuple(LINES))


def parse(text: str) -> Table:
    """Lines `model name : Intel(R) ...`, the first of each core is `processor`."""
    cores: list[dict[str, str]] = []
    for line in text.split("\n"):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if name == LINES["cpu"] and whole(value) is not None:
            cores.append({})
        if colon and cores:
            cores[-1][name] = value
    rows: list[Labels] = [tuple(core.get(name, "") for name in LINES.values()) for core in cores]
    return Table(INFO.labels, rows, [Column(INFO, (1,) * len(rows))])


def build(host: Host) -> Collect:
    """Reads the file once a minute: the kernel writes a page for each core."""
    kept = Kept(lambda: [parse(host.read("cpuinfo"))])

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable(kept(), "/proc/cpuinfo")

    return collect


COLLECTOR = CollectorSpec(
    help="What the cores are, from /proc/cpuinfo.",
    source="host",
    metrics=(INFO,),
    build=build,
    default=False,
    docs="proc_cpuinfo(5)",
    explain=lambda _: "reads /proc/cpuinfo",
)
