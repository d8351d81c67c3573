"""Counters of the network protocols, from /proc/net/netstat, snmp and snmp6."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

from exporter.collectors.host._fields import ByField, Numbers, Place, readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import Metric, untyped
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = untyped("node_netstat_<field>", "The counter <field> of /proc/net/netstat, snmp or snmp6.")


class Netstat:
    """Finds the counters in the three files, each of which keeps its shape."""

    def __init__(self, wanted: re.Pattern[str]) -> None:
        self._metrics = ByField(FIELD, wanted)

    def pairs(self) -> Numbers:
        """A reader of two lines for each protocol, `Tcp: InSegs OutSegs` and `Tcp: 3113 1608`."""
        return Numbers(self._pairs)

    def single_lines(self) -> Numbers:
        """A reader of lines `Icmp6InMsgs   1`: the protocol's name ends with the first 6."""
        return Numbers(self._single_lines)

    def _pairs(self, text: str) -> Iterator[Place]:
        lines = [line.split() for line in text.split("\n")]
        before = 0
        for names, numbers in pairwise(lines):
            before += len(names)
            protocol = names[0] if names else ""
            if numbers[:1] != [protocol] or not protocol.endswith(":") or len(names) != len(numbers):
                continue
            for place, name in enumerate(names[1:], start=before + 1):
                if (metric := self._metrics[f"{protocol[:-1]}_{name}"]) is not None:
                    yield Place(place, metric)

    def _single_lines(self, text: str) -> Iterator[Place]:
        before = 0
        for line in text.split("\n"):
            words = line.split()
            if len(words) == 2 and (metric := self._metric_of_six(words[0])) is not None:
                yield Place(before + 1, metric)
            before += len(words)

    def _metric_of_six(self, name: str) -> Metric | None:
        protocol, six, field = name.partition("6")
        return self._metrics[f"{protocol}6_{field}"] if six else None


def build(host: Host) -> Collect:
    """Reads the three files; a kernel without IPv6 has no third one."""
    netstat = Netstat(host.netstat_fields)
    files = {"netstat": netstat.pairs(), "snmp": netstat.pairs()}
    six = netstat.single_lines()

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values: dict[Metric, int] = {}
        for name, numbers in files.items():
            values |= numbers.read(host.net(name))
        with suppress(Skip):
            values |= six.read(host.net("snmp6"))
        return readable([single(values)], "/proc/net/netstat")

    return collect


COLLECTOR = CollectorSpec(
    help="Counters of the network protocols, from /proc/net/netstat, snmp and snmp6.",
    source="host",
    metrics=(FIELD,),
    build=build,
    docs="proc_pid_net(5), https://docs.kernel.org/networking/snmp_counter.html",
    explain=lambda _: "reads /proc/1/net/netstat, snmp and snmp6",
)
