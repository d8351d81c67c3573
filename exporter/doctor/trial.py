"""Runs each collector once, by itself, so that what it gave can be told from what others gave."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.snapshot import Outcome
from exporter.model.table import Table
from exporter.scrape.engine import Engine
from exporter.scrape.report import METRICS as REPORTED


class Trial(NamedTuple):
    """One run of one collector.

    Attributes:
        named: the collector.
        outcome: how the run ended.
        tables: what it gave.
    """

    named: Named
    outcome: Outcome
    tables: Sequence[Table]

    @property
    def series(self) -> int:
        """How many samples it gave."""
        columns = (column for table in self.tables for column in table.columns)
        return sum(value is not None for column in columns for value in column.values)


async def try_each(engine: Engine, deadline: Deadline, names: Collection[str] | None = None) -> list[Trial]:
    """Runs the engine's collectors side by side, each in a scrape of its own; background ones too.

    Args:
        engine: the engine; it need not be started.
        deadline: when all results must be there.
        names: the collectors to run; None for all.
    """
    chosen = [named for named in engine.collectors if names is None or named.name in names]
    return await asyncio.gather(*(_try(engine, named, deadline) for named in chosen))


async def _try(engine: Engine, named: Named, deadline: Deadline) -> Trial:
    await engine.warm(deadline, {named.name})
    snapshot = await engine.scrape(deadline, {named.name})
    own = [table for table in snapshot.tables if not _is_report(table)]
    return Trial(named, snapshot.outcomes[0], own)


def _is_report(table: Table) -> bool:
    return any(column.metric in REPORTED for column in table.columns)
