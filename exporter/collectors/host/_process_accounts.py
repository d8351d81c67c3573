"""The books of process groups: what each process used since it was last seen is added to its group.

So no counter falls when a process ends. What ran before the first look is not counted, as upstream does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from exporter.collectors.host._process_names import OTHERS
from exporter.sources.host.processes import Details, Process, Processes
from exporter.sources.host.processes_rules import Candidate

MOST_GROUPS = 200
"""Names that a run may give; what comes later is in the group of all others."""
MOST_ANCESTORS = 64
SETTLED_SECONDS = 10.0
"""A process younger than this is named again: it may not have its title yet."""
PSS_SECONDS = 60.0
"""How old the proportional memory of a process may be."""

COUNTERS = ("user", "system", "minor", "major", "voluntary", "nonvoluntary", "read", "write")
STATES = {"R": "Running", "S": "Sleeping", "D": "Waiting", "Z": "Zombie"}
OTHER_STATE = "Other"
PSS_SOURCE = "smaps_rollup"
SOURCES = ("io", "fd", PSS_SOURCE)
"""What a user may not be allowed to read of others' processes."""
SUMS = (
    "virtual",
    "resident",
    "swapped",
    "proportional",
    "proportional_swapped",
    "descriptors",
    "worst_descriptors",
)
MOST_THREAD_NAMES = 50

Number = TypeVar("Number", int, float)
Counts = Sequence[float | None]
Naming = Callable[[Candidate], str | None]


@dataclass(slots=True)
class Group:
    """One group: sums over its members, and what all members that there ever were have used."""

    used: list[float | None] = field(default_factory=lambda: [None] * len(COUNTERS))
    members: int = 0
    threads: int = 0
    oldest: float | None = None
    virtual: int | None = None
    resident: int | None = None
    swapped: int | None = None
    proportional: int | None = None
    proportional_swapped: int | None = None
    descriptors: int | None = None
    worst_descriptors: float | None = None
    states: dict[str, int] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    thread_names: dict[str, int] = field(default_factory=dict)
    waits: dict[str, int] = field(default_factory=dict)

    def emptied(self) -> Group:
        """The group before its members of a run are added."""
        return Group(used=self.used)

    def zero(self, before: Group) -> None:
        """What was known while it had members is 0 without them."""
        for name in SUMS:
            if getattr(before, name) is not None:
                setattr(self, name, 0)


@dataclass(slots=True)
class Member:
    """What is kept of one process."""

    started: int
    name: str
    group: str | None = None
    settled: bool = False
    counted: list[float | None] = field(default_factory=lambda: [None] * len(COUNTERS))
    limit: int | None = None
    proportional: tuple[int, int] | None = None
    asked_at: float | None = None


class Accounts:
    """Names processes, and keeps their groups' books.

    Args:
        processes: the system's.
        naming: says the group of a process.
        children: whether a process without a group of its own is in its parent's.

    Attributes:
        naming: as given; may be replaced, after which `rename` names all processes again.
        groups: by name; a group stays when its last member has ended.
        failed: processes that could not be read, since the start.
        incomplete: reads that were refused, since the start.
    """

    def __init__(self, processes: Processes, naming: Naming, *, children: bool) -> None:
        self.naming = naming
        self.groups: dict[str, Group] = {}
        self.failed = 0
        self.incomplete = 0
        self._processes = processes
        self._children = children
        self._known: dict[int, Member] = {}
        self._first = True

    def rename(self) -> None:
        """Names all processes again at the next run. What one in no group has used so far is not counted."""
        for member in self._known.values():
            member.settled = False
            if member.group is None:
                member.counted = [None] * len(COUNTERS)

    def run(self, now: float, pss_seconds: float, *, threads: bool) -> None:
        """Sees all processes, and adds to the groups what their members have used.

        Args:
            now: Unix time.
            pss_seconds: how long it may ask for proportional memory.
            threads: whether to count threads by name.

        Raises:
            Skip: processes can't be listed.
        """
        seen = {process.pid: process for process in self._processes.all()}
        self.failed += self._processes.failed
        self._known = {pid: self._member(process) for pid, process in seen.items()}
        self._name(seen, now)
        before = self.groups
        self.groups = {name: group.emptied() for name, group in before.items()}
        grouped = [(seen[pid], member) for pid, member in self._known.items() if member.group is not None]
        if pss_seconds:
            self._ask_proportional(grouped, pss_seconds)
        for process, member in grouped:
            group = self._add(process, member)
            if pss_seconds:
                _add_proportional(group, process, member)
            if threads:
                self._add_threads(group, process)
        for name, group in self.groups.items():
            if not group.members:
                group.zero(before[name])
        self._first = False

    def _member(self, process: Process) -> Member:
        member = self._known.get(process.pid)
        if member is None or member.started != process.started:
            # What started since the last run has used all it has used since then.
            used: float | None = None if self._first else 0
            return Member(process.started, process.name, counted=[used] * len(COUNTERS))
        if member.name != process.name:  # it has become another program
            member.name, member.settled = process.name, False
        return member

    def _name(self, seen: Mapping[int, Process], now: float) -> None:
        fresh = [pid for pid, member in self._known.items() if not member.settled]
        own = {pid: self.naming(Candidate(seen[pid], self._processes)) or None for pid in fresh}
        for pid in fresh:
            member = self._known[pid]
            group = own[pid] or (self._inherited(pid, seen, own) if self._children else None)
            if group != member.group and group is not None:
                group = self._bounded(group)
            member.group = group
        for pid in fresh:
            self._known[pid].settled = now - self._processes.started_at(seen[pid]) >= SETTLED_SECONDS

    def _inherited(self, pid: int, seen: Mapping[int, Process], own: Mapping[int, str | None]) -> str | None:
        """The group of the nearest ancestor that has one. A process keeps it when its parent ends."""
        for _ in range(MOST_ANCESTORS):
            pid = seen[pid].parent
            if pid not in seen:
                return None
            if group := own.get(pid) or (self._known[pid].group if pid not in own else None):
                return group
        return None

    def _bounded(self, name: str) -> str:
        if name not in self.groups:
            if len(self.groups) >= MOST_GROUPS:
                name = OTHERS
            self.groups.setdefault(name, Group())
        return name

    def _ask_proportional(self, grouped: Sequence[tuple[Process, Member]], seconds: float) -> None:
        """Asks those that were never asked first, then those whose answer is oldest."""
        now = monotonic()
        due = [
            (member.asked_at or 0.0, process.pid, member)
            for process, member in grouped
            if member.asked_at is None or now - member.asked_at >= PSS_SECONDS
        ]
        due.sort(key=lambda one: one[:2])
        for _, pid, member in due:
            if monotonic() - now >= seconds:
                return
            member.asked_at = monotonic()
            try:
                member.proportional = self._processes.proportional(pid)
            except PermissionError:
                member.proportional = None
                self.incomplete += 1

    def _add(self, process: Process, member: Member) -> Group:
        assert member.group is not None
        group = self.groups[member.group]
        details = self._processes.details(process.pid)
        if member.limit is None:
            member.limit = self._processes.descriptor_limit(process.pid)
        _count(group, member, counts(process, details))
        _sum(group, process, details, self._processes.started_at(process))
        if details.descriptors is not None and member.limit:
            ratio = details.descriptors / member.limit
            group.worst_descriptors = max(group.worst_descriptors or 0.0, ratio)
        for source in details.refused:
            group.unread[source] = group.unread.get(source, 0) + 1
        self.incomplete += len(details.refused)
        return group

    def _add_threads(self, group: Group, process: Process) -> None:
        threads = self._processes.threads(process.pid)
        tally((thread.name for thread in threads), MOST_THREAD_NAMES, group.thread_names)
        tally((thread.waits_in for thread in threads if thread.waits_in), MOST_THREAD_NAMES, group.waits)


def _add_proportional(group: Group, process: Process, member: Member) -> None:
    if member.proportional is not None:
        group.proportional = plus(group.proportional, member.proportional[0])
        group.proportional_swapped = plus(group.proportional_swapped, member.proportional[1])
    elif process.state != "Z":  # which has no memory left
        group.unread[PSS_SOURCE] = group.unread.get(PSS_SOURCE, 0) + 1


def counts(process: Process, details: Details) -> Counts:
    """What a process has used since its start, in the order of `COUNTERS`."""
    return (
        process.user,
        process.system,
        process.minor_faults,
        process.major_faults,
        details.voluntary,
        details.nonvoluntary,
        details.read_bytes,
        details.write_bytes,
    )


def _count(group: Group, member: Member, now: Counts) -> None:
    """Adds what has come since the last run; a counter seen for the first time begins at 0."""
    for index, value in enumerate(now):
        if value is None:
            continue
        before = member.counted[index]
        since = 0 if before is None else max(0, value - before)
        group.used[index] = plus(group.used[index], since)
        member.counted[index] = value


def _sum(group: Group, process: Process, details: Details, started: float) -> None:
    group.members += 1
    group.threads += process.threads or 0
    group.oldest = started if group.oldest is None else min(group.oldest, started)
    group.virtual = plus(group.virtual, process.virtual)
    group.resident = plus(group.resident, process.resident)
    group.swapped = plus(group.swapped, details.swapped)
    group.descriptors = plus(group.descriptors, details.descriptors)
    state = STATES.get(process.state, OTHER_STATE)
    group.states[state] = group.states.get(state, 0) + 1


def plus(sum_: Number | None, part: Number | None) -> Number | None:
    """The sum of what is known; None while nothing is."""
    if part is None:
        return sum_
    return part if sum_ is None else sum_ + part


def tally(words: Iterable[str], most: int, into: dict[str, int]) -> None:
    """Counts words; beyond so many different ones they count as others."""
    for word in words:
        name = word if word in into or len(into) < most else OTHERS
        into[name] = into.get(name, 0) + 1
