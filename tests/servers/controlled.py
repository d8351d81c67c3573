"""Faults on demand: what can be done to a running server, whatever it is."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from time import sleep
from typing import Generic, Self, TypeVar

import psutil

from exporter.demo.process import ServerProcess

Process = TypeVar("Process", bound=ServerProcess)


class Controlled(Generic[Process]):
    """A server process with its faults. A context manager that leaves nothing behind.

    `stop` and `kill` keep folder and port, so that `start` brings the same server back; `close` also
    removes the folder.
    """

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return self.process.port

    @property
    def pid(self) -> int:
        """The process id of the server, of PostgreSQL's postmaster."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there; a frozen one is."""
        return self.process.running

    @property
    def folder(self) -> Path:
        """The server's own folder."""
        return self.process.folder

    @property
    def log(self) -> str:
        """All that the server has written to stdout and stderr."""
        return self.process.log.read_text(errors="replace")

    def start(self) -> Self:
        """Starts it, or starts it again on the same port, and waits until it takes connections."""
        self.process.start()
        return self

    def stop(self) -> None:
        """An orderly end."""
        self.process.stop()

    def restart(self) -> None:
        """An orderly end and a new start on the same port."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP to all its processes, until all have stopped: connections stay open, nothing answers."""
        self.process.send(signal.SIGSTOP)
        _wait_stopped(self.process.family()[:1])
        # Only now are its children all that there will be.
        self.process.signal_family(signal.SIGSTOP)
        _wait_stopped(self.process.family())

    def thaw(self) -> None:
        """SIGCONT to all its processes, children first."""
        for process in reversed(self.process.family()):
            process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all its processes: connections break, nothing is written."""
        self.freeze()  # a parent that is still running would replace its children
        family = self.process.family()
        for process in family:
            process.send_signal(signal.SIGKILL)
        self.process.stop()
        while any(map(_alive, family)):
            sleep(0.005)

    def close(self) -> None:
        """Ends it and removes its folder."""
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def rss_bytes(self) -> int:
        """Resident memory of its main process."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def cpu_seconds(self) -> float:
        """CPU time of its main process so far, user and system."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def open_fds(self) -> int:
        """How many file descriptors its main process has open. Source: /proc/<pid>/fd."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _wait_stopped(processes: list[psutil.Process]) -> None:
    # A process in the middle of a disk access stops a little later.
    for process in processes:
        while _alive(process) and process.status() != psutil.STATUS_STOPPED:
            sleep(0.002)


def _alive(process: psutil.Process) -> bool:
    # A grandchild that has ended may stay a zombie until the machine's init gets to it.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
