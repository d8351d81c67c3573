"""PgBouncer's own process, as its kernel sees it: from /proc, by the id in the pid file.

Source: Linux documentation, proc(5).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from exporter.model.errors import Reason, Skip, SourceError

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
UNLIMITED = float(2**64 - 1)
"""Upstream's value where there is no limit."""


class Process(NamedTuple):
    """One process; None is what may not be read.

    Attributes:
        cpu_seconds: in user and kernel mode since it started.
        started_at: Unix time.
        virtual_bytes: address space.
        resident_bytes: memory that is in use.
        open_fds: open descriptors; only its own user and root may count them.
        max_fds: how many it may have.
        max_virtual_bytes: how large its address space may become.
        received_bytes: by IP in its network namespace since that began, by all processes there.
        sent_bytes: the same, sent.
    """

    cpu_seconds: float
    started_at: float
    virtual_bytes: int
    resident_bytes: int
    open_fds: int | None
    max_fds: float | None
    max_virtual_bytes: float | None
    received_bytes: int | None
    sent_bytes: int | None


def read_process(pid_file: Path, proc: Path = PROC) -> Process:
    """What is known of the process that a pid file names.

    Args:
        pid_file: holds the id and nothing else.
        proc: where /proc is; the id must be of the same process namespace.

    Raises:
        Skip: there is no /proc, as on macOS.
        SourceError: there is no such file or process, or it holds something else.
    """
    if not (proc / "stat").exists():
        raise Skip(Reason.UNSUPPORTED, f"{proc} is no Linux /proc")
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        own = proc / str(pid)
        # The name stands in brackets and may hold anything, brackets and blanks too.
        fields = (own / "stat").read_bytes().rpartition(b") ")[2].split()
        user, kernel, started, size, resident = (int(fields[i]) for i in (11, 12, 19, 20, 21))
    except FileNotFoundError as error:
        raise SourceError(f"{error.filename}: not there; is PgBouncer running?") from None
    except (OSError, ValueError, IndexError) as error:
        raise SourceError(f"{pid_file}: no process to be read: {error}") from None
    limits, network = _limits(own), _network(own)
    return Process(
        (user + kernel) / TICKS,
        _booted_at(proc) + started / TICKS,
        size,
        resident * PAGE,
        _open_fds(own),
        limits.get("Max open files"),
        limits.get("Max address space"),
        network.get("InOctets"),
        network.get("OutOctets"),
    )


def _booted_at(proc: Path) -> int:
    lines = (proc / "stat").read_bytes().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(b"btime ")), 0)


def _open_fds(own: Path) -> int | None:
    try:
        return len(os.listdir(own / "fd"))  # noqa: PTH208  only to be counted
    except OSError:
        return None


def _limits(own: Path) -> Mapping[str, float]:
    """Name -> the soft limit."""
    found = {}
    for line in _lines(own / "limits"):
        name, soft = line[:26].strip(), line[26:47].strip()
        if soft == "unlimited" or soft.isdigit():
            found[name] = UNLIMITED if soft == "unlimited" else float(soft)
    return found


def _network(own: Path) -> Mapping[str, int]:
    """The counters of IpExt: names in one line, numbers in the next."""
    lines = [line.split()[1:] for line in _lines(own / "net" / "netstat") if line.startswith("IpExt:")]
    if len(lines) != 2:
        return {}
    return {name: int(number) for name, number in zip(*lines, strict=False) if number.isdigit()}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
