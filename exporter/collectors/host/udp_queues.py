"""Bytes that wait in the queues of UDP sockets, from /proc/net/udp and /proc/net/udp6."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import hexadecimal
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table
from exporter.sources.host import Host

QUEUES = gauge("node_udp_queues", "Bytes that wait in the queues of all UDP sockets.", ("queue", "ip"))

BY_FILE = {"udp": "v4", "udp6": "v6"}
FIELD = 4


def parse(text: str) -> tuple[int, int]:
    """Lines `0: 0100007F:0035 00000000:0000 07 00000000:00000000 ...`: bytes to send, bytes received."""
    sent = received = 0
    for line in text.split("\n")[1:]:
        fields = line.split(None, FIELD + 1)
        out, colon, into = fields[FIELD].partition(":") if len(fields) > FIELD else ("", "", "")
        if colon:
            sent += hexadecimal(out) or 0
            received += hexadecimal(into) or 0
    return sent, received


def build(host: Host) -> Collect:
    """Reads both files; a kernel without IPv6 has no second one."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        rows: list[Labels] = []
        values: list[int] = []
        skipped: Skip | None = None
        for name, ip in BY_FILE.items():
            try:
                values += parse(host.net(name))
            except Skip as skip:
                skipped = skipped or skip
                continue
            rows += (("tx", ip), ("rx", ip))
        if skipped is not None and not rows:
            raise skipped
        return [Table(QUEUES.labels, rows, [Column(QUEUES, values)])]

    return collect


COLLECTOR = CollectorSpec(
    help="Bytes that wait in the queues of UDP sockets, from /proc/net/udp and /proc/net/udp6.",
    source="host",
    metrics=(QUEUES,),
    build=build,
    docs="proc_pid_net(5)",
    explain=lambda _: "reads /proc/1/net/udp and /proc/1/net/udp6",
)
