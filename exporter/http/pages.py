"""Makes pages, one at a time for each view and selection, shared by all who ask meanwhile.

Encoding and compressing a large page runs in a worker thread, so that 25 MB hold up neither another
scrape's deadline nor the health checks; a small one is done sooner than handed over.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from exporter.expose.text import TextEncoder
from exporter.http.own import OwnMetrics
from exporter.http.served import Selection, Served, View
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Snapshot

GZIP_LEVEL = 1
"""A third of level 6's time for 8 % more bytes."""
SMALL_SERIES = 10_000
"""A page of up to this many samples is encoded on the event loop: that takes some milliseconds."""
SELECTIONS_KEPT = 100
"""Anybody can ask for any combination of names: what is remembered of them is bounded."""
JOIN_SECONDS = 0.05
"""A scrape whose deadline is earlier than the page's by more than this makes its own."""

Shown = tuple[View, Selection]
Key = tuple[Shown, bool]


@dataclass(slots=True)
class _Making:
    """A page on its way, and how many requests wait for it."""

    task: asyncio.Task[list[bytes]]
    deadline: Deadline
    waiting: int = 0


class Pages:
    """Makes pages from snapshots.

    Args:
        own: the process's own metrics, the end of each metrics page.

    Attributes:
        scraped_at: Unix time of the newest metrics page; None before the first one.
    """

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own
        self._encoder = TextEncoder()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode")
        self._making: dict[Key, _Making] = {}
        self._encoder_free = threading.Lock()
        self._encode_seconds: dict[Shown, float] = {}
        self.scraped_at: float | None = None

    async def page(self, served: Served, deadline: Deadline, shown: Shown, *, gzip: bool) -> list[bytes]:
        """The page as parts. Cancelling it gives the collection up if nobody else wants it.

        Args:
            served: what is served now.
            deadline: when the page must be there.
            shown: what it is about, and the selected collectors.
            gzip: whether it is compressed.
        """
        key = (shown, gzip)
        making = self._making.get(key)
        if making is None or making.task.done() or making.deadline.at > deadline.at + JOIN_SECONDS:
            task = asyncio.create_task(self._make(served, deadline, shown, gzip=gzip), name="page")
            making = self._making[key] = _Making(task, deadline)
        making.waiting += 1
        try:
            return await asyncio.shield(making.task)
        finally:
            making.waiting -= 1
            if not making.waiting:
                making.task.cancel()
                if self._making.get(key) is making:
                    del self._making[key]

    async def _make(self, served: Served, deadline: Deadline, shown: Shown, *, gzip: bool) -> list[bytes]:
        view, selection = shown
        collect_until = deadline.earlier_by(self._encode_seconds.get(shown, 0.0))
        snapshot = await served.scrape(view, collect_until, selection)
        if view is None:
            self.scraped_at = snapshot.taken_at
        small = sum(table.series for table in snapshot.tables) <= SMALL_SERIES
        if small and self._encoder_free.acquire(blocking=False):
            try:
                return self._encode(snapshot, shown, gzip)
            finally:
                self._encoder_free.release()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._encode_in_turn, snapshot, shown, gzip)

    def _encode_in_turn(self, snapshot: Snapshot, shown: Shown, gzip: bool) -> list[bytes]:
        with self._encoder_free:
            return self._encode(snapshot, shown, gzip)

    def _encode(self, snapshot: Snapshot, shown: Shown, gzip: bool) -> list[bytes]:
        started = monotonic()
        view, _ = shown
        merged = self._encoder.duplicates
        parts = self._encoder.encode(snapshot.tables)
        self._own.duplicates.inc(self._encoder.duplicates - merged)
        if view is None:
            parts[-1:] = [b"".join((*parts[-1:], self._own.text()))]
        if gzip:
            parts = compressed(parts)
        if len(self._encode_seconds) > SELECTIONS_KEPT:
            self._encode_seconds.clear()
        # The next page of this selection leaves itself that much time, and half as much again.
        self._encode_seconds[shown] = 1.5 * (monotonic() - started)
        return parts

    def close(self) -> None:
        """Ends the worker thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def compressed(parts: Sequence[bytes]) -> list[bytes]:
    """The parts as one gzip stream."""
    gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = [gzip.compress(part) for part in parts]
    packed.append(gzip.flush())
    return [part for part in packed if part]
