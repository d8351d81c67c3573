"""Paging, swapping and kills for lack of memory, from /proc/vmstat."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import ByField, readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import untyped
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = untyped("node_vmstat_<field>", "The field <field> of /proc/vmstat.")


def parse(text: str, metrics: ByField) -> Table:
    """Lines `oom_kill 0`."""
    values = {}
    for line in text.split("\n"):
        name, _, number = line.partition(" ")
        if (metric := metrics[name]) is not None and (value := whole(number)) is not None:
            values[metric] = value
    return single(values)


def build(host: Host) -> Collect:
    """Reads /proc/vmstat, of which the options name the fields that are shown."""
    metrics = ByField(FIELD, host.vmstat_fields)

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.read("vmstat"), metrics)], "/proc/vmstat")

    return collect


COLLECTOR = CollectorSpec(
    help="Paging, swapping and kills for lack of memory, from /proc/vmstat.",
    source="host",
    metrics=(FIELD,),
    build=build,
    docs="proc_vmstat(5)",
    explain=lambda _: "reads /proc/vmstat",
)
