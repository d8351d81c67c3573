"""The thread that writes the log and hands slow queries to callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread
from time import monotonic

from exporter.log import get_logger
from exporter.model.deadline import Deadline
from exporter.model.slow_query import SlowQuery
from exporter.slow_log.callbacks import Callback
from exporter.slow_log.file import LogFile
from exporter.slow_log.minutes import Minutes

log = get_logger("exporter.slow_log")

WAITING = 1_000
"""Slow queries that wait for the thread at most."""
RETRY_SECONDS = 10.0
"""How often a log that can't be written is tried, whether or not there is anything to write."""


class _Wake:
    """Has the thread look whether there is anything to do but to report a query."""


Item = SlowQuery | _Wake | None
"""None ends the thread."""


class Worker:
    """Takes slow queries from the event loop, and does with them what may take time.

    Args:
        callbacks: whom to tell.
        file: the log.

    Attributes:
        file: as given.
        callbacks: as given.
        dropped: slow queries that came while too many waited.
    """

    def __init__(self, callbacks: Sequence[Callback] = (), file: LogFile | None = None) -> None:
        self.file = file or LogFile()
        self.callbacks = callbacks
        self.dropped = 0
        self._queue: Queue[Item] = Queue(WAITING)
        self._minutes = Minutes()
        self._folder: Path | None = None
        self._thread: Thread | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is a log to write or anybody to tell."""
        return self._folder is not None or bool(self.callbacks)

    def configure(self, folder: Path | None) -> None:
        """Has the log written in this folder from now on; None for nowhere."""
        self._folder = folder
        if self._thread is None and self.wanted:
            self._thread = Thread(target=self._run, name="slow query log", daemon=True)
            self._thread.start()
        with suppress(Full):  # then it is awake
            self._queue.put_nowait(_Wake())

    def take(self, query: SlowQuery) -> None:
        """Has it written and told; never waits."""
        if not self.wanted:
            return
        try:
            self._queue.put_nowait(query)
        except Full:
            self.dropped += 1

    def end(self, deadline: Deadline) -> None:
        """Ends the thread, then the callbacks', after what waits; gives up at the deadline. It blocks."""
        if self._thread is None:
            return
        with suppress(Full):
            self._queue.put(None, timeout=deadline.left())
            self._thread.join(deadline.left())
        for callback in self.callbacks:
            callback.end(deadline.left())

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._do(item)
            except Exception as error:  # noqa: BLE001  the next query may be all right
                with suppress(OSError):
                    log.error("slow query not reported", error=type(error).__name__)  # noqa: TRY400
        for query in self._minutes.all():
            self._report(query)
        self.file.close()

    def _next(self) -> Item:
        now = monotonic()
        due = self._minutes.next_at()
        pauses = [] if due is None else [max(0.0, due - now)]
        if self.file.up is False:
            pauses.append(RETRY_SECONDS)
        try:
            return self._queue.get(timeout=min(pauses, default=None))
        except Empty:
            return _Wake()

    def _do(self, item: SlowQuery | _Wake) -> None:
        if self._folder != self.file.folder:
            self.file.move(self._folder)
        now = monotonic()
        if isinstance(item, SlowQuery):
            for query in self._minutes.take(item, now):
                self._report(query)
            return
        if self.file.up is False:
            self.file.check()
        for query in self._minutes.due(now):
            self._report(query)

    def _report(self, query: SlowQuery) -> None:
        for callback in self.callbacks:
            callback.tell(query)
        self.file.write(query)
