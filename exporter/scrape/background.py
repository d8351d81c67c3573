"""Costly collectors: run with their own period, off the scrape path, and say how old they are."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason
from exporter.model.snapshot import Outcome, State
from exporter.model.table import Table
from exporter.scrape.run import Result, Runner

RUN_SECONDS = 60.0
"""The longest that one run may take."""
RETRY_SECONDS = 10.0
"""How soon a failed run is tried again, where the period is longer."""


FIRST_SECONDS = 0.5
"""How long after the start a scrape waits for the first result, so that the first page is whole."""


class Background:
    """Runs one collector every `every` seconds, and holds its newest result."""

    def __init__(self, runner: Runner, every: float) -> None:
        self.runner = runner
        self._every = every
        self._tables: Sequence[Table] = ()
        self._outcome: Outcome | None = None
        self._collected_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()
        self._started_at = 0.0

    def start(self) -> None:
        """Begins; the first run is at once."""
        if self._task is None:
            self._started_at = monotonic()
            self._task = asyncio.create_task(self._loop(), name=f"background {self.runner.named.name}")

    async def stop(self) -> None:
        """Ends the loop and the run that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)
            self._task = None

    async def first(self, deadline: Deadline) -> None:
        """Waits for the first result, if it can be expected any moment."""
        left = min(deadline.left(), self._started_at + FIRST_SECONDS - monotonic())
        if self._task is not None and left > 0 and not self._first.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._first.wait()

    def result(self) -> Result:
        """The newest tables with their age; the fallback while there are none."""
        age = None if self._collected_at is None else monotonic() - self._collected_at
        if self._outcome is None:
            named = self.runner.named
            text = "the first run has not ended yet"
            outcome = Outcome(named.name, named.family, State.SKIPPED, 0.0, Reason.NO_DATA, text)
            return Result(named.spec.fallback, outcome)
        return Result(self._tables, self._outcome._replace(age=age))

    async def _loop(self) -> None:
        while True:
            await self.run_once(Deadline.after(min(self._every, RUN_SECONDS)))
            failed = self._outcome is None or self._outcome.state in (State.FAILED, State.LATE)
            pause = min(self._every, RETRY_SECONDS) if failed else self._every
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311  spreads load, hides nothing

    async def run_once(self, deadline: Deadline) -> None:
        """One run, whose result `result` shows from then on."""
        task = self.runner.join(deadline)
        try:
            if task is not None:
                await asyncio.wait({task}, timeout=deadline.left())
            result = self.runner.result_of(task)
        finally:
            if task is not None:
                self.runner.leave()
        self._outcome = result.outcome
        if result.outcome.state is State.OK or not self._tables:
            self._tables = result.tables
            self._collected_at = monotonic()
        self._first.set()
