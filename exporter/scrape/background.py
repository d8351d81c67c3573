"""Costly collectors: run with their own period, off the scrape path, and say how old they are."""

from __future__ import annotations

import asyncio
import math
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
SHARE = 0.05
"""How much of the time a collector may run: one that takes long runs less often than its period says."""

WAIT_SECONDS = 0.5
"""How long a scrape waits for a result that can be expected any moment: the first one after the start,
and the first one after an outage. So the first page is whole, and the one after an outage as well."""


class Background:
    """Runs one collector every `every` seconds, and holds its newest result.

    Collectors that start together and have the same period run together each time, so that those that
    read the same databases share sessions. Exporters start at different moments, and so do the targets of
    one exporter, which spreads their load.
    """

    def __init__(self, runner: Runner, every: float) -> None:
        self.runner = runner
        self._every = every
        self._period = every
        self._tables: Sequence[Table] = ()
        self._outcome: Outcome | None = None
        self._collected_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()

    def start(self, after: float = 0.0) -> None:
        """Begins; the first run is `after` so many seconds."""
        if self._task is None:
            self._started_at = monotonic() + after
            self._task = asyncio.create_task(self._loop(), name=f"background {self.runner.named.name}")

    async def stop(self) -> None:
        """Ends the loop and the run that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)
            self._task = None

    async def settle(self, deadline: Deadline, *, target_up: bool) -> None:
        """Waits for a result that can be expected any moment, and for nothing else.

        Args:
            deadline: of the scrape.
            target_up: whether the target has answered another collector of this scrape.
        """
        limit = deadline
        if self._outcome is None and self._started_at > monotonic():
            return
        if self._outcome is None:
            limit = Deadline(min(deadline.at, self._started_at + WAIT_SECONDS))
        elif target_up and self._outcome.reason is Reason.UNAVAILABLE:
            limit = deadline.at_most(WAIT_SECONDS)
            self._wake.set()
        else:
            return
        if self._task is not None and limit.left():
            self._ended.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(limit.left()):
                    await self._ended.wait()

    def result(self) -> Result:
        """The newest tables with their age; the fallback while there are none."""
        age = None if self._collected_at is None else monotonic() - self._collected_at
        if self._outcome is None:
            named = self.runner.named
            text = "the first run has not ended yet"
            outcome = Outcome(named.name, named.family, State.SKIPPED, 0.0, Reason.NO_DATA, text)
            return Result(named.spec.fallback, outcome)
        return Result(self._tables, self._outcome._replace(age=age, period=self._period))

    async def _loop(self) -> None:
        await asyncio.sleep(self._started_at - monotonic())
        while True:
            began = monotonic()
            await self.run_once(Deadline.after(min(self._every, RUN_SECONDS)))
            failed = self._outcome is None or self._outcome.state in (State.FAILED, State.LATE)
            pause = self._pause(monotonic() - began)
            if failed:
                # The jitter keeps many exporters apart that lost the same server.
                pause = min(pause, RETRY_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _pause(self, took: float) -> float:
        """Seconds until the next run: the next turn of the period, and later after a long run."""
        self._period = max(self._every, math.ceil(took / SHARE / self._every) * self._every)
        since_start = monotonic() - self._started_at
        turns = math.floor((since_start - took) / self._every + 0.5) + round(self._period / self._every)
        return max(0.1 * self._every, turns * self._every - since_start)

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
        if result.outcome.state is State.OK:
            self._collected_at = monotonic()
        self._ended.set()
