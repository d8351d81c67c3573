"""Where the slow queries of all sources go: one for the process, whatever is reloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.slow_query import SlowQuery
from exporter.model.table import Table, by_row, single
from exporter.slow_log.callbacks import Callback, find_callbacks
from exporter.slow_log.worker import Worker

ENDING_SECONDS = 2.0
"""How long the end of the process waits for lines and callbacks."""

UP = gauge("exporter_slow_query_log_up", "1 if slow_queries.log could be written the last time, else 0.")
LINES = counter("exporter_slow_query_log_lines_total", "Lines written to slow_queries.log.")
DROPPED = counter(
    "exporter_slow_query_log_dropped_total",
    "Slow queries that are missing in slow_queries.log: too many waited (busy), more than 20 lines a second"
    " (rate), or it could not be written (error).",
    ("reason",),
)
CALLS = counter(
    "exporter_slow_query_callback_calls_total",
    "Calls of the callbacks for slow queries of other packages: ok or failed.",
    ("callback", "result"),
)
UNTOLD = counter(
    "exporter_slow_query_callback_dropped_total",
    "Slow queries that a callback was not told of, because it is too slow or hangs.",
    ("callback",),
)
METRICS = (UP, LINES, DROPPED, CALLS, UNTOLD)


class SlowLog:
    """The log and the callbacks; without either of them it does nothing, and has no thread.

    Args:
        callbacks: None for those of the installation.
    """

    def __init__(self, callbacks: Sequence[Callback] | None = None) -> None:
        self._callbacks = callbacks
        self._worker: Worker | None = None

    def configure(self, folder: str | None) -> None:
        """Has the log written in this folder from now on; None for nowhere."""
        if self._worker is None:
            callbacks = find_callbacks() if self._callbacks is None else self._callbacks
            self._worker = Worker(callbacks)
        self._worker.configure(None if folder is None else Path(folder))

    def take(self, query: SlowQuery) -> None:
        """Has it written, and the callbacks told; never waits, never raises."""
        if self._worker is not None:
            self._worker.take(query)

    def tables(self) -> list[Table]:
        """What became of them so far; nothing where there is neither log nor callback."""
        return [] if self._worker is None or not self._worker.wanted else tables_of(self._worker)

    async def close(self) -> None:
        """Writes what waits, and ends the threads; gives up after two seconds."""
        if self._worker is not None:
            await asyncio.to_thread(self._worker.end, Deadline.after(ENDING_SECONDS))


def tables_of(worker: Worker) -> list[Table]:
    """What became of slow queries in the log and with the callbacks."""
    return [*_of_log(worker), *_of_callbacks(worker.callbacks)]


def _of_log(worker: Worker) -> list[Table]:
    file = worker.file
    if file.up is None:
        return []
    reasons = {"busy": worker.dropped, "rate": file.held_back, "error": file.lost}
    rows = [((reason,), (count,)) for reason, count in reasons.items()]
    return [single({UP: int(file.up), LINES: file.lines}), by_row(("reason",), (DROPPED,), rows)]


def _of_callbacks(callbacks: Sequence[Callback]) -> list[Table]:
    calls = [((c.name, result), (getattr(c, result),)) for c in callbacks for result in ("ok", "failed")]
    untold = [((c.name,), (c.dropped,)) for c in callbacks]
    return [by_row(CALLS.labels, (CALLS,), calls), by_row(UNTOLD.labels, (UNTOLD,), untold)] if calls else []
