"""What is costly to read is read once for all who want it in the same moments."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar, cast

from exporter.http.api.problems import ApiError

T = TypeVar("T")

MOST_KEPT = 16
"""Readings that are kept at a time; the oldest go."""
AT_ONCE = 4
"""Readings that run side by side; who comes when they all run waits for one of them."""


@dataclass(slots=True)
class _Reading:
    """A reading on its way, or its result."""

    task: asyncio.Task[Any]
    begun_at: float
    waiting: int = 0


class Shared:
    """Keeps readings for some seconds."""

    def __init__(self) -> None:
        self._readings: dict[Hashable, _Reading] = {}
        self._running = asyncio.Semaphore(AT_ONCE)

    async def get(
        self, key: Hashable, read: Callable[[], Awaitable[T]], seconds: float, patience: float
    ) -> T:
        """What was read under this key not longer than `seconds` ago, or what is read now.

        A reading that nobody waits for any more is given up. One that fails is not kept.

        Args:
            key: what tells readings apart.
            read: reads it; it has a deadline of its own.
            seconds: how long it holds.
            patience: how long this caller waits.

        Raises:
            ApiError: 503, it was not there in time.
            Exception: what `read` raised.
        """
        reading = self._readings.get(key)
        if reading is None or (reading.task.done() and monotonic() - reading.begun_at > seconds):
            reading = self._begin(key, read, seconds)
        reading.waiting += 1
        try:
            await asyncio.wait({reading.task}, timeout=patience)
        finally:
            reading.waiting -= 1
            if not reading.waiting and not reading.task.done():
                reading.task.cancel()
                self._forget(key, reading)
        if not reading.task.done() or reading.task.cancelled():
            raise ApiError(503, "too much is asked for at a time", {"Retry-After": "5"})
        return cast("T", reading.task.result())

    def _begin(self, key: Hashable, read: Callable[[], Awaitable[T]], seconds: float) -> _Reading:
        task = asyncio.create_task(self._read(read), name="read for the API")
        reading = self._readings[key] = _Reading(task, monotonic())
        task.add_done_callback(lambda _task: self._ended(key, reading, seconds))
        while len(self._readings) > MOST_KEPT:
            del self._readings[next(iter(self._readings))]
        return reading

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        async with self._running:
            return await read()

    def _ended(self, key: Hashable, reading: _Reading, seconds: float) -> None:
        """Keeps a result as long as it holds, and no longer: it may be large."""
        reading.begun_at = monotonic()
        if reading.task.cancelled() or reading.task.exception() is not None:
            self._forget(key, reading)
        else:
            asyncio.get_running_loop().call_later(seconds, self._forget, key, reading)

    def _forget(self, key: Hashable, reading: _Reading) -> None:
        if self._readings.get(key) is reading:
            del self._readings[key]

    def clear(self) -> None:
        """Forgets everything; who waits still gets it."""
        self._readings.clear()
