"""How long sessions have been idle, by state and application, from pg_stat_activity.

Each scrape counts the sessions that are idle now, so the counts go down as well: the type is upstream's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import Kind, Metric
from exporter.model.table import Column, Labels, Table

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LABELS = ("state", "application_name")
SECONDS = Metric(
    "pg_process_idle_seconds",
    Kind.HISTOGRAM,
    "Seconds for which the sessions that are idle now have been so.",
    LABELS,
)
BOUNDS = (1, 2, 5, 15, 30, 60, 90, 120, 300)
LES = (*map(str, BOUNDS), "+Inf")

SQL = """SELECT state, coalesce(application_name, 'unknown'),
       greatest(0, date_part('epoch', now() - state_change))
FROM pg_stat_activity
WHERE state LIKE 'idle%' AND state_change IS NOT NULL AND pid <> pg_backend_pid()
ORDER BY 1, 2, 3"""


class ProcessIdle:
    """Asks one server for its idle sessions."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The histogram: one for each state and application that has an idle session."""
        rows = await self._server.fetch(SQL, deadline)
        groups: dict[Labels, list[float]] = {}
        for state, application, seconds in zip(*rows.columns, strict=True):
            groups.setdefault((state or "", application or ""), []).append(float(seconds or 0))
        buckets = [((*group, le), n) for group, idle in groups.items() for le, n in _cumulated(idle)]
        columns = [
            Column(SECONDS, [sum(idle) for idle in groups.values()], "_sum"),
            Column(SECONDS, [len(idle) for idle in groups.values()], "_count"),
        ]
        return [
            Table(
                (*LABELS, "le"),
                [row for row, _ in buckets],
                [Column(SECONDS, [n for _, n in buckets], "_bucket")],
            ),
            Table(LABELS, list(groups), columns),
        ]


def _cumulated(idle: Sequence[float]) -> Iterator[tuple[str, int]]:
    """Upper bounds, and how many of the sorted times are not above them."""
    return zip(LES, [*(bisect_right(idle, bound) for bound in BOUNDS), len(idle)], strict=True)


COLLECTOR = CollectorSpec(
    help="How long sessions have been idle, by state and application, from pg_stat_activity.",
    source="postgres",
    metrics=(SECONDS,),
    build=lambda server: ProcessIdle(server).collect,
    default=False,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    needs=("pg_read_all_stats",),
    explain=lambda _major: SQL,
)
