"""A file that starts anew when it is full, and keeps the last few.

The standard library's RotatingFileHandler says nothing to its caller when a write fails, leaves half a line
where the disk is full, and writes on into a file that was removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

SIZE = 10_000_000
"""Bytes of one file at most."""
OLDER = 5
"""Files beside the one that is written."""
MODE = 0o640
FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class RotatingFile:
    """Appends whole lines; `name`, `name.1` and so on, up to `name.OLDER`.

    Another process may rename or remove the file, as logrotate does: it is opened again. Where another
    exporter writes it this one does not: they would rotate it under each other.

    Args:
        path: of the newest file; its folder is not created.
        size: bytes of one file at most.
        older: files that are kept beside it.
    """

    def __init__(self, path: Path, size: int = SIZE, older: int = OLDER) -> None:
        self.path = path
        self._limit = size
        self._older = older
        self._fd: int | None = None
        self._size = 0

    def check(self) -> None:
        """Opens the file if it is not open.

        Raises:
            OSError: it can't be had.
        """
        if self._fd is not None and not self._same():
            self.close()
        if self._fd is None:
            self._open()

    def write(self, line: bytes) -> None:
        """Appends a line, into a new file if it does not fit.

        Raises:
            OSError: it can't be written; nothing of it is in the file.
        """
        try:
            self.check()
            if self._size and self._size + len(line) > self._limit:
                self._rotate()
            self._append(line)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file; the next line opens it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _same(self) -> bool:
        """Whether the open file still has the path."""
        assert self._fd is not None
        try:
            there = os.lstat(self.path)
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._fd))

    def _open(self) -> None:
        fd = os.open(self.path, FLAGS, MODE)
        try:
            _own(fd)
            size = os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                size += os.write(fd, b"\n")  # the machine went down in the middle of a line
        except OSError:
            os.close(fd)
            raise
        self._fd, self._size = fd, size

    def _append(self, line: bytes) -> None:
        assert self._fd is not None
        left = line
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(line)

    def _rotate(self) -> None:
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{n + 1}") for n in range(self._older))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        self.close()
        self._open()


def _own(fd: int) -> None:
    """Makes sure that it is a file, and that nobody else writes it."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "Another process writes it") from None
    except OSError:
        return  # this file system has no locks
