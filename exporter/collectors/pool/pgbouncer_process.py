"""PgBouncer's process: CPU, memory and descriptors, from /proc by its pid file.

PgBouncer has one thread: where it uses a whole CPU, clients wait for PgBouncer itself. Upstream has these
names with its flag --pgBouncer.pid-file; here `pgbouncer.pid_file` switches them on.
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, single
from exporter.sources.pgbouncer import PgBouncerSource
from exporter.sources.pgbouncer.process import Process, read_process

CPU = counter("pgbouncer_process_cpu_seconds_total", "Seconds of CPU that PgBouncer has used.")
STARTED = gauge("pgbouncer_process_start_time_seconds", "Unix time at which PgBouncer was started.")
VIRTUAL = gauge("pgbouncer_process_virtual_memory_bytes", "PgBouncer's address space.")
RESIDENT = gauge("pgbouncer_process_resident_memory_bytes", "Memory that PgBouncer has in use.")
OPEN_FDS = gauge("pgbouncer_process_open_fds", "Descriptors that PgBouncer has open.")
MAX_FDS = gauge("pgbouncer_process_max_fds", "Descriptors that PgBouncer may have open.")
MAX_VIRTUAL = gauge(
    "pgbouncer_process_virtual_memory_max_bytes", "How large PgBouncer's address space may become."
)
RECEIVED = counter(
    "pgbouncer_process_network_receive_bytes_total",
    "Bytes received by IP in PgBouncer's network namespace, by other processes too.",
)
SENT = counter(
    "pgbouncer_process_network_transmit_bytes_total",
    "Bytes sent by IP in PgBouncer's network namespace, by other processes too.",
)
# In the order of the fields of Process.
METRICS = (CPU, STARTED, VIRTUAL, RESIDENT, OPEN_FDS, MAX_FDS, MAX_VIRTUAL, RECEIVED, SENT)


def build(server: PgBouncerSource) -> Collect:
    """Reads the process of one PgBouncer."""
    pid_file = server.options.pid_file

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        if pid_file is None:
            raise Skip(Reason.NO_DATA, "pgbouncer.pid_file is not set")
        return [table(read_process(pid_file))]

    return collect


def table(process: Process) -> Table:
    """One row."""
    return single(zip(METRICS, process, strict=True))


COLLECTOR = CollectorSpec(
    help="PgBouncer's CPU, memory and descriptors, from /proc by the file that pgbouncer.pid_file names.",
    source="pgbouncer",
    metrics=METRICS,
    build=build,
    docs="https://man7.org/linux/man-pages/man5/proc.5.html",
    explain=lambda _major: (
        "/proc/<pid>/stat, limits, fd and net/netstat, where <pid> is from pgbouncer.pid_file"
    ),
)
