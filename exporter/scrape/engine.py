"""Runs the selected collectors side by side and answers in time with what is there.

The deadline never waits for what it gives up: the engine waits *for* the runs, not *on* them, and
leaves those that have not ended to be cancelled behind the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic, time
from typing import Any

from exporter.log import get_logger
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason
from exporter.model.snapshot import Snapshot, State
from exporter.model.table import Labels
from exporter.scrape.background import Background
from exporter.scrape.legacy import LegacyNames
from exporter.scrape.report import report
from exporter.scrape.run import Result, Runner

log = get_logger("exporter.scrape")

LATE_LOG_SECONDS = 60.0
"""The least time between two lines about collectors that were late."""
ENDING_SECONDS = 0.1
"""How long a scrape waits for runs that were just given up: as a rule they end in the same moment."""
HANDOVER_SECONDS = 0.05
"""How much sooner than the scrape a collector must be done, so that it can hand over what it has."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Bounds of the engine.

    Attributes:
        series_limit: samples that one collector may give to one scrape.
        legacy_names: releases of postgres_exporter whose names are shown as well.
    """

    series_limit: int = 1_000_000
    legacy_names: Collection[str] = ()


class Engine:
    """Collects snapshots from the collectors whose source is configured.

    Args:
        collectors: those that are on.
        sources: key -> source, for the sources that are configured.
        options: the bounds.
    """

    def __init__(
        self,
        collectors: Collection[Named],
        sources: Mapping[str, Any],
        options: EngineOptions | None = None,
    ) -> None:
        options = options or EngineOptions()
        self._legacy = LegacyNames(options.legacy_names)
        self._postgres_scrapes = 0
        self._late_logged = -inf
        self._runners: dict[str, Runner] = {}
        self._background: dict[str, Background] = {}
        for named in sorted(collectors, key=lambda n: n.spec.cost):
            source = sources.get(named.spec.source)
            if source is None:
                continue
            limit = min(options.series_limit, named.spec.series_limit or options.series_limit)
            runner = self._runners[named.name] = Runner(named, named.spec.build(source), limit)
            if named.spec.every_seconds is not None:
                self._background[named.name] = Background(runner, named.spec.every_seconds)

    @property
    def collectors(self) -> Sequence[Named]:
        """The collectors that run, cheap ones first."""
        return [runner.named for runner in self._runners.values()]

    def start(self, after: float = 0.0) -> None:
        """Begins the background runs, together, `after` so many seconds."""
        for background in self._background.values():
            background.start(after)

    async def warm(self, deadline: Deadline, selection: Collection[str] | None = None) -> None:
        """Runs the background collectors once, for a process that scrapes only once."""
        chosen = [b for name, b in self._background.items() if selection is None or name in selection]
        if chosen:
            runs = {asyncio.create_task(background.run_once(deadline)) for background in chosen}
            await asyncio.wait(runs, timeout=deadline.left())

    async def stop(self) -> None:
        """Ends the background runs."""
        await asyncio.gather(*(background.stop() for background in self._background.values()))

    async def idle(self, seconds: float) -> None:
        """Waits until the runs under way have ended, `seconds` at the most."""
        tasks = {task for runner in self._runners.values() if (task := runner.under_way)}
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def scrape(self, deadline: Deadline, selection: Collection[str] | None = None) -> Snapshot:
        """Collects from the collectors named in `selection`, or from all.

        Returns at the deadline at the latest. Cancelling it gives up what no other scrape wants.
        """
        runners = [r for name, r in self._runners.items() if selection is None or name in selection]
        results = await self._results(runners, deadline)
        ordered = sorted(results, key=lambda result: result.outcome.family)
        outcomes = [result.outcome for result in ordered]
        self._log_late([o.collector for o in outcomes if o.reason in (Reason.DEADLINE, Reason.BUSY)])
        dropped: dict[Labels, int] = {(r.named.name, r.named.family): r.dropped for r in runners}
        self._postgres_scrapes += any(o.family == "postgres" for o in outcomes)
        tables = self._legacy.applied(table for result in ordered for table in result.tables)
        reported = report(outcomes, dropped, self._postgres_scrapes)
        return Snapshot(time(), [*tables, *reported], outcomes)

    def _log_late(self, collectors: Sequence[str]) -> None:
        """One line for all, now and then: who scrapes with a tiny timeout must not fill the log."""
        if collectors and monotonic() - self._late_logged >= LATE_LOG_SECONDS:
            self._late_logged = monotonic()
            log.warning("scrape answered without collectors that were late", collectors=list(collectors))

    async def _results(self, runners: Sequence[Runner], deadline: Deadline) -> list[Result]:
        inner = deadline.earlier_by(min(HANDOVER_SECONDS, deadline.left() / 10))
        shown = [self._background[r.named.name] for r in runners if r.named.name in self._background]
        now = [runner for runner in runners if runner.named.name not in self._background]
        await _ended(now, inner)
        joined = [(runner, runner.join(inner)) for runner in now]
        try:
            tasks = {task for _, task in joined if task is not None}
            if tasks:
                await asyncio.wait(tasks, timeout=deadline.left())
            results = [runner.result_of(task) for runner, task in joined]
            up = {r.named.spec.source for (r, _), result in zip(joined, results, strict=True) if _ok(result)}
            for background in shown:
                await background.settle(inner, target_up=background.runner.named.spec.source in up)
            return [background.result() for background in shown] + results
        finally:
            for runner, task in joined:
                if task is not None:
                    runner.leave()


def _ok(result: Result) -> bool:
    return result.outcome.state is State.OK


async def _ended(runners: Sequence[Runner], deadline: Deadline) -> None:
    ending = {task for runner in runners if (task := runner.ending)}
    if ending:
        await asyncio.wait(ending, timeout=min(ENDING_SECONDS, deadline.left() / 10))
