"""The statements that take most time, from pg_stat_statements: postgres_exporter's names.

At most 100 have series of their own, those that took most time in the last minutes; the row with the queryid
`other` has the rest of its database and user, counted since this process began. Entries of one statement that
differ only in `toplevel` are added up. Texts are never read. One reading in 30 seconds serves this collector
and `stat_statements_totals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.collectors.postgres._statements_source import (
    EVERY_SECONDS,
    statements_of,
    usual_query,
)
from exporter.collectors.postgres._statements_top import Top
from exporter.facts.pg_stat_statements import INDEX
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import Metric, counter
from exporter.model.table import Table, by_row

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LABELS = ("user", "datname", "queryid")

CALLS = counter("pg_stat_statements_calls_total", "Calls of the statement; of the 100 busiest.", LABELS)
SECONDS = counter("pg_stat_statements_seconds_total", "Time spent executing the statement.", LABELS)
ROWS = counter("pg_stat_statements_rows_total", "Rows that the statement returned or changed.", LABELS)
READ = counter(
    "pg_stat_statements_block_read_seconds_total",
    "Time that the statement spent reading blocks; counted with track_io_timing only.",
    LABELS,
)
WRITE = counter(
    "pg_stat_statements_block_write_seconds_total",
    "Time that the statement spent writing blocks; counted with track_io_timing only.",
    LABELS,
)

SHOWN: Sequence[tuple[Metric, int, float]] = (
    (CALLS, INDEX["calls"], 1),
    (SECONDS, INDEX["total_exec_time"], 0.001),
    (ROWS, INDEX["rows"], 1),
    (READ, INDEX["shared_blk_read_time"], 0.001),
    (WRITE, INDEX["shared_blk_write_time"], 0.001),
)
"""Each metric with its place among the counters, and the factor to base units."""


def table(top: Top) -> Table:
    """A row for each statement that is shown, and for the others of each database and user."""
    metrics = [metric for metric, _, _ in SHOWN]
    rows = (
        (
            (statement.owner.user, statement.owner.datname, statement.queryid),
            [values[i] * factor for _, i, factor in SHOWN],
        )
        for statement, values in top.rows()
    )
    return by_row(LABELS, metrics, rows)


def build(server: PostgresServer) -> Collect:
    """The collecting function: one table."""
    statements = statements_of(server)
    top = statements.with_top()

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await statements.refresh(server, deadline)
        return [table(top)]

    return collect


COLLECTOR = CollectorSpec(
    help="The statements that take most time, from pg_stat_statements.",
    source="postgres",
    metrics=tuple(metric for metric, _, _ in SHOWN),
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="pgstatstatements.html",
    needs=("pg_read_all_stats",),
    explain=usual_query,
)
