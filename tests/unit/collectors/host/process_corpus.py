"""A system whose processes are what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.sources.host.processes import Details, Process, Thread


@dataclass
class One:
    """A process as a test has it."""

    pid: int
    name: str
    command: str = ""
    parent: int = 1
    born: float = 1000.0
    cpu: float = 0.0
    read: int | None = 0
    resident: int = 100
    proportional: int | None = 10
    descriptors: int = 5
    refused: tuple[str, ...] = ()
    threads: list[Thread] = field(default_factory=list)
    state: str = "S"


class Seen:
    """A system with these processes."""

    def __init__(self, *ones: One) -> None:
        self.failed = 0
        self.now = {one.pid: one for one in ones}
        self.asked: list[int] = []

    def set(self, *ones: One) -> None:
        self.now = {one.pid: one for one in ones}

    def all(self) -> list[Process]:
        return [
            Process(o.pid, o.parent, int(o.born), o.name, o.state, 1, o.cpu, 0.0, 0, 0, 1000, o.resident)
            for o in self.now.values()
        ]

    def started_at(self, process: Process) -> float:
        return float(process.started)

    def command(self, pid: int) -> list[str]:
        return self.now[pid].command.split("\0") if self.now[pid].command else []

    def user(self, _pid: int) -> str:
        return "somebody"

    def cgroups(self, _pid: int) -> list[str]:
        return []

    def details(self, pid: int) -> Details:
        one = self.now[pid]
        return Details(0, 0, 0, one.read, one.read, one.descriptors, one.refused[:1])

    def descriptor_limit(self, _pid: int) -> int:
        return 100

    def proportional(self, pid: int) -> tuple[int, int] | None:
        self.asked.append(pid)
        if "smaps_rollup" in self.now[pid].refused:
            raise PermissionError
        known = self.now[pid].proportional
        return None if known is None else (known, 0)

    def threads(self, pid: int) -> list[Thread]:
        return self.now[pid].threads
