"""How many targets are collected side by side: who has begun ends soon, the others wait, and not for long.

Without a bound an overloaded process begins everything and ends nothing in time: all scrapes are late, their
sessions are cut off and opened anew, which costs more than the scrapes. With it, it does what it can, and
refuses the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.model.deadline import Deadline

SIDE_BY_SIDE = 32
"""Enough for a few dozen targets that hang, each until its deadline: the second time they take no time."""
SHARE = 0.4
"""How much of its time a scrape waits for its turn: the rest has to do for the work."""


class NoTurnError(Exception):
    """There were too many others."""


class Turns:
    """Lets so many scrapes run at a time.

    Args:
        most: how many.
    """

    def __init__(self, most: int = SIDE_BY_SIDE) -> None:
        self._most = most
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def one(self, deadline: Deadline) -> AsyncIterator[None]:
        """A turn, for as long as the block runs.

        Raises:
            NoTurnError: none was free in time.
        """
        seconds = deadline.left() * SHARE
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise NoTurnError(
                f"overloaded: {self._most} targets were still busy after {seconds:.1f} s"
            ) from None
        try:
            yield
        finally:
            self._free.release()
