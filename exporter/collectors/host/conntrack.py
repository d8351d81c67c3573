"""Connections that the kernel tracks, from /proc/net/stat/nf_conntrack and /proc/sys/net/netfilter."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from exporter.collectors.host._fields import hexadecimal, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric, gauge
from exporter.model.table import Table, Value, single
from exporter.sources.host import Host

ENTRIES = gauge("node_nf_conntrack_entries", "Connections that are tracked.")
LIMIT = gauge("node_nf_conntrack_entries_limit", "Connections that can be tracked at most.")

# Upstream's type is gauge, although all of them only grow.
BY_FIELD = {
    "found": gauge("node_nf_conntrack_stat_found", "Packets whose connection was found; only grows."),
    "invalid": gauge("node_nf_conntrack_stat_invalid", "Packets that can't be tracked; only grows."),
    "ignore": gauge("node_nf_conntrack_stat_ignore", "Packets that need no tracking; only grows."),
    "insert": gauge("node_nf_conntrack_stat_insert", "Connections that were added; only grows."),
    "insert_failed": gauge(
        "node_nf_conntrack_stat_insert_failed", "Connections that could not be added; only grows."
    ),
    "drop": gauge(
        "node_nf_conntrack_stat_drop",
        "Packets dropped for lack of room or memory; only grows.",
    ),
    "early_drop": gauge(
        "node_nf_conntrack_stat_early_drop", "Connections given up to make room for new ones; only grows."
    ),
    "search_restart": gauge(
        "node_nf_conntrack_stat_search_restart", "Searches that a change of size made start anew; only grows."
    ),
}
OF_ALL_CORES = "entries"
SYS = "sys/net/netfilter"


def parse(text: str) -> dict[Metric, int]:
    """A line of names, then a line of hexadecimal numbers for each core.

    `entries` stands for the whole table on each of them, the others are counted by each core.
    """
    names: list[str] = []
    found: dict[Metric, int] = {}
    for line in text.split("\n"):
        words = line.split()
        if words[:1] == [OF_ALL_CORES]:
            names = words
            continue
        numbers = [number for word in words if (number := hexadecimal(word)) is not None]
        if len(numbers) != len(names):
            continue
        for name, number in zip(names, numbers, strict=True):
            if name == OF_ALL_CORES:
                found[ENTRIES] = number
            elif (metric := BY_FIELD.get(name)) is not None:
                found[metric] = found.get(metric, 0) + number
    return found


def build(host: Host) -> Collect:
    """The entries of process 1's network; /proc/sys shows those of whoever reads, so it comes second."""

    def number(name: str) -> int | None:
        return whole(host.reread(f"{SYS}/{name}").strip())

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        limit = number("nf_conntrack_max")
        values: dict[Metric, Value] = {}
        with suppress(Skip):
            values |= parse(host.net("stat/nf_conntrack"))
        with suppress(Skip):
            if ENTRIES not in values and host.view().inside_network:
                values[ENTRIES] = number("nf_conntrack_count")
        if limit is None and not values:
            raise Skip(Reason.NO_DATA, f"/proc/{SYS}/nf_conntrack_max: no number")
        return [single({**values, LIMIT: limit})]

    return collect


COLLECTOR = CollectorSpec(
    help="Tracked connections, from /proc/net/stat/nf_conntrack and /proc/sys/net/netfilter.",
    source="host",
    metrics=(ENTRIES, LIMIT, *BY_FIELD.values()),
    build=build,
    docs="https://docs.kernel.org/networking/nf_conntrack-sysctl.html",
    explain=lambda _: "reads /proc/1/net/stat/nf_conntrack and /proc/sys/net/netfilter/nf_conntrack_max",
)
