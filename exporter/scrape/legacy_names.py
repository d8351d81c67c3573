"""The names that earlier releases of postgres_exporter had, and what each is made of here.

Only data: `legacy.py` applies it. From the releases' own lists of metrics and their sample `queries.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.model.metric import Metric, counter, gauge

QUERIES = frozenset({"queries.yaml"})
"""The sample file with queries that came with the releases up to 0.11."""


class Old(NamedTuple):
    """A name of before.

    Attributes:
        metric: as it was, with its labels.
        of: the names of today that it is made of; all are columns of one table. The old name itself among
            them means that only the labels have changed: then it takes the place of today's.
        releases: those that had it.
        renamed: label of before -> label of today, where they differ.
        combine: makes a row's value from the values of `of`; None to take the first as it is.
        merge: makes one value of rows that differ in labels that were not there yet; None where none do.
    """

    metric: Metric
    of: tuple[str, ...]
    releases: frozenset[str]
    renamed: Mapping[str, str] = {}
    combine: Callable[[Sequence[float]], float | None] | None = None
    merge: Callable[[Iterable[float]], float] | None = None


def _releases(first: int, last: int) -> frozenset[str]:
    return frozenset(f"0.{minor}" for minor in range(first, last + 1))


def _quotient(values: Sequence[float]) -> float | None:
    return values[0] / values[1] if values[1] else None


SLOT = ("slot_name", "slot_type")
TABLE = ("datname", "schemaname", "relname")
STATEMENT = ("rolname", "datname", "queryid")
AS_USER = {"rolname": "user"}
SESSIONS = "Sessions in this state."
OLDEST = "Age in seconds of the oldest open transaction of these sessions, 0 for none."

_BGWRITER = (
    ("pg_stat_bgwriter_checkpoints_timed", "pg_stat_bgwriter_checkpoints_timed_total"),
    ("pg_stat_bgwriter_checkpoints_req", "pg_stat_bgwriter_checkpoints_req_total"),
    ("pg_stat_bgwriter_checkpoint_write_time", "pg_stat_bgwriter_checkpoint_write_time_total"),
    ("pg_stat_bgwriter_checkpoint_sync_time", "pg_stat_bgwriter_checkpoint_sync_time_total"),
    ("pg_stat_bgwriter_buffers_checkpoint", "pg_stat_bgwriter_buffers_checkpoint_total"),
    ("pg_stat_bgwriter_buffers_clean", "pg_stat_bgwriter_buffers_clean_total"),
    ("pg_stat_bgwriter_maxwritten_clean", "pg_stat_bgwriter_maxwritten_clean_total"),
    ("pg_stat_bgwriter_buffers_backend", "pg_stat_bgwriter_buffers_backend_total"),
    ("pg_stat_bgwriter_buffers_backend_fsync", "pg_stat_bgwriter_buffers_backend_fsync_total"),
    ("pg_stat_bgwriter_buffers_alloc", "pg_stat_bgwriter_buffers_alloc_total"),
    ("pg_stat_bgwriter_stats_reset", "pg_stat_bgwriter_stats_reset_total"),
)
_STATIO = (
    ("pg_statio_user_tables_heap_blks_read", "pg_statio_user_tables_heap_blocks_read"),
    ("pg_statio_user_tables_heap_blks_hit", "pg_statio_user_tables_heap_blocks_hit"),
    ("pg_statio_user_tables_idx_blks_read", "pg_statio_user_tables_idx_blocks_read"),
    ("pg_statio_user_tables_idx_blks_hit", "pg_statio_user_tables_idx_blocks_hit"),
    ("pg_statio_user_tables_toast_blks_read", "pg_statio_user_tables_toast_blocks_read"),
    ("pg_statio_user_tables_toast_blks_hit", "pg_statio_user_tables_toast_blocks_hit"),
    ("pg_statio_user_tables_tidx_blks_read", "pg_statio_user_tables_tidx_blocks_read"),
    ("pg_statio_user_tables_tidx_blks_hit", "pg_statio_user_tables_tidx_blocks_hit"),
)
_SLOTS = (
    ("pg_replication_slot_slot_current_wal_lsn", "pg_replication_slots_slot_current_wal_lsn", SLOT),
    ("pg_replication_slot_slot_confirmed_flush_lsn", "pg_replication_slots_slot_confirmed_flush_lsn", SLOT),
    ("pg_replication_slot_slot_is_active", "pg_replication_slots_slot_is_active", SLOT),
    ("pg_replication_slot_safe_wal_size_bytes", "pg_replication_slots_safe_wal_size_bytes", SLOT),
    ("pg_replication_slot_wal_status", "pg_replication_slots_wal_status", (*SLOT, "wal_status")),
)
_STATEMENTS = (
    ("pg_stat_statements_calls", "pg_stat_statements_calls_total"),
    ("pg_stat_statements_total_time_seconds", "pg_stat_statements_seconds_total"),
    ("pg_stat_statements_rows", "pg_stat_statements_rows_total"),
    ("pg_stat_statements_blk_read_time_seconds", "pg_stat_statements_block_read_seconds_total"),
    ("pg_stat_statements_blk_write_time_seconds", "pg_stat_statements_block_write_seconds_total"),
)


def _now(name: str) -> str:
    return f"What is now {name}."


OLD_NAMES: tuple[Old, ...] = (
    *(Old(counter(old, _now(new)), (new,), _releases(8, 10)) for old, new in _BGWRITER),
    *(Old(gauge(old, _now(new), labels), (new,), _releases(12, 19)) for old, new, labels in _SLOTS),
    Old(
        gauge("pg_stat_user_tables_size_bytes", "Size of the table with its indexes and TOAST.", TABLE),
        ("pg_stat_user_tables_table_size_bytes", "pg_stat_user_tables_index_size_bytes"),
        _releases(14, 17),
        combine=sum,
    ),
    Old(
        gauge("pg_stat_activity_count", SESSIONS, ("datname", "state")),
        ("pg_stat_activity_count",),
        _releases(8, 11),
        merge=sum,
    ),
    Old(
        gauge("pg_stat_activity_max_tx_duration", OLDEST, ("datname", "state")),
        ("pg_stat_activity_max_tx_duration",),
        _releases(8, 11),
        merge=max,
    ),
    Old(
        gauge("pg_stat_activity_count", SESSIONS, ("datname", "state", "usename", "application_name")),
        ("pg_stat_activity_count",),
        _releases(12, 16),
        merge=sum,
    ),
    Old(
        gauge(
            "pg_stat_activity_max_tx_duration", OLDEST, ("datname", "state", "usename", "application_name")
        ),
        ("pg_stat_activity_max_tx_duration",),
        _releases(12, 16),
        merge=max,
    ),
    Old(
        gauge("pg_replication_lag", _now("pg_replication_lag_seconds")),
        ("pg_replication_lag_seconds",),
        QUERIES,
    ),
    Old(
        gauge("pg_database_size", _now("pg_database_size_bytes"), ("datname",)),
        ("pg_database_size_bytes",),
        QUERIES,
    ),
    *(Old(counter(old, _now(new), TABLE), (new,), QUERIES) for old, new in _STATIO),
    *(Old(counter(old, _now(new), STATEMENT), (new,), QUERIES, renamed=AS_USER) for old, new in _STATEMENTS),
    Old(
        gauge("pg_stat_statements_mean_time_seconds", "Mean time of one execution.", STATEMENT),
        ("pg_stat_statements_seconds_total", "pg_stat_statements_calls_total"),
        QUERIES,
        renamed=AS_USER,
        combine=_quotient,
    ),
)
