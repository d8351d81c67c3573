"""Reading in a thread of its own what may wait in the kernel: a lock, a slow bus, a dead mount.

A thread can't be ended, so there is one at most: while it hangs, nobody else waits for the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import NoReturn, TypeVar

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip

T = TypeVar("T")


class Aside:
    """Runs one function at a time beside the event loop.

    The thread is a daemon: the process ends without it.

    Args:
        what: what is read, for messages: `/sys/class/net`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._thread: Thread | None = None

    async def run(self, function: Callable[[], T], deadline: Deadline) -> T:
        """What the function returns or raises.

        Raises:
            Skip: the call of an earlier scrape has not ended yet.
            DeadlineExceeded: it takes too long, and is left alone.
        """
        if self._thread is not None and self._thread.is_alive():
            raise Skip(Reason.BUSY, f"{self._what}: the kernel has not answered an earlier scrape yet")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Callable[[], T]] = loop.create_future()

        def finish(result: Callable[[], T]) -> None:
            if not done.done():
                done.set_result(result)

        def work() -> None:
            result = _outcome(function)
            with suppress(RuntimeError):  # the loop may be gone
                loop.call_soon_threadsafe(finish, result)

        self._thread = Thread(target=work, name=self._what, daemon=True)
        self._thread.start()
        await asyncio.wait({done}, timeout=deadline.left())
        if not done.done():
            raise DeadlineExceeded(f"{self._what}: the kernel did not answer in time")
        self._thread = None  # it may take a moment to end, but waits for nothing more
        return done.result()()


def _outcome(function: Callable[[], T]) -> Callable[[], T]:
    """Calls it now; gives what returns or raises the same."""
    try:
        value = function()
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        return _raising(error)
    return lambda: value


def _raising(error: Exception) -> Callable[[], NoReturn]:
    def again() -> NoReturn:
        raise error

    return again
