"""The use of memory, from /proc/meminfo: every field under its own name."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import ByField, readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

SIZE = gauge("node_memory_<field>_bytes", "The field <field> of /proc/meminfo, in bytes.")
COUNT = gauge("node_memory_<field>", "The field <field> of /proc/meminfo, a number of pages.")


class Meminfo:
    """Makes the table, and keeps the metrics of the fields that it has seen."""

    def __init__(self) -> None:
        self._sizes = ByField(SIZE)
        self._counts = ByField(COUNT)

    def parse(self, text: str) -> Table:
        """Lines `Active(anon):  33420 kB`, or `HugePages_Total:  0` without a unit."""
        values = []
        for line in text.split("\n"):
            name, _, rest = line.partition(":")
            number, _, unit = rest.strip().partition(" ")
            value = whole(number)
            metric = self._sizes[name] if unit else self._counts[name]
            if metric is not None and value is not None and unit in {"kB", ""}:
                values.append((metric, value * 1024 if unit else value))
        return single(dict(values))


def build(host: Host) -> Collect:
    """Reads /proc/meminfo."""
    meminfo = Meminfo()

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([meminfo.parse(host.read("meminfo"))], "/proc/meminfo")

    return collect


COLLECTOR = CollectorSpec(
    help="Use of memory, from /proc/meminfo.",
    source="host",
    metrics=(SIZE, COUNT),
    build=build,
    docs="proc_meminfo(5)",
    explain=lambda _: "reads /proc/meminfo",
)
