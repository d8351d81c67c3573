"""Pools of applications as the server sees them: their sessions by state, beside their configured sizes.

No change in the application is needed, only a name of its own in `application_name`. The setting
`postgres.pool_sizes` says how large each pool is; for that, a state without a session has a zero.
`pg_stat_activity_count` has the sessions of all other applications.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import gauge
from exporter.model.table import Column, Labels, Table, Value

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

CONNECTIONS = gauge(
    "pg_pool_connections",
    "Sessions of an application whose pool has a configured size, by state.",
    ("application_name", "state"),
)
SIZE = gauge(
    "pg_pool_size",
    "Sessions that the application's pools may have together, as configured.",
    ("application_name",),
)
STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
)

# A state that the role may not see is NULL.
SQL = """SELECT application_name, coalesce(state, 'unknown'), count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND application_name <> '' AND pid <> pg_backend_pid()
GROUP BY 1, 2"""


def build(server: PostgresServer) -> Collect:
    """Asks one server for the sessions of the configured applications."""
    sizes = dict(server.options.pool_sizes)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        if not sizes:
            raise Skip(Reason.NO_DATA, "postgres.pool_sizes is not set")
        counts: dict[Labels, Value] = {(name, state): 0 for name in sizes for state in STATES}
        rows = await server.fetch(SQL, deadline)
        for name, state, count in zip(*rows.columns, strict=True):
            if name in sizes:
                counts[name, state or ""] = count
        return [
            Table(CONNECTIONS.labels, list(counts), [Column(CONNECTIONS, list(counts.values()))]),
            Table(SIZE.labels, [(name,) for name in sizes], [Column(SIZE, list(sizes.values()))]),
        ]

    return collect


COLLECTOR = CollectorSpec(
    help="Sessions of applications by state, beside the sizes of their pools, from pg_stat_activity.",
    source="postgres",
    metrics=(CONNECTIONS, SIZE),
    build=build,
    needs=("pg_read_all_stats",),
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    explain=lambda _major: SQL,
)
