"""What INFO says of the server's threads beside the main one, whatever the server calls them."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collectors.redis._instance import numbered
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, Value, by_row
from exporter.sources.redis import Info
from exporter.sources.redis.info import key_values, number

LABELS = ("thread",)

ACTIVE = counter(
    "redis_active_time_io_thread_seconds_total",
    "Time that an I/O thread spent at work (Valkey 9.1 and newer).",
    LABELS,
)
CLIENTS = gauge(
    "redis_io_thread_clients",
    "Clients that a thread serves (Redis 8 and newer, KeyDB); 0 is the main one.",
    LABELS,
)
READS = counter("redis_io_thread_reads_total", "Reads that a thread did (Redis 8 and newer).", LABELS)
WRITES = counter("redis_io_thread_writes_total", "Writes that a thread did (Redis 8 and newer).", LABELS)

METRICS = (ACTIVE, CLIENTS, READS, WRITES)


def thread_tables(info: Info) -> Sequence[Table]:
    """A row for each thread, in the tables that this server has something for."""
    redis = [key_values(text) for text in numbered(info, "io_thread_{}")]
    keydb = [number(text) for text in numbered(info, "thread_{}_clients")]
    # The main thread, number 0, has a field of its own.
    valkey = [number(text) for text in numbered(info, "used_active_time_io_thread_{}", 1)]
    rows = [tuple(number(parts.get(key)) for key in ("clients", "reads", "writes")) for parts in redis]
    tables = (
        by_row(LABELS, (CLIENTS, READS, WRITES), _by_thread(rows)),
        by_row(LABELS, (CLIENTS,), _by_thread([(clients,) for clients in keydb])),
        by_row(LABELS, (ACTIVE,), _by_thread([(seconds,) for seconds in valkey], 1)),
    )
    return [table for table in tables if table.rows]


def _by_thread(
    rows: Sequence[tuple[Value, ...]], first: int = 0
) -> list[tuple[tuple[str, ...], tuple[Value, ...]]]:
    return [((str(thread),), row) for thread, row in enumerate(rows, first)]
