"""Counters of the network protocols, from /proc/net/netstat, snmp and snmp6."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from exporter.collectors.host._fields import MAX_FIELDS, ByField, readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import Metric, untyped
from exporter.model.table import Table, single
from exporter.sources.host import Host

FIELD = untyped("node_netstat_<field>", "The counter <field> of /proc/net/netstat, snmp or snmp6.")

MAX_HEADERS = 64
"""Lines of names that are remembered; a kernel has about ten."""

Places = tuple[tuple[int, Metric], ...]


class Netstat:
    """Parses the three files, and keeps for each line of names where the wanted ones stand."""

    def __init__(self, wanted: re.Pattern[str]) -> None:
        self._metrics = ByField(FIELD, wanted)
        self._headers: dict[str, Places] = {}
        self._six: dict[str, Metric | None] = {}

    def pairs(self, text: str) -> dict[Metric, int]:
        """Two lines for each protocol, `Tcp: InSegs OutSegs` and `Tcp: 3113 1608`."""
        values: dict[Metric, int] = {}
        for names, numbers in pairwise(text.split("\n")):
            if names.partition(" ")[0] != numbers.partition(" ")[0]:
                continue
            places = self._places(names)
            fields = numbers.split(" ")
            if len(fields) != names.count(" ") + 1:
                continue
            for place, metric in places:
                if (value := whole(fields[place])) is not None:
                    values[metric] = value
        return values

    def single_lines(self, text: str) -> dict[Metric, int]:
        """Lines `Icmp6InMsgs   1`: the protocol's name ends with the first 6."""
        values: dict[Metric, int] = {}
        for line in text.split("\n"):
            name, _, number = line.replace("\t", " ").partition(" ")
            metric = self._six[name] if name in self._six else self._metric_of_six(name)
            if metric is not None and (value := whole(number.strip())) is not None:
                values[metric] = value
        return values

    def _metric_of_six(self, name: str) -> Metric | None:
        protocol, six, field = name.partition("6")
        metric = self._metrics[f"{protocol}6_{field}"] if six else None
        if len(self._six) < MAX_FIELDS:
            self._six[name] = metric
        return metric

    def _places(self, header: str) -> Places:
        places = self._headers.get(header)
        if places is None:
            protocol, colon, names = header.partition(": ")
            numbered = enumerate(names.split(" ") if colon else (), start=1)
            found = ((place, self._metrics[f"{protocol}_{name}"]) for place, name in numbered)
            places = tuple((place, metric) for place, metric in found if metric is not None)
            if len(self._headers) < MAX_HEADERS:
                self._headers[header] = places
        return places


def build(host: Host) -> Collect:
    """Reads the three files; a kernel without IPv6 has no third one."""
    netstat = Netstat(host.netstat_fields)

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        values = netstat.pairs(host.net("netstat")) | netstat.pairs(host.net("snmp"))
        with suppress(Skip):
            values |= netstat.single_lines(host.net("snmp6"))
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
