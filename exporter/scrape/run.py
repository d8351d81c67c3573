"""One collector at work: one run at a time, shared by all scrapes that want it.

A scrape joins the run that is under way or starts one, waits as long as it can, and leaves. When the
last one leaves before the end (deadline, or a client that hung up) the run is cancelled; until it has
really ended the collector is busy, and later scrapes are told so at once instead of queueing up
behind it. So whatever hangs, there is at most one task for each collector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time

from exporter.log import get_logger
from exporter.model.collector import Collect, Collected, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, SourceError
from exporter.model.snapshot import Outcome, State
from exporter.model.table import Column, Table

log = get_logger("exporter.scrape")

OTHERS_LINES = frozenset({Reason.UNAVAILABLE, Reason.DEADLINE, Reason.BUSY})
"""What a collector does not log: a target that is down is its source's line, lateness the engine's."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave: its tables, and what became of it."""

    tables: Sequence[Table]
    outcome: Outcome


class Runner:
    """Runs one collector, and remembers what it has to between runs.

    Args:
        named: the collector.
        collect: its function, built from its source.
        series_limit: samples that a run may give; what is over it is dropped and counted.

    Attributes:
        dropped: samples dropped so far.
    """

    def __init__(self, named: Named, collect: Collect, series_limit: int) -> None:
        self.named = named
        self._collect = collect
        self._series_limit = series_limit
        self._task: asyncio.Task[Result] | None = None
        self._started = 0.0
        self._waiting = 0
        self._last_success: float | None = None
        self._last_logged: tuple[State, Reason | None] = (State.OK, None)
        self.dropped = 0

    @property
    def under_way(self) -> asyncio.Task[Result] | None:
        """The run that some scrape waits for."""
        return self._task if self._waiting else None

    @property
    def ending(self) -> asyncio.Task[Result] | None:
        """The run that was given up and has not ended yet."""
        given_up = self._task is not None and not self._waiting and not self._task.done()
        return self._task if given_up else None

    def join(self, deadline: Deadline) -> asyncio.Task[Result] | None:
        """The run under way, or a new one; None while one that was given up has not ended.

        Each `join` that returned a task is followed by one `leave`.
        """
        if self._task is None or (self._task.done() and not self._waiting):
            self._task = asyncio.create_task(self._run(deadline), name=f"collect {self.named.name}")
            self._waiting = 0
        elif not self._waiting:
            return None
        self._waiting += 1
        return self._task

    def leave(self) -> None:
        """Ends one scrape's interest; the last one to leave cancels what has not ended."""
        self._waiting -= 1
        if self._task is None or self._waiting:
            return
        if self._task.done():
            self._task = None
        else:
            self._task.cancel()

    def result_of(self, task: asyncio.Task[Result] | None) -> Result:
        """The result as far as it is known now, the fallback tables where nothing came."""
        if task is None:
            return self._missing(Reason.BUSY, "the run of an earlier scrape has not ended yet")
        if task.done() and not task.cancelled():
            return task.result()
        return self._missing(Reason.DEADLINE, "not ready when the scrape had to answer")

    def _missing(self, reason: Reason, text: str) -> Result:
        outcome = self._outcome(State.LATE, reason, text)
        self._log(outcome)
        return Result(self.named.spec.fallback, outcome)

    async def _run(self, deadline: Deadline) -> Result:
        """Collects once. The only place where a collector's failure is caught."""
        tables: Sequence[Table] = ()
        to_log = False
        self._started = monotonic()
        try:
            tables = await self._collect(deadline)
            outcome = self._outcome(State.OK)
            if isinstance(tables, Collected):
                outcome = outcome._replace(age=tables.age)
        except Skip as skip:
            outcome = self._outcome(State.SKIPPED, skip.reason, str(skip))
        except Partial as some:
            tables, to_log = some.tables, not some.logged
            outcome = self._failed(some.error, partial=True)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not hide the others
            outcome = self._failed(error)
        self._log(outcome, always=to_log)
        if not tables and outcome.state is not State.OK:
            tables = self.named.spec.fallback
        return Result(self._within_limit(tables), outcome)

    def _failed(self, error: BaseException, *, partial: bool = False) -> Outcome:
        if partial and isinstance(error, Refused) and error.reason is Reason.UNSUPPORTED:
            # All came that this target has: that is no failure, and still worth saying.
            return self._outcome(State.OK, error.reason, str(error))
        if isinstance(error, SourceError):
            return self._outcome(State.FAILED, error.reason, str(error))
        return self._outcome(State.FAILED, Reason.ERROR, f"{type(error).__name__}: {error}")

    def _outcome(self, state: State, reason: Reason | None = None, text: str = "") -> Outcome:
        if state is State.OK:
            self._last_success = time()
        seconds = monotonic() - self._started
        name, family = self.named.name, self.named.family
        return Outcome(name, family, state, seconds, reason, text, self._last_success)

    def _log(self, outcome: Outcome, *, always: bool = False) -> None:
        """One line per change of state, unless somebody else has it to say for all collectors at once."""
        now = (outcome.state, outcome.reason)
        before, self._last_logged = self._last_logged, now
        if now == before or (not always and not OTHERS_LINES.isdisjoint((outcome.reason, before[1]))):
            return
        fields = {"collector": outcome.collector, "reason": outcome.reason, "text": outcome.text}
        if outcome.state is State.OK and outcome.reason is not None:
            log.info("collector gives what its target has", **fields)
        elif outcome.state is State.OK:
            log.info("collector works again", collector=outcome.collector)
        elif outcome.state is State.SKIPPED:
            log.info("collector skipped", **fields)
        else:
            log.warning("collector gave no full result", **fields)

    def _within_limit(self, tables: Sequence[Table]) -> Sequence[Table]:
        left = self._series_limit
        if sum(table.series for table in tables) <= left:
            return tables
        kept: list[Table] = []
        for table in tables:
            rows = min(len(table.rows), left // max(1, len(table.columns)))
            left -= rows * len(table.columns)
            self.dropped += (len(table.rows) - rows) * len(table.columns)
            kept.append(_first_rows(table, rows))
        return kept


def _first_rows(table: Table, count: int) -> Table:
    columns = [Column(c.metric, c.values[:count], c.suffix) for c in table.columns]
    return Table(table.labels, table.rows[:count], columns, table.constant)
