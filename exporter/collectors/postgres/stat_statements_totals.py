"""What all statements of each database and user cost, and how full pg_stat_statements is.

The totals begin with 0 when this process begins, and count on whatever the extension evicts or resets. A
role without pg_read_all_stats sees its own statements only. Texts are never read. One reading in 30 seconds
serves this collector and `stat_statements`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.collectors.postgres._statements_source import (
    EVERY_SECONDS,
    Statements,
    statements_of,
    usual_query,
)
from exporter.facts.pg_stat_statements import INDEX
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import Metric, counter, gauge
from exporter.model.table import Table, by_row, single

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

LABELS = ("datname", "user")


def _total(name: str, help: str) -> Metric:
    return counter(name, help, LABELS)


BY_USER: Sequence[tuple[str, float, Metric]] = (
    ("calls", 1, _total("pg_stat_statements_by_user_calls_total", "Calls of statements.")),
    ("total_exec_time", 0.001,
     _total("pg_stat_statements_by_user_seconds_total", "Time spent executing statements.")),
    ("total_plan_time", 0.001,
     _total("pg_stat_statements_by_user_plan_seconds_total",
            "Time spent planning statements; counted with pg_stat_statements.track_planning only.")),
    ("rows", 1,
     _total("pg_stat_statements_by_user_rows_total", "Rows that statements returned or changed.")),
    ("shared_blks_hit", 1,
     _total("pg_stat_statements_by_user_shared_blocks_hit_total", "Blocks found in shared buffers.")),
    ("shared_blks_read", 1,
     _total("pg_stat_statements_by_user_shared_blocks_read_total",
            "Blocks not found in shared buffers.")),
    ("shared_blks_dirtied", 1,
     _total("pg_stat_statements_by_user_shared_blocks_dirtied_total",
            "Blocks in shared buffers that statements changed first.")),
    ("shared_blks_written", 1,
     _total("pg_stat_statements_by_user_shared_blocks_written_total",
            "Blocks that statements had to write to disk themselves.")),
    ("temp_blks_read", 1,
     _total("pg_stat_statements_by_user_temp_blocks_read_total", "Blocks read from temporary files.")),
    ("temp_blks_written", 1,
     _total("pg_stat_statements_by_user_temp_blocks_written_total", "Blocks written to temporary files.")),
    ("wal_records", 1,
     _total("pg_stat_statements_by_user_wal_records_total", "WAL records that statements generated.")),
    ("wal_bytes", 1,
     _total("pg_stat_statements_by_user_wal_bytes_total", "WAL that statements generated, in bytes.")),
    ("shared_blk_read_time", 0.001,
     _total("pg_stat_statements_by_user_block_read_seconds_total",
            "Time that statements spent reading blocks; counted with track_io_timing only.")),
    ("shared_blk_write_time", 0.001,
     _total("pg_stat_statements_by_user_block_write_seconds_total",
            "Time that statements spent writing blocks; counted with track_io_timing only.")),
)  # fmt: skip
"""Each counter with the factor to base units, and its metric."""

ENTRIES = gauge("pg_stat_statements_entries", "Statements that pg_stat_statements holds.")
HIDDEN = gauge(
    "pg_stat_statements_hidden_entries",
    "Statements that the role may not see: GRANT pg_read_all_stats to it.",
)
MOST = gauge("pg_stat_statements_max_entries", "Statements that pg_stat_statements can hold.")
DEALLOC = counter(
    "pg_stat_statements_dealloc_total", "Times that pg_stat_statements evicted statements to make room."
)
RESET = gauge(
    "pg_stat_statements_stats_reset_timestamp_seconds",
    "Unix time at which all of pg_stat_statements was last reset.",
)


def tables(statements: Statements) -> list[Table]:
    """The totals, and how full the extension is; without what its version does not know."""
    known = [(INDEX[name], factor, metric) for name, factor, metric in BY_USER if name in statements.known]
    rows = (
        ((owner.datname, owner.user), [values[i] * factor for i, factor, _ in known])
        for owner, values in statements.totals.rows()
    )
    about = statements.fullness
    return [
        by_row(LABELS, [metric for _, _, metric in known], rows),
        single({
            ENTRIES: about.entries,
            HIDDEN: about.hidden,
            MOST: about.most,
            DEALLOC: about.dealloc,
            RESET: about.stats_reset,
        }),
    ]  # fmt: skip


def build(server: PostgresServer) -> Collect:
    """The collecting function: a table of totals, and one of the extension's own numbers."""
    statements = statements_of(server)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await statements.refresh(server, deadline)
        return tables(statements)

    return collect


COLLECTOR = CollectorSpec(
    help="What the statements of each database and user cost, from pg_stat_statements.",
    source="postgres",
    metrics=(*(metric for _, _, metric in BY_USER), ENTRIES, HIDDEN, MOST, DEALLOC, RESET),
    build=build,
    every_seconds=EVERY_SECONDS,
    docs="pgstatstatements.html",
    needs=("pg_read_all_stats",),
    explain=usual_query,
)
