"""`slow_queries.log` with its bounds: lines a second, whether it can be written, what was lost."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from time import monotonic

from exporter.log import get_logger
from exporter.model.slow_query import SlowQuery
from exporter.slow_log.line import line_of
from exporter.slow_log.rotating import OLDER, SIZE, RotatingFile

log = get_logger("exporter.slow_log")

NAME = "slow_queries.log"
LINES_PER_SECOND = 20.0
BURST = 200.0
"""Lines that may come at once, after a pause."""


class LogFile:
    """Writes lines, and says once when that fails and once when it works again.

    Args:
        size: bytes of one file at most.
        older: files that are kept beside it.

    Attributes:
        folder: where it is; None for nowhere.
        up: whether the last attempt to open or write it succeeded; None before the first one.
        lines: written so far.
        lost: lines that could not be written.
        held_back: lines that were more than may be written in that time.
    """

    def __init__(self, size: int = SIZE, older: int = OLDER) -> None:
        self._size, self._older = size, older
        self._file: RotatingFile | None = None
        self._tokens, self._filled = BURST, monotonic()
        self.folder: Path | None = None
        self.up: bool | None = None
        self.lines = self.lost = self.held_back = 0

    def move(self, folder: Path | None) -> None:
        """Writes in another folder from now on, which must be there."""
        self.close()
        self.folder, self.up = folder, None
        self._file = None if folder is None else RotatingFile(folder / NAME, self._size, self._older)
        self.check()

    def check(self) -> None:
        """Finds out whether it can be written."""
        if self._file is None:
            return
        try:
            self._file.check()
        except OSError as error:
            self._is(self._file, error)
        else:
            self._is(self._file, None)

    def write(self, query: SlowQuery) -> None:
        """Writes one line, if it can be and there are not too many."""
        if self._file is None:
            return
        if not self._may():
            self.held_back += 1
            return
        try:
            self._file.write(line_of(query))
        except OSError as error:
            self.lost += 1
            self._is(self._file, error)
        else:
            self.lines += 1
            self._is(self._file, None)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _may(self) -> bool:
        now = monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * LINES_PER_SECOND)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _is(self, file: RotatingFile, error: OSError | None) -> None:
        up, self.up = self.up, error is None
        if up is self.up:
            return
        path = str(file.path)
        with suppress(OSError):  # where one disk is full, our own log may be on it too
            if error is None:
                log.info("slow query log is written", path=path)
            else:
                log.warning("slow query log can't be written", path=path, reason=error.strerror or str(error))
