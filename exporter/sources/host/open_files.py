"""Files of the kernel that stay open from scrape to scrape.

Reading a small file of /proc takes four system calls, two of which look up its path; with the file open it
takes two, and a third of the time. Only files whose content the kernel makes up when it is read are kept: a
regular file may be replaced by another of its name.
"""

from __future__ import annotations

import os
from time import monotonic
from typing import NamedTuple

KEPT_SECONDS = 60.0
"""How long a file stays open: another one may have been mounted in its place."""

MAX_FILES = 64
"""Files that are open at most; the collectors read some twenty of them."""

CHUNK_BYTES = 16384


class _Kept(NamedTuple):
    """An open file; `fd` is None for one that is not worth it."""

    fd: int | None
    until: float


class OpenFiles:
    """Files by path. For one thread: a file that another reads must not be closed."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def read(self, path: str) -> bytes | None:
        """The content of a file that is open; None for any other, or when it can't be read any more."""
        kept = self._kept.get(path)
        if kept is None or kept.fd is None:
            return None
        try:
            if monotonic() < kept.until:
                return _content(kept.fd)
        except OSError:
            pass
        self._forget(path)
        return None

    def keep(self, path: str, size: int) -> None:
        """Opens a file that was just read and had `size` bytes, if it is one of the kernel's."""
        now = monotonic()
        if path in self._kept and now < self._kept[path].until:
            return
        self._forget(path)
        if len(self._kept) < MAX_FILES:
            self._kept[path] = _Kept(_opened(path, size), now + KEPT_SECONDS)

    def close(self) -> None:
        """Closes them all."""
        for path in list(self._kept):
            self._forget(path)

    def _forget(self, path: str) -> None:
        kept = self._kept.pop(path, None)
        if kept is not None and kept.fd is not None:
            os.close(kept.fd)


def _opened(path: str, size: int) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    # A regular file has the size that it says; one of the kernel's says 0, or a page.
    if os.fstat(fd).st_size != size:
        return fd
    os.close(fd)
    return None


def _content(fd: int) -> bytes:
    content = chunk = os.pread(fd, CHUNK_BYTES, 0)
    while chunk:
        chunk = os.pread(fd, CHUNK_BYTES, len(content))
        content += chunk
    return content
