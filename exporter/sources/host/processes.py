"""What can be known of a system's processes, and whom to ask."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Process(NamedTuple):
    """What one read says of a process.

    Attributes:
        pid: its id in the process namespace of the /proc that is read.
        parent: its parent's id.
        started: hundredths of a second since the start of the system, or since 1970 off Linux: with the
            id, it tells the process from an earlier one of the same id.
        name: its name, as the kernel has it: 15 bytes at most.
        state: one letter: R, S, D, Z, T ...
        threads: how many it has.
        user: CPU seconds outside the kernel; None where the system does not say.
        system: CPU seconds in the kernel.
        minor_faults: page faults without a disk.
        major_faults: page faults with a disk.
        virtual: bytes of its address space.
        resident: bytes of it that are in memory, those shared with others included.
    """

    pid: int
    parent: int
    started: int
    name: str
    state: str
    threads: int | None
    user: float | None
    system: float | None
    minor_faults: int | None
    major_faults: int | None
    virtual: int | None
    resident: int | None


class Details(NamedTuple):
    """What takes more reads; None is unknown.

    Attributes:
        swapped: bytes in swap.
        voluntary: how often its first thread gave up the CPU.
        nonvoluntary: how often the CPU was taken from its first thread.
        read_bytes: bytes that it made a disk read.
        write_bytes: bytes that it made a disk write.
        descriptors: open file descriptors.
        refused: what this user may not read: `io`, `fd`.
    """

    swapped: int | None = None
    voluntary: int | None = None
    nonvoluntary: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    descriptors: int | None = None
    refused: tuple[str, ...] = ()


class Thread(NamedTuple):
    """A thread's name, and the function of the kernel that it waits in; empty where that is not told."""

    name: str
    waits_in: str


class Processes(Protocol):
    """A system's processes. But for `all`, an unknown answer is None or empty, and nothing is raised."""

    failed: int
    """How many processes of the last `all` could not be read though they were there."""

    def all(self) -> list[Process]:
        """Every process that can be seen.

        Raises:
            Skip: processes can't be listed.
        """

    def started_at(self, process: Process) -> float:
        """Unix time of its start."""

    def command(self, pid: int) -> list[str]:
        """Its command line or title."""

    def user(self, pid: int) -> str:
        """The name of the user that it acts as; the number where there is no name."""

    def cgroups(self, pid: int) -> list[str]:
        """The paths of its control groups."""

    def details(self, pid: int) -> Details:
        """What takes more reads."""

    def descriptor_limit(self, pid: int) -> int | None:
        """How many file descriptors it may open."""

    def proportional(self, pid: int) -> tuple[int, int] | None:
        """Bytes in memory and in swap, those shared by n processes counted as an nth.

        Raises:
            PermissionError: this user may not know.
        """

    def threads(self, pid: int) -> list[Thread]:
        """Its threads."""
