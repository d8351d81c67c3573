"""TCP connections by state, from /proc/net/tcp and /proc/net/tcp6."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from exporter.collectors.host._fields import hexadecimal
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Table
from exporter.sources.host import Aside, Host

STATES = gauge(
    "node_tcp_connection_states",
    "TCP sockets by state; rx_queued_bytes and tx_queued_bytes are what waits in their queues.",
    ("state",),
)

BY_NUMBER = {
    "01": "established",
    "02": "syn_sent",
    "03": "syn_recv",
    "04": "fin_wait1",
    "05": "fin_wait2",
    "06": "time_wait",
    "07": "close",
    "08": "close_wait",
    "09": "last_ack",
    "0A": "listen",
    "0B": "closing",
}
RECEIVED, SENT = "rx_queued_bytes", "tx_queued_bytes"
STATE, QUEUES = 3, 4

FILES = ("tcp", "tcp6")

EVERY_SECONDS = 15.0
"""A line for each socket: a hundred thousand of them take a tenth of a second."""


def parse(text: str) -> Counter[str]:
    """Lines `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 ...`, below a line of names."""
    counts: Counter[str] = Counter()
    for line in text.split("\n")[1:]:
        fields = line.split(None, QUEUES + 1)
        state = BY_NUMBER.get(fields[STATE]) if len(fields) > QUEUES else None
        if state is None:
            continue
        sent, _, received = fields[QUEUES].partition(":")
        counts[state] += 1
        counts[SENT] += hexadecimal(sent) or 0
        counts[RECEIVED] += hexadecimal(received) or 0
    return counts


def read(host: Host, files: Sequence[str] = FILES) -> Counter[str]:
    """Both files together; a kernel without IPv6 has no second one.

    Raises:
        Skip: there is neither.
    """
    counts: Counter[str] = Counter()
    skips = []
    for name in files:
        try:
            counts += parse(host.net_once(name))
        except Skip as skip:
            skips.append(skip)
    if len(skips) == len(files):
        raise skips[0]
    return counts


def build(host: Host) -> Collect:
    """Reads in a thread: the files may be long."""
    aside = Aside("/proc/net/tcp")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        counts = await aside.run(lambda: read(host), deadline)
        names = [*BY_NUMBER.values(), RECEIVED, SENT]
        return [
            Table(STATES.labels, [(name,) for name in names], [Column(STATES, [counts[n] for n in names])])
        ]

    return collect


COLLECTOR = CollectorSpec(
    help="TCP connections by state, from /proc/net/tcp and /proc/net/tcp6.",
    source="host",
    metrics=(STATES,),
    build=build,
    default=False,
    every_seconds=EVERY_SECONDS,
    docs="proc_pid_net(5)",
    explain=lambda _: "reads /proc/1/net/tcp and /proc/1/net/tcp6",
)
