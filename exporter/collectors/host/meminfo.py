"""The use of memory, from /proc/meminfo: every field under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.collectors.host._fields import ByField, Numbers, Place, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

SIZE = gauge("node_memory_<field>_bytes", "The field <field> of /proc/meminfo, in bytes.")
COUNT = gauge("node_memory_<field>", "The field <field> of /proc/meminfo, a number of pages.")

KILOBYTE = "kB"


class Meminfo:
    """Makes the table, and keeps the metrics of the fields that it has seen."""

    def __init__(self) -> None:
        self._sizes = ByField(SIZE)
        self._counts = ByField(COUNT)
        self._numbers = Numbers(self._places)

    def parse(self, text: str) -> Table:
        """Lines `Active(anon):  33420 kB`, or `HugePages_Total:  0` without a unit."""
        return single(self._numbers.read(text))

    def _places(self, text: str) -> Iterator[Place]:
        before = 0
        for line in text.split("\n"):
            words = line.split()
            name, unit = words[0] if words else "", words[2:]
            metric = (self._sizes if unit else self._counts)[name[:-1]]
            if len(words) > 1 and name.endswith(":") and metric and unit in ([KILOBYTE], []):
                yield Place(before + 1, metric, 1024 if unit else 1)
            before += len(words)


def build(host: Host) -> Collect:
    """Reads /proc/meminfo."""
    meminfo = Meminfo()

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([meminfo.parse(host.reread("meminfo"))], "/proc/meminfo")

    return collect


COLLECTOR = CollectorSpec(
    help="Use of memory, from /proc/meminfo.",
    source="host",
    metrics=(SIZE, COUNT),
    build=build,
    docs="proc_meminfo(5)",
    explain=lambda _: "reads /proc/meminfo",
)
