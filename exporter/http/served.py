"""What the routes show: the top level and the named targets, each collected by an engine of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any

from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Snapshot
from exporter.scrape.labels import with_constant
from exporter.scrape.turns import Turns

Selection = frozenset[str] | None
"""Names of collectors; None for all that run."""
View = str | None
"""What a page is about: one target by name, or None for the metrics page."""

TOP = "default"
"""The name of the top level for /probe, unless a target has it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The top level, or one named target.

    Attributes:
        scrape: collects from the collectors named, or from all; returns at the deadline at the latest.
        running: the collectors that are on and whose source is configured.
        addresses: (family, address), for the landing page.
        timeout_seconds: the budget of a request that names none.
        offset_seconds: how much sooner than the scraper's timeout the answer is there.
        limit_seconds: what it may take of any request at most; None for all of it.
        on_metrics: whether the metrics page shows it.
        sources: key -> source, for those that are configured: the API asks them for facts.
        labels: the constant labels that all of its servers' series have.
    """

    scrape: Callable[[Deadline, Selection], Awaitable[Snapshot]]
    running: Sequence[Named]
    addresses: Sequence[tuple[str, str]]
    timeout_seconds: float
    offset_seconds: float
    limit_seconds: float | None = None
    on_metrics: bool = True
    sources: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    async def scrape_within(self, deadline: Deadline, selection: Selection) -> Snapshot:
        """Collects until the deadline, or until its own limit if that comes first."""
        limit = deadline if self.limit_seconds is None else deadline.at_most(self.limit_seconds)
        return await self.scrape(limit, selection)


@dataclass(frozen=True, slots=True)
class Served:
    """All that is shown; a reload puts a new one in its place.

    Attributes:
        top: what is configured at the top level.
        targets: the named targets.
        known: all collectors of the installation, those that are off too.
        label: the label that has the target's name on the metrics page.
        turns: of those that are scraped one by one.
    """

    top: Watched
    targets: Mapping[str, Watched]
    known: Collection[Named]
    label: str
    turns: Turns = field(default_factory=Turns)

    def by_name(self) -> dict[str, Watched]:
        """What can be probed. The top level only if something is configured there."""
        top = {TOP: self.top} if self.top.running else {}
        return {**top, **self.targets}

    def running(self, view: View) -> list[Named]:
        """The collectors that may be on a page."""
        return [named for _, watched in self._on(view) for named in watched.running]

    async def scrape(self, view: View, deadline: Deadline, selection: Selection) -> Snapshot:
        """What a page shows, collected side by side; on the metrics page each series has its target's name.

        Raises:
            KeyError: the view is no target, or none any more.
            NoTurnError: too many other targets are being scraped.
        """
        shown = self._on(view)
        if view is not None:
            async with self.turns.one(deadline):
                return await shown[0][1].scrape_within(deadline, selection)
        snapshots = await asyncio.gather(*(w.scrape_within(deadline, selection) for _, w in shown))
        if len(snapshots) == 1:
            return snapshots[0]
        tables = [
            table
            for (name, _), snapshot in zip(shown, snapshots, strict=True)
            for table in (with_constant(snapshot.tables, ((self.label, name),)) if name else snapshot.tables)
        ]
        return Snapshot(time(), tables, [o for snapshot in snapshots for o in snapshot.outcomes])

    async def scrape_each(self, deadline: Deadline) -> list[tuple[str, Watched, Snapshot]]:
        """Each by itself, with its name; that of the top level is empty."""
        shown = [("", self.top), *self.targets.items()]
        snapshots = await asyncio.gather(*(w.scrape_within(deadline, None) for _, w in shown))
        return [(name, w, snapshot) for (name, w), snapshot in zip(shown, snapshots, strict=True)]

    def _on(self, view: View) -> list[tuple[str, Watched]]:
        """What a page shows, each with its name there: none for the top level, and for what is probed."""
        if view is not None:
            return [("", self.by_name()[view])]
        return [("", self.top), *((name, w) for name, w in self.targets.items() if w.on_metrics)]
