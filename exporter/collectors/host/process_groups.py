"""Groups of processes under process-exporter's names: CPU, memory, disks, descriptors, threads.

RSS counts PostgreSQL's shared buffers once for each backend; `proportionalResident` counts them once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from exporter.collectors.host._process_accounts import (
    COUNTERS,
    OTHER_STATE,
    SOURCES,
    STATES,
    Accounts,
    Group,
    Naming,
)
from exporter.collectors.host._process_names import DataStack
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, SettingsError, Skip
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Column, Labels, Table, Value, single
from exporter.sources.host import Aside, Host
from exporter.sources.host.processes_rules import load

GROUP = ("groupname",)
EVERY_SECONDS = 30.0

PROCS = gauge("namedprocess_namegroup_num_procs", "Processes in the group.", GROUP)
THREADS = gauge("namedprocess_namegroup_num_threads", "Threads of the group's processes.", GROUP)
OLDEST = gauge(
    "namedprocess_namegroup_oldest_start_time_seconds",
    "Start of the group's oldest process as Unix time.",
    GROUP,
)
DESCRIPTORS = gauge(
    "namedprocess_namegroup_open_filedesc", "Open file descriptors of the group's processes.", GROUP
)
WORST_DESCRIPTORS = gauge(
    "namedprocess_namegroup_worst_fd_ratio",
    "Open file descriptors by their limit, of the process in the group that is closest to it.",
    GROUP,
)
CPU = counter(
    "namedprocess_namegroup_cpu_seconds_total",
    "CPU time of the group since it was first seen, of processes that have ended too.",
    ("groupname", "mode"),
)
READ = counter("namedprocess_namegroup_read_bytes_total", "Bytes that the group has made disks read.", GROUP)
WRITTEN = counter(
    "namedprocess_namegroup_write_bytes_total", "Bytes that the group has made disks write.", GROUP
)
MAJOR = counter(
    "namedprocess_namegroup_major_page_faults_total", "Page faults of the group that took a disk.", GROUP
)
MINOR = counter(
    "namedprocess_namegroup_minor_page_faults_total", "Page faults of the group without a disk.", GROUP
)
SWITCHES = counter(
    "namedprocess_namegroup_context_switches_total",
    "How often the first threads of the group's processes gave up the CPU, or lost it.",
    ("groupname", "ctxswitchtype"),
)
MEMORY = gauge(
    "namedprocess_namegroup_memory_bytes",
    "Memory of the group's processes; only the proportional kinds count shared memory once.",
    ("groupname", "memtype"),
)
STATE = gauge(
    "namedprocess_namegroup_states", "Processes of the group by what they do.", ("groupname", "state")
)
THREAD_COUNT = gauge(
    "namedprocess_namegroup_thread_count", "Threads of the group by name.", ("groupname", "threadname")
)
WCHAN = gauge(
    "namedprocess_namegroup_threads_wchan",
    "Threads of the group by the function of the kernel that they wait in.",
    ("groupname", "wchan"),
)
UNREAD = gauge(
    "namedprocess_namegroup_unread_procs",
    "Processes whose part is missing from what the group has of this source, most often for lack of a right.",
    ("groupname", "source"),
)
FAILED = counter("namedprocess_scrape_procread_errors", "Processes that could not be read.")
INCOMPLETE = counter(
    "namedprocess_scrape_partial_errors", "Reads of processes in groups that this user was refused."
)
ERRORS = counter("namedprocess_scrape_errors", "Runs in which no process could be read.")

ByLabel = Sequence[tuple[str, Callable[[Group], Value]]]


def _used(name: str) -> Callable[[Group], Value]:
    index = COUNTERS.index(name)
    return lambda group: group.used[index]


def _unread(source: str) -> Callable[[Group], Value]:
    return lambda group: group.unread.get(source, 0)


def _state(state: str) -> Callable[[Group], Value]:
    return lambda group: group.states.get(state, 0)


PLAIN: Mapping[Metric, Callable[[Group], Value]] = {
    PROCS: lambda group: group.members,
    THREADS: lambda group: group.threads,
    OLDEST: lambda group: group.oldest,
    DESCRIPTORS: lambda group: group.descriptors,
    WORST_DESCRIPTORS: lambda group: group.worst_descriptors,
    READ: _used("read"),
    WRITTEN: _used("write"),
    MAJOR: _used("major"),
    MINOR: _used("minor"),
}
LABELLED: Mapping[Metric, ByLabel] = {
    CPU: [(mode, _used(mode)) for mode in ("user", "system")],
    SWITCHES: [(kind, _used(kind)) for kind in ("voluntary", "nonvoluntary")],
    MEMORY: [
        ("resident", lambda group: group.resident),
        ("virtual", lambda group: group.virtual),
        ("swapped", lambda group: group.swapped),
        ("proportionalResident", lambda group: group.proportional),
        ("proportionalSwapped", lambda group: group.proportional_swapped),
    ],
    STATE: [(state, _state(state)) for state in (*STATES.values(), OTHER_STATE)],
    UNREAD: [(source, _unread(source)) for source in SOURCES],
}
COUNTED: Mapping[Metric, Callable[[Group], Mapping[str, int]]] = {
    THREAD_COUNT: lambda group: group.thread_names,
    WCHAN: lambda group: group.waits,
}


def tables(groups: Mapping[str, Group]) -> list[Table]:
    """A row for each group, one for each group and kind, one for each group and word."""
    rows: list[Labels] = [(name,) for name in groups]
    plain = [Column(metric, list(map(value, groups.values()))) for metric, value in PLAIN.items()]
    kinds = [
        _table(metric, (((name, kind), value(g)) for name, g in groups.items() for kind, value in by_label))
        for metric, by_label in LABELLED.items()
    ]
    words = [
        _table(metric, (((name, word), n) for name, group in groups.items() for word, n in of(group).items()))
        for metric, of in COUNTED.items()
    ]
    return [Table(GROUP, rows, plain), *kinds, *words]


def _table(metric: Metric, samples: Iterable[tuple[Labels, Value]]) -> Table:
    pairs = list(samples)
    return Table(metric.labels, [row for row, _ in pairs], [Column(metric, [value for _, value in pairs])])


class Rules:
    """What says the group of a process: the file, read again when it has changed, or the built-in groups."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp = self._now()
        self.naming: Naming = DataStack().group if path is None else _first_match(path)

    def changed(self) -> bool:
        """Whether the file is another one than at the last call; then it is read.

        Raises:
            SettingsError: it is, and can't be used: the rules stay as they are.
        """
        if self._path is None or (stamp := self._now()) == self._stamp:
            return False
        self._stamp = stamp
        self.naming = _first_match(self._path)
        return True

    def _now(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat() if self._path else None
        except OSError:
            return None
        return stat and (stat.st_mtime_ns, stat.st_size)


def _first_match(path: Path) -> Naming:
    rules = load(path)
    return lambda candidate: next((group for rule in rules if (group := rule.group(candidate))), None)


class ProcessGroups:
    """Sees the processes, and makes the tables of their groups."""

    def __init__(self, host: Host) -> None:
        self._options = host.options
        self._rules = Rules(host.options.process_groups_file)
        self._accounts = Accounts(
            host.processes(), self._rules.naming, children=host.options.process_children
        )
        self._failed_runs = 0

    def run(self) -> list[Table]:
        """The tables of one look at all processes.

        Raises:
            Skip: no process can be read, or none is in a group.
            Partial: the file with the rules has become wrong; the old ones hold.
        """
        wrong = self._read_rules()
        accounts = self._accounts
        try:
            accounts.run(
                time.time(), self._options.process_pss_seconds, threads=self._options.process_threads
            )
        except Skip:
            self._failed_runs += 1
            raise
        if not accounts.groups:
            raise Skip(Reason.NO_DATA, "/proc: no process is in any group")
        errors = {FAILED: accounts.failed, INCOMPLETE: accounts.incomplete, ERRORS: self._failed_runs}
        collected = [*tables(accounts.groups), single(errors)]
        if wrong is not None:
            raise Partial(collected, wrong)
        return collected

    def _read_rules(self) -> SettingsError | None:
        try:
            if self._rules.changed():
                self._accounts.naming = self._rules.naming
                self._accounts.rename()
        except SettingsError as error:
            return error
        return None


def build(host: Host) -> Collect:
    """Keeps the groups' books from run to run. Reads in a thread, as a process that hangs may hold its files.

    Raises:
        SettingsError: the file that says which groups there are can't be used.
    """
    groups, aside = ProcessGroups(host), Aside("/proc/PID")

    async def collect(deadline: Deadline) -> Sequence[Table]:
        return await aside.run(groups.run, deadline)

    return collect


COLLECTOR = CollectorSpec(
    help="Groups of processes: CPU, memory, disks, descriptors, threads, from /proc/PID.",
    source="host",
    metrics=(*PLAIN, *LABELLED, *COUNTED, FAILED, INCOMPLETE, ERRORS),
    build=build,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="proc_pid_stat(5), proc_pid_io(5), proc_pid_smaps(5)",
    explain=lambda _: (
        "reads /proc/PID/stat of each process; status, io, fd, limits and smaps_rollup of those in groups"
    ),
)
