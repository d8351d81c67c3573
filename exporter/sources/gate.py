"""The way to a target: one attempt at a time, shared by all who wait, and a short answer while it hangs.

A target that does not answer must cost one stuck attempt, not one for each scrape. So everybody who
needs the connection enters through the target's `Gate`:

- open: the connection is there, and is handed out at once;
- closed: whoever comes first starts an attempt, the others wait for the same one. Attempts that fail
  by themselves (refused, wrong password) are kept apart by a growing pause with jitter; who comes
  during a pause waits for the attempt after it rather than fail;
- hanging: an attempt, or the use of a connection, took longer than somebody could wait. From then on
  a newcomer waits a short grace, and no longer, for the one outstanding attempt. This ends when
  an attempt succeeds, or fails by itself: then the target is at least no longer silent.

The gate knows nothing of what it opens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import random
from time import monotonic
from typing import Generic, TypeVar

from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError, Unavailable

T = TypeVar("T")

GRACE_SECONDS = 0.2
ATTEMPT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class Gate(Generic[T]):
    """Opens one thing for many, and keeps it until it is reported as lost.

    Args:
        attempt: opens it, proves that it answers, and cleans up after itself when cancelled. What it
            raises should be a `SourceError` whose message names the target.
        name: names the target in the gate's own messages: "redis at localhost:6379".
        attempt_seconds: an attempt that takes longer is cancelled, and the next caller starts anew.
        grace_seconds: how long a caller waits while the target hangs.
        clock: seconds, monotonic. Here for the tests, as are the next two.
        sleep: waits that many seconds.
        jitter: a number from 0 to 1.
    """

    def __init__(
        self,
        attempt: Callable[[], Awaitable[T]],
        name: str,
        *,
        attempt_seconds: float = ATTEMPT_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._attempt = attempt
        self._name = name
        self._attempt_seconds = attempt_seconds
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._value: T | None = None
        self._task: asyncio.Task[T] | None = None
        self._error: SourceError | None = None
        self._hanging = False
        self._failures = 0
        self._not_before = 0.0
        self._pausing = False
        self._shut = False

    @property
    def hanging(self) -> bool:
        """Whether callers now get the short answer."""
        return self._hanging

    @property
    def outstanding(self) -> bool:
        """Whether an attempt is under way: never more than one."""
        return self._task is not None

    async def enter(self, deadline: Deadline) -> T:
        """What the gate opens, from the last attempt or from one that this call waits for.

        A caller that gives up or is cancelled leaves the attempt to the others.

        Raises:
            SourceError: what the attempt raised.
            Unavailable: it did not end in time, or the gate is shut.
        """
        if self._value is not None:
            return self._value
        if self._shut:
            raise self._closed()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._open(), name=f"open {self._name}")
            self._task.add_done_callback(self._ended)
        task, came = self._task, self._clock()
        limit = deadline.at_most(self._grace_seconds) if self._hanging else deadline
        await asyncio.wait({task}, timeout=limit.left())
        if task.done():
            if task.cancelled():
                raise self._closed()
            return task.result()
        raise self._given_up(self._clock() - came)

    def lost(self, value: T, hanging: SourceError | None = None) -> bool:
        """Reports that `value` is of no use any more; the next caller starts an attempt.

        Args:
            value: what `enter` gave. An older one than the gate holds by now is ignored.
            hanging: the error if it stopped answering, as opposed to ended. It is what callers are
                told until an attempt has ended.

        Returns:
            Whether the gate held it until now.
        """
        if value is not self._value:
            return False
        self._value = None
        if hanging is not None:
            self._hanging = True
            self._error = hanging
        return True

    def close(self) -> T | None:
        """Ends the outstanding attempt and lets nobody in any more.

        Returns:
            What was open, for its owner to close.
        """
        self._shut = True
        if self._task is not None:
            self._task.cancel()
        value, self._value = self._value, None
        return value

    def _closed(self) -> Unavailable:
        return Unavailable(f"{self._name}: closed")

    def _given_up(self, waited: float) -> SourceError:
        if self._error is not None and (self._hanging or self._pausing):
            return self._error.with_traceback(None)
        error = Unavailable(f"{self._name}: no connection after {waited:.1f} s")
        # A caller in a hurry says nothing about the target.
        if waited >= self._grace_seconds:
            self._hanging = True
            self._error = error
        return error

    async def _open(self) -> T:
        await self._pause()
        try:
            async with asyncio.timeout(self._attempt_seconds) as limit:
                value = await self._attempt()
        except SourceError as error:
            self._failed(error)
            raise
        except OSError as error:  # which TimeoutError is, ours as well as the system's
            if limit.expired():
                raise self._timed_out() from error
            failed = Unavailable(f"{self._name}: {error}")
            self._failed(failed)
            raise failed from error
        self._value = value
        self._error, self._hanging, self._failures = None, False, 0
        return value

    async def _pause(self) -> None:
        if (pause := self._not_before - self._clock()) > 0:
            self._pausing = True
            try:
                await self._sleep(pause)
            finally:
                self._pausing = False

    def _ended(self, task: asyncio.Task[T]) -> None:
        if self._task is task:
            self._task = None
        # All who waited may have left: the error is then for the next attempt to find again.
        if not task.cancelled():
            task.exception()

    def _timed_out(self) -> SourceError:
        self._hanging = True
        self._error = Unavailable(f"{self._name}: no answer within {self._attempt_seconds:g} s")
        return self._error

    def _failed(self, error: SourceError) -> None:
        self._error, self._hanging = error, False
        pause = min(FIRST_PAUSE_SECONDS * 2.0**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures = min(self._failures + 1, 10)
        self._not_before = self._clock() + pause * (0.5 + 0.5 * self._jitter())
