"""Paging, swapping and kills for lack of memory, from /proc/vmstat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.collectors.host._fields import ByField, Numbers, Place, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import untyped
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = untyped("node_vmstat_<field>", "The field <field> of /proc/vmstat.")


def places(text: str, metrics: ByField) -> Iterator[Place]:
    """Lines `oom_kill 0`."""
    before = 0
    for line in text.split("\n"):
        words = line.split()
        if len(words) == 2 and (metric := metrics[words[0]]) is not None:
            yield Place(before + 1, metric)
        before += len(words)


def build(host: Host) -> Collect:
    """Reads /proc/vmstat, of which the options name the fields that are shown."""
    metrics = ByField(FIELD, host.vmstat_fields)
    numbers = Numbers(lambda text: places(text, metrics))

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([single(numbers.read(host.reread("vmstat")))], "/proc/vmstat")

    return collect


COLLECTOR = CollectorSpec(
    help="Paging, swapping and kills for lack of memory, from /proc/vmstat.",
    source="host",
    metrics=(FIELD,),
    build=build,
    docs="proc_vmstat(5)",
    explain=lambda _: "reads /proc/vmstat",
)
