"""How unusual the mean time of each top statement is for this time of day.

Of the 100 statements that take most time, each five minutes: 0 for what is usual, 1 at the threshold. The
baseline is the same time of day of the last seven days; the last day, as long as there are less than three.
Kept in memory, and in a file if `history_file` names one, so that a restart does not begin anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.collectors.postgres._statements_rings import Rings
from exporter.collectors.postgres._statements_rings_file import NotOurs, load, save
from exporter.collectors.postgres._statements_source import EVERY_SECONDS, statements_of, usual_query
from exporter.log import get_logger
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.table import Table, by_row, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

log = get_logger("exporter.collectors.postgres")

LABELS = ("datname", "user", "queryid")

SCORE = gauge(
    "pg_statements_anomaly_score",
    "How unusual the mean time of a call was in the last complete five minutes, for this time of day: 0 for "
    "usual or less, 1 at the threshold. Of the 100 busiest statements, where they ran often enough.",
    LABELS,
)
WARMING_UP = gauge(
    "pg_statements_anomaly_warming_up",
    "Statements of the 100 busiest that have not run long enough to say what is usual: twelve hours.",
)


class Kept:
    """Rings that outlive the process, in a file if there is one.

    Args:
        rings: of one server.
        path: the file; None for none.
    """

    def __init__(self, rings: Rings, path: Path | None) -> None:
        self._rings = rings
        self._path = path
        self._loaded = False
        self._saved: int | None = None

    async def load(self) -> None:
        """Reads the file, once; without it, or with another one, all begins anew."""
        if self._loaded or self._path is None:
            return
        self._loaded = True
        try:
            week = await asyncio.to_thread(load, self._path)
        except (OSError, NotOurs) as error:
            log.warning("history of statements not read", file=str(self._path), error=str(error))
            return
        if week is not None:
            self._rings.restore(week)

    async def save(self) -> None:
        """Writes the file, where there is something new."""
        if self._path is None or self._rings.closed == self._saved:
            return
        self._saved = self._rings.closed
        week = self._rings.stored()
        if week is None:
            return
        try:
            await asyncio.to_thread(save, self._path, week)
        except OSError as error:
            log.warning("history of statements not written", file=str(self._path), error=str(error))


def tables(rings: Rings) -> list[Table]:
    """The scores, and how many statements have none yet."""
    rows = (((*statement.owner, statement.queryid), (score,)) for statement, score in rings.scores.items())
    warming = None if rings.closed is None else rings.warming_up
    return [by_row(LABELS, (SCORE,), rows), single({WARMING_UP: warming})]


def build(server: PostgresServer) -> Collect:
    """The collecting function: a table of scores, and one number."""
    statements = statements_of(server)
    rings = statements.with_rings()
    kept = Kept(rings, server.options.queries.history_file)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await kept.load()
        await statements.refresh(server, deadline)
        await kept.save()
        return tables(rings)

    return collect


COLLECTOR = CollectorSpec(
    help="How unusual the mean time of each top statement is for this time of day.",
    source="postgres",
    metrics=(SCORE, WARMING_UP),
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="pgstatstatements.html",
    needs=("pg_read_all_stats",),
    explain=usual_query,
)
