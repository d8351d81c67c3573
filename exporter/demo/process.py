"""A server as a child process: started on a free loopback port, stopped, and never left behind.

On Linux the kernel ends a server when this process ends in any way, kill -9 included (`launch.py`).
Elsewhere that holds for every regular end (`atexit`).
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar, Self

import psutil

from exporter.demo.account import Account, ServerFailed, environment, launcher, server_account

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
PORT_TRIES = 5
LOG_LINES = 8

# The kernel's signal comes when the *thread* that started the server ends, so one thread that lives as
# long as the process starts them all, whoever asks.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="demo-spawner")


class PortTaken(ServerFailed):
    """Another process was faster in taking the port that was free a moment ago."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class ServerProcess(ABC):
    """What PostgreSQL and Redis have in common as child processes; use a subclass.

    Args:
        folder: a folder for this server alone; it is made where it is missing, and stays after `stop`.
        port: the TCP port on 127.0.0.1; 0 for a free one, kept over a restart.
        account: who it runs as; `server_account()` if not given.
    """

    name: str
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    death_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, folder: Path, *, port: int = 0, account: Account | None = None) -> None:
        self.folder = folder
        self.port = port
        self.account = account or server_account()
        self.log = folder / "server.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The server's command line."""

    @abstractmethod
    def prepare(self) -> None:
        """What has to be in the folder before the server starts."""

    def environment(self) -> dict[str, str]:
        """The server's environment variables."""
        return environment()

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes connections now, and is the process that we started."""

    @property
    def pid(self) -> int:
        """The server's process id; 0 before the start."""
        return self._child.pid if self._child else 0

    @property
    def running(self) -> bool:
        """Whether the process is there: frozen counts, ended does not."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> Self:
        """Starts the server and waits until it takes connections.

        Raises:
            ServerFailed: it ended, or did not answer within 30 s.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.account.give(self.folder)
        chosen = self.port
        for _ in range(PORT_TRIES):
            self.port = chosen or free_port()
            try:
                self._start()
            except PortTaken:
                if chosen:
                    raise
            else:
                return self
        raise ServerFailed(f"{self.name}: no free port on {LOOPBACK} in {PORT_TRIES} tries")

    def _start(self) -> None:
        self.prepare()
        self.account.give(self.folder)
        start = self.log.stat().st_size if self.log.exists() else 0
        line = launcher(self.account, self.folder, self.command(), self.death_signal)
        with self.log.open("ab") as log:
            self._child = _SPAWNER.submit(self._spawn, line, log.fileno()).result()
        self._owner = os.getpid()
        atexit.register(self._at_exit)
        end = monotonic() + START_SECONDS
        while self.running and monotonic() < end:
            if self.answers():
                return
            sleep(0.01)
        why = "did not answer in time" if self.running else "ended at its start"
        self.stop()
        said = self.log.read_bytes()[start:].decode(errors="replace")
        tail = "\n  ".join(said.splitlines()[-LOG_LINES:])
        kind = PortTaken if "in use" in said else ServerFailed
        raise kind(f"{self.name} on port {self.port} {why}; {self.log} says:\n  {tail}")

    def _spawn(self, line: list[str], log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - a server program of this machine
            line,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment(),
            start_new_session=True,
        )

    def family(self) -> list[psutil.Process]:
        """The server's process and all below it; empty once it has ended."""
        try:
            process = psutil.Process(self.pid) if self.running else None
            return [process, *process.children(recursive=True)] if process else []
        except psutil.NoSuchProcess:
            return []

    def send(self, signum: signal.Signals) -> None:
        """Sends a signal to the server's main process, if it is there."""
        if self._child is not None:
            self._child.send_signal(signum)

    def signal_family(self, signum: signal.Signals) -> None:
        """Sends a signal to the server's process and to all below it, parents first."""
        for process in self.family():
            try:
                process.send_signal(signum)
            except psutil.NoSuchProcess:
                continue

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ends the server, by force if it takes longer than 10 s, and waits until it is gone.

        Args:
            how: the signal that asks for the end, where it is not the server's usual one.
        """
        atexit.unregister(self._at_exit)
        child = self._child
        if child is None:
            return
        if self.running:
            self.signal_family(signal.SIGCONT)
            child.send_signal(how or self.stop_signal)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.signal_family(signal.SIGKILL)
        child.wait()

    def _at_exit(self) -> None:
        # A forked child inherits the handler, but not the right to end its parent's server.
        if os.getpid() == self._owner:
            self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
