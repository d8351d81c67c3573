"""How full file systems are, asked through a process that can be given up.

A dead network mount blocks statvfs(2) in the kernel: no timeout, no signal, no cancelled task gets
the caller out. So a small process asks (`statvfs_helper.py`). When it is late, it is killed and
replaced, the mount that it hung on is left alone for a while, and the other mounts are asked by the
next one. A process that not even SIGKILL ends counts against `MAX_ABANDONED`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Unavailable
from exporter.sources.host import statvfs_helper

COMMAND = (sys.executable, "-I", "-S", statvfs_helper.__file__)

MAX_ABANDONED = 2
"""Processes that hang in the kernel for good, beside the one that works: then no risk is taken."""

MAX_DEATHS = 2
"""How often in one run a process that ended by itself is replaced."""

RETRY_SECONDS = 60.0
"""How long a mount that did not answer is left alone, once its process is gone."""

MARGIN_SECONDS = 0.05
"""What is left of the deadline for making the tables."""

TIMED_OUT = "mountpoint timeout"
"""The error of a mount that does not answer, in node_exporter's words."""


@dataclass(frozen=True, slots=True)
class Space:
    """How full a file system is: bytes and inodes."""

    size: int
    free: int
    available: int
    files: int
    files_free: int


Answers = Mapping[bytes, Space | str]
"""Path -> its space, or what went wrong. A path that could not be asked in time is missing."""


class Helper(asyncio.SubprocessProtocol):
    """One process: questions in, answers out, in order."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None
        self._changed = asyncio.Event()
        self._buffer = b""
        self._lines: list[bytes] = []

    @classmethod
    async def start(cls, command: Sequence[str]) -> Helper:
        """Starts the process; that it runs shows with its first answer.

        Raises:
            Unavailable: this machine does not let it start.
        """
        loop = asyncio.get_running_loop()
        # A session of its own: Ctrl-C on the daemon's terminal is not for it.
        try:
            _, helper = await loop.subprocess_exec(cls, *command, stderr=DEVNULL, start_new_session=True)
        except OSError as error:
            raise Unavailable(
                f"file systems: can't start {command[0]} to ask them: {error.strerror}"
            ) from error
        return helper

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: the process has started."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the loop: the process has answered."""
        if fd == 1:
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            self._lines += lines
            self._changed.set()

    def process_exited(self) -> None:
        """Called by the loop: the process has ended."""
        self.kill()  # what is left of it: the pipes
        self.gone.set()
        self._changed.set()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._transport is not None
        return self._transport.get_pid()

    async def ask(self, paths: Sequence[bytes], patience: Callable[[], float]) -> list[bytes]:
        """The answers, up to the first that takes longer than `patience()` seconds."""
        assert self._transport is not None
        self._lines = []
        questions = self._transport.get_pipe_transport(0)
        assert isinstance(questions, asyncio.WriteTransport)
        questions.write("".join(path.hex() + "\n" for path in paths).encode())
        while len(self._lines) < len(paths) and not self.gone.is_set():
            self._changed.clear()
            try:
                async with asyncio.timeout(patience()):
                    await self._changed.wait()
            except TimeoutError:
                break
        return self._lines

    def kill(self) -> None:
        """Closes the pipes and sends SIGKILL, which a process held in the kernel gets later."""
        assert self._transport is not None
        self._transport.close()


@dataclass(frozen=True, slots=True)
class _Hung:
    """A mount that did not answer: the process that asked it, and when it is tried again."""

    helper: Helper
    retry_at: float

    def over(self) -> bool:
        return self.helper.gone.is_set() and monotonic() >= self.retry_at


class Statvfs:
    """Asks one process, and keeps the accounts of mounts and processes that hang.

    Args:
        timeout: seconds that one file system may take.
        command: what to start as the process.
        kill: how to end one that is late.
    """

    def __init__(
        self,
        timeout: float,
        command: Sequence[str] = COMMAND,
        kill: Callable[[Helper], None] = Helper.kill,
    ) -> None:
        self._timeout = timeout
        self._command = tuple(command)
        self._kill = kill
        self._helper: Helper | None = None
        self._abandoned: list[Helper] = []
        self._hung: dict[bytes, _Hung] = {}
        self._proven: set[bytes] = set()
        self._lock = asyncio.Lock()

    @property
    def processes(self) -> list[int]:
        """The ids of the processes there are: the one that works and those given up."""
        helpers = [*self._abandoned, *([self._helper] if self._helper else [])]
        return [helper.pid for helper in helpers if not helper.gone.is_set()]

    async def ask(self, paths: Collection[bytes], deadline: Deadline) -> Answers:
        """How full the file systems at these paths are.

        Each may take the timeout, or half of the time that is left if that is less, so that one
        which hangs leaves time for the others. They are asked in their order, but those that hung
        before come last; while two processes hang, only those that answered before are asked.

        Raises:
            DeadlineExceeded: another caller was being answered all the time.
            Unavailable: the process can't be started.
        """
        deadline = deadline.earlier_by(MARGIN_SECONDS)
        try:
            async with asyncio.timeout(deadline.left()):
                await self._lock.acquire()
        except TimeoutError as error:
            raise DeadlineExceeded("file systems: the run of an earlier scrape is still asking") from error
        try:
            return await self._ask(paths, deadline)
        except asyncio.CancelledError:
            self._drop_helper()  # its answers would be taken for those to the next questions
            raise
        finally:
            self._lock.release()

    async def close(self) -> None:
        """Ends the processes, without waiting for one that the kernel holds."""
        helpers = [*self._abandoned, *([self._helper] if self._helper else [])]
        for helper in helpers:
            helper.kill()
        gone = [asyncio.create_task(helper.gone.wait()) for helper in helpers]
        if gone:
            _, held = await asyncio.wait(gone, timeout=1.0)
            for task in held:
                task.cancel()
        self._helper, self._abandoned = None, []

    async def _ask(self, paths: Collection[bytes], deadline: Deadline) -> Answers:
        self._forget_others(paths)
        answers: dict[bytes, Space | str] = {
            p: TIMED_OUT for p, hung in self._hung.items() if not hung.over()
        }
        pending = sorted((p for p in paths if p not in answers), key=self._hung.__contains__)
        deaths = 0
        while deaths < MAX_DEATHS and deadline.left() > 0 and (asked := self._may_ask(pending)):
            helper = await self._working_helper()
            if helper is None:
                break
            lines = await helper.ask(asked, lambda: min(self._timeout, deadline.left() / 2))
            answers |= (answered := dict(zip(asked, map(_space, lines), strict=False)))
            self._proven |= answered.keys()
            if helper.gone.is_set():
                deaths += 1
            elif len(lines) < len(asked):
                answers[asked[len(lines)]] = TIMED_OUT
                self._give_up(helper, asked[len(lines)])
            pending = [path for path in pending if path not in answers]
        return answers

    def _may_ask(self, paths: list[bytes]) -> list[bytes]:
        """The paths; only those that answered before, once any more to hang would be too many."""
        self._abandoned = [helper for helper in self._abandoned if not helper.gone.is_set()]
        if len(self._abandoned) < MAX_ABANDONED:
            return paths
        return [path for path in paths if path in self._proven]

    def _give_up(self, helper: Helper, path: bytes) -> None:
        self._hung[path] = _Hung(helper, monotonic() + RETRY_SECONDS)
        self._proven.discard(path)
        self._drop_helper()

    def _forget_others(self, paths: Collection[bytes]) -> None:
        """Forgets mounts that are gone, and that a mount hung which has answered since."""
        self._hung = {p: hung for p, hung in self._hung.items() if p in paths and p not in self._proven}
        self._proven.intersection_update(paths)

    async def _working_helper(self) -> Helper | None:
        """The process that answers; None when too many hang already."""
        if self._helper is not None and self._helper.gone.is_set():
            self._drop_helper()
        if self._helper is None and len(self._abandoned) <= MAX_ABANDONED:
            self._helper = await Helper.start(self._command)
        return self._helper

    def _drop_helper(self) -> None:
        if self._helper is not None:
            self._kill(self._helper)
            self._abandoned.append(self._helper)
            self._helper = None


def _space(line: bytes) -> Space | str:
    word, *numbers = line.decode("ascii").split()
    if word == "error":
        return os.strerror(int(numbers[0])).lower()
    size, (blocks, free, available, files, files_free) = int(word), map(int, numbers)
    return Space(blocks * size, free * size, available * size, files, files_free)
