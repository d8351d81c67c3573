"""Processes and threads of the machine by state, from /proc/*/stat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from exporter.collectors.host._fields import whole
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import Metric, gauge
from exporter.model.table import Column, Table, single
from exporter.sources.host import Aside, Host

THREADS = gauge("node_processes_threads", "Threads of all processes.")
MAX_THREADS = gauge("node_processes_max_threads", "Threads that the kernel allows at most.")
PIDS = gauge("node_processes_pids", "Processes.")
MAX_PROCESSES = gauge(
    "node_processes_max_processes", "Numbers that the kernel has for processes and threads."
)
STATE = gauge("node_processes_state", "Processes by state: R runs, S sleeps, D waits for a disk.", ("state",))
THREADS_STATE = gauge("node_processes_threads_state", "Threads by state.", ("thread_state",))

MOST_THREADS, MOST_NUMBERS = "sys/kernel/threads-max", "sys/kernel/pid_max"

EVERY_SECONDS = 15.0
"""A file for each thread: thousands of them take tens of milliseconds."""

STATE_FIELD, THREADS_FIELD = 0, 17
"""Behind the name, which may have spaces and parentheses in it."""


def parse(content: bytes) -> tuple[str, int] | None:
    """State and number of threads from `1 (systemd) S 0 1 ...`; None if it is anything else."""
    fields = content.rpartition(b")")[2].split()
    if len(fields) <= THREADS_FIELD:
        return None
    threads = whole(fields[THREADS_FIELD].decode(errors="replace"))
    return None if threads is None else (fields[STATE_FIELD].decode(errors="replace"), threads)


def scan(host: Host) -> list[Table]:
    """All processes; one that ends meanwhile does not count.

    Raises:
        Skip: this is no Linux.
    """
    limits = {
        MAX_THREADS: whole(host.read(MOST_THREADS).strip()),
        MAX_PROCESSES: whole(host.read(MOST_NUMBERS).strip()),
    }
    threads = 0
    states: Counter[str] = Counter()
    thread_states: Counter[str] = Counter()
    for pid in filter(str.isdigit, host.proc_names("")):
        found = _stat(host, f"{pid}/stat")
        if found is None:
            continue
        states[found[0]] += 1
        threads += found[1]
        thread_states.update(_threads(host, pid, *found))
    return [
        single({THREADS: threads, PIDS: states.total(), **limits}),
        _by_state(states, STATE.labels, STATE),
        _by_state(thread_states, THREADS_STATE.labels, THREADS_STATE),
    ]


def _threads(host: Host, pid: str, state: str, threads: int) -> Iterator[str]:
    """The states of a process's threads, of which the first is its own."""
    yield state
    if threads == 1:
        return
    try:
        others = [name for name in host.proc_names(f"{pid}/task") if name != pid]
    except OSError:
        return
    for thread in others:
        if (found := _stat(host, f"{pid}/task/{thread}/stat")) is not None:
            yield found[0]


def _stat(host: Host, path: str) -> tuple[str, int] | None:
    try:
        return parse(host.proc_bytes(path))
    except OSError:
        return None


def _by_state(counts: Mapping[str, int], labels: tuple[str, ...], metric: Metric) -> Table:
    return Table(labels, [(state,) for state in counts], [Column(metric, list(counts.values()))])


def build(host: Host) -> Collect:
    """Reads in a thread."""
    aside = Aside("/proc/*/stat")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return await aside.run(lambda: scan(host), deadline)

    return collect


COLLECTOR = CollectorSpec(
    help="Processes and threads of the machine by state, from /proc/*/stat.",
    source="host",
    metrics=(THREADS, MAX_THREADS, PIDS, MAX_PROCESSES, STATE, THREADS_STATE),
    build=build,
    default=False,
    every_seconds=EVERY_SECONDS,
    docs="proc_pid_stat(5)",
    explain=lambda _: "reads /proc/*/stat and /proc/*/task/*/stat",
)
