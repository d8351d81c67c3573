"""Which control groups are shown: the exporter's own, and those of the data stack's processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from exporter.collectors.host._cgroup_numbers import Limits, limits
from exporter.collectors.host._process_names import BY_NAME, POSTGRES
from exporter.model.errors import Reason, Skip
from exporter.sources.host import Host
from exporter.sources.host.cgroup import Cgroup, Cgroups
from exporter.sources.host.processes import Process
from exporter.sources.host.processes_files import ProcessFiles, parse_stat

LOOK_SECONDS = 30.0
"""How often it looks which groups there are, and what they are held to."""
MOST_GROUPS = 20
WATCHED = BY_NAME | POSTGRES

SELF, POD, HOST = "self", "pod", "host"

Place = tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class Shown:
    """A group on the page.

    Attributes:
        group: the group.
        held_to: its limits.
        own: whether the exporter is in it.
        near: whether it is beside the own one, as another container of the pod.
        started: Unix time of the start of its first process that is known; None if there is none.
        programs: those of the data stack that run in it.
    """

    group: Cgroup
    held_to: Limits
    own: bool = False
    near: bool = False
    started: float | None = None
    programs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen: the groups, how far the sight goes, and what is hidden.

    Attributes:
        own: the exporter's own, which may be the machine's.
        shown: the groups.
        scope: `self`, `pod` or `host`.
        hidden: how many groups can't be seen though their processes are.
    """

    own: Cgroup
    shown: tuple[Shown, ...]
    scope: str
    hidden: int


class Watch:
    """Looks for groups every now and then.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._processes = ProcessFiles(host)
        self._programs: dict[str, Process | None] = {}
        self._until = 0.0
        self._sight: Sight | None = None

    def sight(self) -> Sight:
        """What can be seen, as of some seconds ago.

        Raises:
            Skip: there are no control groups.
        """
        if self._sight is None or monotonic() >= self._until:
            self._sight = self._look()
            self._until = monotonic() + LOOK_SECONDS
        return self._sight

    def _look(self) -> Sight:
        groups = Cgroups(self._host)
        own = groups.of("self")
        if own is None or not own.is_seen:
            raise Skip(Reason.UNSUPPORTED, f"{self._host.cgroupfs}: no control groups are mounted there")
        first = groups.of("1")
        others = [first] if first is not None else []
        shown: dict[Place, Shown] = {}
        if own.folders:
            started = self._started("1" if first is not None and first.place == own.place else "self")
            shown[own.place] = Shown(group=own, held_to=limits(own), own=True, started=started)
        for process in self._watched():
            group = groups.of(str(process.pid))
            if group is None:
                continue
            others.append(group)
            if group.folders and (group.place in shown or len(shown) < MOST_GROUPS):
                self._show(shown, group, process, own)
        hidden = {group.id for group in others if not group.is_seen}
        return Sight(own, tuple(shown.values()), _scope(own, others), len(hidden))

    def _show(self, shown: dict[Place, Shown], group: Cgroup, process: Process, own: Cgroup) -> None:
        one = shown.get(group.place)
        if one is None:
            beside = group.parent == own.parent
            one = shown[group.place] = Shown(group=group, held_to=limits(group), near=beside)
        started = self._processes.started_at(process)
        one.started = started if one.started is None else min(one.started, started)
        one.programs.add(process.name)

    def _watched(self) -> list[Process]:
        """The data stack's processes, without those that one of them has started."""
        try:
            names = self._host.proc_names("")
        except OSError:
            return []
        pids = [name for name in names if name.isdigit() and name.isascii()]
        known = self._programs
        self._programs = {pid: known[pid] if pid in known else self._program(pid) for pid in pids}
        found = [process for process in self._programs.values() if process is not None]
        numbers = {process.pid for process in found}
        return [process for process in found if process.parent not in numbers]

    def _program(self, pid: str) -> Process | None:
        process = self._process(pid)
        return process if process is not None and process.name in WATCHED else None

    def _process(self, pid: str) -> Process | None:
        try:
            return parse_stat(self._host.proc_bytes(f"{pid}/stat"))
        except OSError:
            return None

    def _started(self, pid: str) -> float | None:
        process = self._process(pid)
        return None if process is None else self._processes.started_at(process)


def _scope(own: Cgroup, others: Sequence[Cgroup]) -> str:
    """How far the sight goes: the farthest group that can be seen counts."""
    seen = [group for group in others if group.is_seen and group.place != own.place]
    if not own.folders or any(group.in_root or group.parent != own.parent for group in seen):
        return HOST
    return POD if seen else SELF
