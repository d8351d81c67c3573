"""Sockets in use and their memory, from /proc/net/sockstat and /proc/net/sockstat6."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from resource import getpagesize

from exporter.collectors.host._fields import ByField, Numbers, Place, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = gauge("node_sockstat_<field>", "The value <field> of /proc/net/sockstat or sockstat6.")

PAGE_BYTES = getpagesize()


def places(text: str, metrics: ByField) -> Iterator[Place]:
    """Lines `TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 142`, where `mem` counts pages."""
    before = 0
    for line in text.split("\n"):
        words = line.split()
        protocol = words[0] if words else ""
        names = enumerate(words[1:-1:2], start=0) if protocol.endswith(":") else ()
        for pair, name in names:
            place = before + 2 + 2 * pair
            if (metric := metrics[f"{protocol[:-1]}_{name}"]) is not None:
                yield Place(place, metric)
            if name == "mem" and (in_bytes := metrics[f"{protocol[:-1]}_mem_bytes"]) is not None:
                yield Place(place, in_bytes, PAGE_BYTES)
        before += len(words)


def build(host: Host) -> Collect:
    """Reads both files; a kernel without IPv6 has no second one."""
    metrics = ByField(FIELD)
    four, six = (Numbers(lambda text: places(text, metrics)) for _ in range(2))

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values = four.read(host.net("sockstat"))
        with suppress(Skip):
            values |= six.read(host.net("sockstat6"))
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
