"""The load averages, from /proc/loadavg."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.collectors.host._fields import readable
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

METRICS = (
    gauge("node_load1", "Processes that ran or waited to run or for a disk, averaged over one minute."),
    gauge("node_load5", "Processes that ran or waited to run or for a disk, averaged over five minutes."),
    gauge("node_load15", "Processes that ran or waited to run or for a disk, averaged over fifteen minutes."),
)

_LOAD = re.compile(r"[0-9]{1,9}\.[0-9]{1,6}", re.ASCII)


def parse(text: str) -> Table:
    """The first three numbers of the file: `0.25 0.18 0.12 2/345 6789`."""
    fields = zip(METRICS, text.split()[:3], strict=False)
    return single([(metric, float(load)) for metric, load in fields if _LOAD.fullmatch(load)])


def build(host: Host) -> Collect:
    """Reads /proc/loadavg."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.reread("loadavg"))], "/proc/loadavg")

    return collect


COLLECTOR = CollectorSpec(
    help="Load averages, from /proc/loadavg.",
    source="host",
    metrics=METRICS,
    build=build,
    docs="proc_loadavg(5)",
    explain=lambda _: "reads /proc/loadavg",
)
