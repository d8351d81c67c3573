"""How large a file is, asked in a thread: a dead network mount blocks stat(2), and must block nobody else."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip, Unavailable


class FileSize:
    """Asks for sizes, one at a time: a thread that hangs in the kernel is the last one."""

    def __init__(self) -> None:
        self._asking = False

    async def of(self, path: Path, deadline: Deadline) -> int:
        """The size in bytes; 0 if the folder is there and the file is not.

        Raises:
            Skip: there is no such folder here, it may not be looked into, or it is no file.
            DeadlineExceeded: the file system does not answer.
            Unavailable: it still has not answered the question before.
        """
        if self._asking:
            raise Unavailable(f"{path.parent}: the file system does not answer")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int | OSError] = loop.create_future()

        def ask() -> None:
            found = _size(path)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._give, answer, found)

        self._asking = True
        threading.Thread(target=ask, name="file size", daemon=True).start()
        await asyncio.wait({answer}, timeout=deadline.left())
        if not answer.done():
            answer.cancel()
            raise DeadlineExceeded(f"{path.parent}: the file system does not answer")
        size = answer.result()
        if isinstance(size, OSError):
            raise Skip(Reason.UNSUPPORTED, f"{path}: {size.strerror}: is the server on another machine?")
        return size

    def _give(self, answer: asyncio.Future[int | OSError], found: int | OSError) -> None:
        self._asking = False
        if not answer.done():
            answer.set_result(found)


def _size(path: Path) -> int | OSError:
    try:
        found = os.stat(path)  # noqa: PTH116  its errors are told apart
    except FileNotFoundError as error:
        return 0 if path.parent.is_dir() else error
    except OSError as error:
        return error
    return found.st_size if stat.S_ISREG(found.st_mode) else OSError(0, "not a file")
