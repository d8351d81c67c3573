"""Tasks that hung in the kernel, from /proc/sys/kernel/hung_task_detect_count."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.host._fields import whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import counter
from exporter.model.table import Table, single
from exporter.sources.host import Host

TASKS = counter("node_kernel_hung_tasks_total", "Tasks that were found hanging in the kernel since boot.")

FILE = "sys/kernel/hung_task_detect_count"


def build(host: Host) -> Collect:
    """Reads the file, which came with Linux 6.14."""

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        count = whole(host.reread(FILE).strip())
        if count is None:
            raise Skip(Reason.NO_DATA, f"/proc/{FILE}: no number")
        return [single({TASKS: count})]

    return collect


COLLECTOR = CollectorSpec(
    help="Tasks that hung in the kernel, from /proc/sys/kernel/hung_task_detect_count.",
    source="host",
    metrics=(TASKS,),
    build=build,
    docs="https://docs.kernel.org/admin-guide/sysctl/kernel.html#hung-task-detect-count",
    explain=lambda _: "reads /proc/sys/kernel/hung_task_detect_count",
)
