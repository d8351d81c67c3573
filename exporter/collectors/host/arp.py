"""Neighbours whose hardware address is known or asked for, from /proc/net/arp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.host import Host

ENTRIES = gauge("node_arp_entries", "Neighbours in the ARP table, by network device.", ("device",))

FIELDS = 6


def parse(text: str) -> Table:
    """Lines `192.0.2.1  0x1  0x2  02:fc:00:00:00:05  *  eth0`, the first of them with the names."""
    lines = (line.split() for line in text.split("\n")[1:])
    counts = Counter(fields[-1] for fields in lines if len(fields) == FIELDS)
    return Table(ENTRIES.labels, [(device,) for device in counts], [Column(ENTRIES, list(counts.values()))])


def build(host: Host) -> Collect:
    """Reads /proc/1/net/arp: a table without neighbours has no series."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return [parse(host.net("arp"))]

    return collect


COLLECTOR = CollectorSpec(
    help="Neighbours in the ARP table, from /proc/net/arp.",
    source="host",
    metrics=(ENTRIES,),
    build=build,
    docs="proc_pid_net(5), arp(7)",
    explain=lambda _: "reads /proc/1/net/arp",
)
