"""Sockets in use and their memory, from /proc/net/sockstat and /proc/net/sockstat6."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from resource import getpagesize

from exporter.collectors.host._fields import ByField, readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = gauge("node_sockstat_<field>", "The value <field> of /proc/net/sockstat or sockstat6.")

PAGE_BYTES = getpagesize()


def parse(text: str, metrics: ByField) -> dict[Metric, int]:
    """Lines `TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 142`, where `mem` counts pages."""
    values: dict[Metric, int] = {}
    for line in text.split("\n"):
        protocol, colon, rest = line.partition(":")
        if not colon:
            continue
        fields = rest.split()
        for name, number in list(pairwise(fields))[::2]:
            value = whole(number)
            if value is None or (metric := metrics[f"{protocol}_{name}"]) is None:
                continue
            values[metric] = value
            if name == "mem" and (in_bytes := metrics[f"{protocol}_mem_bytes"]) is not None:
                values[in_bytes] = value * PAGE_BYTES
    return values


def build(host: Host) -> Collect:
    """Reads both files; a kernel without IPv6 has no second one."""
    metrics = ByField(FIELD)

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values = parse(host.net("sockstat"), metrics)
        with suppress(Skip):
            values |= parse(host.net("sockstat6"), metrics)
        return readable([single(values)], "/proc/net/sockstat")

    return collect


COLLECTOR = CollectorSpec(
    help="Sockets in use and their memory, from /proc/net/sockstat and /proc/net/sockstat6.",
    source="host",
    metrics=(FIELD,),
    build=build,
    docs="proc_pid_net(5)",
    explain=lambda _: "reads /proc/1/net/sockstat and /proc/1/net/sockstat6",
)
