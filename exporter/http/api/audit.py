"""Who did what: one line of JSON for each privileged call, and for each that was refused.

The file is opened for each line, so that it can be rotated by moving it away. Writing is a thread's
business: a disk that hangs holds up neither a scrape nor another caller.
"""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from exporter.log import get_logger
from exporter.model.errors import SettingsError

log = get_logger("exporter.http.api")

MODE = 0o600
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
WAIT_SECONDS = 2.0
"""How long a call waits for its line to be written."""
MOST_WAITING = 1000
"""Lines that wait for a disk at most; more are lost, which the log says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        time: RFC 3339, UTC.
        subject: who; None if that is not known.
        role: with which role; None without any.
        client: the address.
        method: of the request.
        path: of the request, without its query.
        result: `begun`, `done`, `failed` or `refused`.
        status: of the answer; None while there is none.
        reason: why it was refused.
    """

    time: str
    subject: str | None
    role: str | None
    client: str
    method: str
    path: str
    result: str
    status: int | None = None
    reason: str = ""


class Audit:
    """Writes the lines.

    Args:
        path: the file; None for the log.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._waiting = 0
        self._failed = False

    def check(self) -> None:
        """Opens the file once.

        Raises:
            SettingsError: it can't be written.
        """
        if self._path is None:
            return
        try:
            os.close(os.open(self._path, FLAGS, MODE))
        except OSError as error:
            raise SettingsError([f"api.audit_file: {self._path}: {error.strerror or error}"]) from None

    async def write(self, entry: Entry) -> bool:
        """Writes a line; False if it is not there after two seconds."""
        if self._path is None:
            log.info("audit", **{name: value for name, value in asdict(entry).items() if name != "time"})
            return True
        if self._waiting >= MOST_WAITING:
            return self._noted("too many lines wait for the disk")
        line = json.dumps(asdict(entry)).encode() + b"\n"
        self._waiting += 1
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._append, self._path, line)
        writing.add_done_callback(self._written)
        try:
            error = await asyncio.wait_for(asyncio.shield(writing), WAIT_SECONDS)
        except TimeoutError:
            error = "the disk does not answer"
        return self._noted(error)

    def _written(self, _writing: asyncio.Future[str]) -> None:
        self._waiting -= 1

    def _noted(self, error: str) -> bool:
        """One line in the log per change of state."""
        if error and not self._failed:
            log.error("audit log not written", path=str(self._path), text=error)
        elif self._failed and not error:
            log.info("audit log is written again", path=str(self._path))
        self._failed = bool(error)
        return not error

    @staticmethod
    def _append(path: Path, line: bytes) -> str:
        """Appends the line; the reason if that fails, empty if not."""
        try:
            descriptor = os.open(path, FLAGS, MODE)
            try:
                written = os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            return getattr(error, "strerror", None) or str(error)
        return "" if written == len(line) else "the disk is full"

    def close(self) -> None:
        """Ends the thread once it has written what waits."""
        self._thread.shutdown(wait=False)
