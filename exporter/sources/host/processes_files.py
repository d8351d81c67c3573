"""The processes of a /proc: what `ps` shows, read without a tool in between.

psutil would do, and does so off Linux; here it takes three times as long for the same numbers, and its
/proc is a setting of the whole process. A process may end between any two reads: it is then left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from operator import itemgetter
from pwd import getpwuid
from typing import Protocol

from exporter.model.errors import Reason, Skip
from exporter.sources.host.processes import Details, Process, Thread

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KIB = 1024
LARGEST = 2**64
"""What a number of the kernel's is below."""
LONGEST_COMMAND = 8192
"""Bytes of a command line that are looked at."""
LONGEST_NUMBER = 20

GONE = (FileNotFoundError, NotADirectoryError, ProcessLookupError)
"""The process has ended, or never had such a file (a thread of the kernel has no memory)."""

_USED = itemgetter(1, 7, 9, 11, 12, 17, 19, 20, 21)
"""Of what follows the name and starts with the state: parent, faults, CPU time, threads, start, memory."""


class ProcFolder(Protocol):
    """What this needs of the host."""

    def proc_bytes(self, relative: str) -> bytes:
        """The content of a file below /proc."""

    def proc_names(self, relative: str) -> list[str]:
        """The names in a folder below /proc."""


class ProcessFiles:
    """The processes of a /proc.

    Args:
        host: reads below it.
    """

    def __init__(self, host: ProcFolder) -> None:
        self._host = host
        self._booted: float | None = None
        self.failed = 0

    def all(self) -> list[Process]:
        """Every process that /proc shows.

        Raises:
            Skip: /proc can't be listed.
        """
        try:
            names = self._host.proc_names("")
        except OSError as error:
            raise Skip(Reason.UNSUPPORTED, f"/proc: can't be listed: {error.strerror}") from error
        self.failed = 0
        return list(self._read(name for name in names if name.isdigit() and name.isascii()))

    def _read(self, names: Iterator[str]) -> Iterator[Process]:
        for name in names:
            try:
                process = parse_stat(self._host.proc_bytes(f"{name}/stat"))
            except GONE:
                continue
            except OSError:
                process = None
            if process is None:
                self.failed += 1
            else:
                yield process

    def started_at(self, process: Process) -> float:
        """Unix time of its start. The system's is read once: it moves when the clock is set."""
        if self._booted is None:
            self._booted = float(_number_after(self._bytes("stat"), b"\nbtime ") or 0)
        return self._booted + process.started / TICKS_PER_SECOND

    def command(self, pid: int) -> list[str]:
        """Its command line or title; empty for a thread of the kernel."""
        content = self._bytes(f"{pid}/cmdline")[:LONGEST_COMMAND].rstrip(b"\0")
        return [_text(part) for part in content.split(b"\0")] if content else []

    def user(self, pid: int) -> str:
        """The name of its effective user, as this machine knows it; else the number."""
        ids = _line_after(self._bytes(f"{pid}/status"), b"\nUid:").split()
        if len(ids) < 2 or not ids[1].isdigit():
            return ""
        try:
            return getpwuid(int(ids[1])).pw_name
        except (KeyError, OverflowError):
            return ids[1].decode()

    def cgroups(self, pid: int) -> list[str]:
        """The paths of its control groups, in the kernel's order."""
        lines = self._bytes(f"{pid}/cgroup").splitlines()
        return [_text(line.split(b":", 2)[2]) for line in lines if line.count(b":") >= 2]

    def details(self, pid: int) -> Details:
        """What `status`, `io` and `fd` say."""
        refused: list[str] = []
        status = self._bytes(f"{pid}/status")
        swapped = _number_after(status, b"\nVmSwap:")
        io = self._bytes(f"{pid}/io", refused)
        return Details(
            swapped=None if swapped is None else swapped * KIB,
            voluntary=_number_after(status, b"\nvoluntary_ctxt_switches:"),
            nonvoluntary=_number_after(status, b"\nnonvoluntary_ctxt_switches:"),
            read_bytes=_number_after(io, b"\nread_bytes:"),
            write_bytes=_number_after(io, b"\nwrite_bytes:"),
            descriptors=self._count(f"{pid}/fd", refused),
            refused=tuple(refused),
        )

    def descriptor_limit(self, pid: int) -> int | None:
        """The soft limit of open files; None if there is none."""
        return _number_after(self._bytes(f"{pid}/limits"), b"\nMax open files ")

    def proportional(self, pid: int) -> tuple[int, int] | None:
        """`Pss` and `SwapPss` of `smaps_rollup` (Linux 4.14) in bytes.

        Raises:
            PermissionError: this user may not read it.
        """
        try:
            content = self._host.proc_bytes(f"{pid}/smaps_rollup")
        except PermissionError:
            raise
        except OSError:
            return None
        resident = _number_after(content, b"\nPss:")
        swapped = _number_after(content, b"\nSwapPss:")
        return None if resident is None else (resident * KIB, (swapped or 0) * KIB)

    def threads(self, pid: int) -> list[Thread]:
        """What `task/TID/comm` and `task/TID/wchan` say."""
        try:
            names = self._host.proc_names(f"{pid}/task")
        except OSError:
            return []
        return [
            Thread(name, "" if (wchan := self._line(f"{pid}/task/{tid}/wchan")) == "0" else wchan)
            for tid in names
            if (name := self._line(f"{pid}/task/{tid}/comm"))
        ]

    def _line(self, relative: str) -> str:
        return _text(self._bytes(relative)).removesuffix("\n")

    def _bytes(self, relative: str, refused: list[str] | None = None) -> bytes:
        """The content; empty where it can't be read, and then in `refused` if for lack of a right."""
        try:
            content = self._host.proc_bytes(relative)
        except PermissionError:
            if refused is not None:
                refused.append(relative.rpartition("/")[2])
            return b""
        except OSError:
            return b""
        return content

    def _count(self, relative: str, refused: list[str]) -> int | None:
        try:
            return len(self._host.proc_names(relative))
        except PermissionError:
            refused.append(relative.rpartition("/")[2])
        except OSError:
            pass
        return None


def parse_stat(content: bytes) -> Process | None:
    """The line of /proc/PID/stat; None if it is none. The name may hold anything, parentheses included."""
    head, _, tail = content.rpartition(b")")
    pid, _, name = head.partition(b" (")
    fields = tail.split()
    try:
        used = (int(pid), *map(int, _USED(fields)))
    except (ValueError, IndexError):
        return None
    if min(used) < 0 or max(used) >= LARGEST:
        return None
    number, parent, minor, major, user, system, threads, started, virtual, pages = used
    return Process(
        pid=number,
        parent=parent,
        started=started,
        name=_text(name),
        state=_text(fields[0]),
        threads=threads,
        user=user / TICKS_PER_SECOND,
        system=system / TICKS_PER_SECOND,
        minor_faults=minor,
        major_faults=major,
        virtual=virtual,
        resident=pages * PAGE_BYTES,
    )


def _number_after(content: bytes, label: bytes) -> int | None:
    """The whole number behind the label, which starts with the line feed before its line."""
    words = _line_after(content, label).split(None, 1)
    if words and words[0].isdigit() and len(words[0]) <= LONGEST_NUMBER:
        return int(words[0])
    return None


def _line_after(content: bytes, label: bytes) -> bytes:
    start = content.find(label)
    if start < 0:
        return b""
    start += len(label)
    end = content.find(b"\n", start)
    return content[start:] if end < 0 else content[start:end]


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
