"""Open files of the whole machine, from /proc/sys/fs/file-nr."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import readable, whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.sources.host import Host

ALLOCATED = gauge("node_filefd_allocated", "File handles that the kernel has given out.")
MAXIMUM = gauge("node_filefd_maximum", "File handles that the kernel gives out at most.")


def parse(text: str) -> Table:
    """One line of three numbers: given out, unused (always 0), at most."""
    fields = text.split()
    if len(fields) != 3:
        return single({})
    values = {ALLOCATED: whole(fields[0]), MAXIMUM: whole(fields[2])}
    return single({metric: value for metric, value in values.items() if value is not None})


def build(host: Host) -> Collect:
    """Reads /proc/sys/fs/file-nr."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        return readable([parse(host.reread("sys/fs/file-nr"))], "/proc/sys/fs/file-nr")

    return collect


COLLECTOR = CollectorSpec(
    help="Open files of the whole machine, from /proc/sys/fs/file-nr.",
    source="host",
    metrics=(ALLOCATED, MAXIMUM),
    build=build,
    docs="proc_sys_fs(5)",
    explain=lambda _: "reads /proc/sys/fs/file-nr",
)
