"""The processes of a host that is not Linux, from psutil, as far as the system tells this user."""

from __future__ import annotations

from typing import Any

import psutil

from exporter.sources.host.processes import Details, Process, Thread

STATES = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_IDLE: "I",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_ZOMBIE: "Z",
}
OTHER_STATE = "?"
PER_SECOND = 100

FILES = {"io_counters": "io", "num_fds": "fd"}
"""What Linux has in files of these names, which tell who may not read them."""

ATTRIBUTES = ("ppid", "name", "status", "num_threads", "cpu_times", "memory_info", "create_time")


class PsutilProcesses:
    """As `ProcessFiles`, without control groups and the names of threads."""

    def __init__(self) -> None:
        self.failed = 0
        self._known: dict[int, psutil.Process] = {}

    def all(self) -> list[Process]:
        """Every process that psutil lists."""
        self.failed = 0
        known = {process.pid: process for process in psutil.process_iter()}
        self._known = known
        return [seen for process in known.values() if (seen := self._seen(process)) is not None]

    def _seen(self, process: psutil.Process) -> Process | None:
        try:
            told = process.as_dict(ATTRIBUTES)
        except psutil.Error:
            return None
        times, memory = told["cpu_times"], told["memory_info"]
        if told["create_time"] is None or told["ppid"] is None:
            self.failed += 1
            return None
        return Process(
            pid=process.pid,
            parent=told["ppid"],
            started=round(told["create_time"] * PER_SECOND),
            name=told["name"] or "",
            state=STATES.get(told["status"], OTHER_STATE),
            threads=told["num_threads"],
            user=times and times.user,
            system=times and times.system,
            minor_faults=None
            if (faults := getattr(memory, "pfaults", None)) is None
            else faults - memory.pageins,
            major_faults=getattr(memory, "pageins", None),
            virtual=memory and memory.vms,
            resident=memory and memory.rss,
        )

    def started_at(self, process: Process) -> float:
        """Unix time of its start."""
        return process.started / PER_SECOND

    def command(self, pid: int) -> list[str]:
        """Its command line or title."""
        return list(self._ask(pid, "cmdline") or [])

    def user(self, pid: int) -> str:
        """The name of its user."""
        return self._ask(pid, "username") or ""

    def cgroups(self, pid: int) -> list[str]:
        """None: only Linux has them."""
        _ = pid
        return []

    def details(self, pid: int) -> Details:
        """What the system tells of context switches, descriptors, and what it made disks do."""
        process = self._known.get(pid)
        if process is None:
            return Details()
        refused: list[str] = []
        with process.oneshot():
            switches = _told(process, "num_ctx_switches", refused)
            io = _told(process, "io_counters", refused)
            descriptors = _told(process, "num_fds", refused)
        return Details(
            voluntary=switches and switches.voluntary,
            nonvoluntary=switches and switches.involuntary,
            read_bytes=io and io.read_bytes,
            write_bytes=io and io.write_bytes,
            descriptors=descriptors,
            refused=tuple(FILES[what] for what in refused if what in FILES),
        )

    def descriptor_limit(self, pid: int) -> int | None:
        """How many file descriptors it may open, where the system says (not on macOS)."""
        if not hasattr(psutil, "RLIMIT_NOFILE"):
            return None
        limits = self._ask(pid, "rlimit", psutil.RLIMIT_NOFILE)
        return limits[0] if limits and limits[0] >= 0 else None

    def proportional(self, pid: int) -> tuple[int, int] | None:
        """Bytes in memory and in swap by share, where psutil knows it: on Linux.

        Raises:
            PermissionError: this user may not know.
        """
        process = self._known.get(pid)
        refused: list[str] = []
        memory = process and _told(process, "memory_full_info", refused)
        if refused:
            raise PermissionError(*refused)
        resident = getattr(memory, "pss", None)
        return None if resident is None else (resident, getattr(memory, "swap", 0))

    def threads(self, pid: int) -> list[Thread]:
        """None: psutil does not know their names."""
        _ = pid
        return []

    def _ask(self, pid: int, what: str, *args: Any) -> Any:
        process = self._known.get(pid)
        return process and _told(process, what, [], *args)


def _told(process: psutil.Process, what: str, refused: list[str], *args: Any) -> Any:
    """What a method says; None where this system has none, or the process has ended, or it is refused."""
    ask = getattr(process, what, None)
    if ask is None:
        return None
    try:
        return ask(*args)
    except psutil.AccessDenied:
        refused.append(what)
    except (psutil.Error, NotImplementedError, OSError):
        pass
    return None
