"""Who waits for whom, how old transactions are and how full the server is, in one query.

One pass over pg_stat_activity. Who blocks is asked of pg_blocking_pids(), and since when sessions
wait of pg_locks, only while somebody waits: both take the lock manager's locks for a moment. A database with
sessions that the role may not look into has no row: what can be seen of it would be too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import Kind, Metric, gauge
from exporter.model.table import Column, Labels, Table
from exporter.model.view import SUPPORTED_MAJORS, at

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

DATNAME = ("datname",)

BLOCKED = gauge("pg_stat_activity_blocked_sessions", "Sessions that wait for a heavyweight lock.", DATNAME)
BLOCKING = gauge(
    "pg_stat_activity_blocking_sessions",
    "Sessions and prepared transactions that make others wait for a lock and wait for none themselves.",
    DATNAME,
)
LOCK_WAIT = gauge(
    "pg_stat_activity_longest_lock_wait_seconds",
    "How long a session has been waiting for a lock, at the most; before PostgreSQL 14, how long its "
    "statement has been running; 0 for none.",
    DATNAME,
)
TRANSACTION = gauge(
    "pg_stat_activity_longest_transaction_seconds",
    "Age of the oldest open transaction of a client, 0 for none.",
    DATNAME,
)
IDLE = gauge(
    "pg_stat_activity_longest_idle_in_transaction_seconds",
    "How long a client has been idle in an open transaction, at the most, 0 for none.",
    DATNAME,
)
QUERY = gauge(
    "pg_stat_activity_longest_query_seconds",
    "How long a client's statement has been running, at the most, 0 for none.",
    DATNAME,
)
USED = gauge("pg_connections_used", "Client sessions on the server, those whose state is hidden included.")
LIMIT = gauge(
    "pg_connections_limit",
    "Client sessions that ordinary roles can have: max_connections less what is reserved.",
)
AGE = Metric(
    "pg_stat_activity_transaction_age_seconds",
    Kind.HISTOGRAM,
    "Ages of the transactions that clients have open at this moment: a snapshot, so no rate() of it.",
    DATNAME,
)

BOUNDS = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400)
BUCKETS = (*map(str, BOUNDS), "+Inf")

BY_DATABASE = (BLOCKED, BLOCKING, LOCK_WAIT, TRANSACTION, IDLE, QUERY)

WAITING_SINCE = {
    13: "SELECT pid, query_start AS since FROM sessions WHERE blocked",
    14: """SELECT pid, min(waitstart) AS since
    FROM pg_locks
    WHERE NOT granted AND EXISTS (SELECT FROM sessions WHERE blocked)
    GROUP BY pid""",
}

# A hundred waiters name the same few blockers as a thousand do; each costs a call.
SQL = """WITH sessions AS MATERIALIZED (
    SELECT pid, datname, backend_type, state, query_start, state_change,
           coalesce(wait_event_type = 'Lock', false) AS blocked,
           coalesce(backend_type = 'client backend', usesysid IS NOT NULL AND datid IS NOT NULL) AS client,
           CASE WHEN backend_type = 'client backend' AND xact_start IS NOT NULL
                THEN greatest(0, date_part('epoch', now() - xact_start)) END AS age
    FROM pg_stat_activity
), waits AS (
    {waits}
), blockers AS (
    SELECT waiting.datname, count(DISTINCT blocker.pid) AS blocking
    FROM (SELECT pid, datname FROM sessions WHERE blocked ORDER BY query_start LIMIT 100) AS waiting
    CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker(pid)
    WHERE NOT EXISTS (SELECT FROM sessions AS s WHERE s.pid = blocker.pid AND s.blocked)
    GROUP BY waiting.datname
), databases AS (
    SELECT s.datname,
           count(*) FILTER (WHERE s.blocked) AS blocked,
           coalesce(max(b.blocking), 0) AS blocking,
           greatest(0, max(date_part('epoch', now() - w.since))) AS lock_wait,
           coalesce(max(s.age), 0) AS transaction,
           greatest(0, max(date_part('epoch', now() - s.state_change))
                       FILTER (WHERE s.client AND s.state LIKE 'idle in transaction%')) AS idle,
           greatest(0, max(date_part('epoch', now() - s.query_start))
                       FILTER (WHERE s.client AND s.state = 'active')) AS query,
           {buckets},
           count(s.age) AS ages,
           coalesce(sum(s.age), 0) AS sum
    FROM sessions AS s
    LEFT JOIN waits AS w USING (pid)
    LEFT JOIN blockers AS b ON b.datname = s.datname
    WHERE s.datname IS NOT NULL AND s.pid <> pg_backend_pid()
    GROUP BY s.datname
    HAVING bool_and(s.backend_type IS NOT NULL)
)
SELECT (SELECT count(*) FROM sessions WHERE client) AS used,
       current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
       d.*
FROM (SELECT) AS server
LEFT JOIN databases AS d ON true"""


def sql(major: int) -> str:
    """The query for a server's major version: used, usable, datname, six values, buckets, count, sum."""
    buckets = ",\n           ".join(
        f"count(*) FILTER (WHERE s.age <= {bound}) AS le_{bound}" for bound in BOUNDS
    )
    return SQL.format(waits=at(WAITING_SINCE, major), buckets=buckets)


class Activity:
    """Asks one server."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """Connections of the server; waits, ages and their histogram of each database with sessions."""
        rows = await self._server.fetch(sql, deadline, together=True)
        used, usable, *columns = rows.columns
        connections = Table((), [()], [Column(USED, used[:1]), Column(LIMIT, usable[:1])])
        found = [row for row in zip(*columns, strict=True) if row[0] and self._server.shows(row[0])]
        return [connections, *_databases(found)] if found else [connections]


def _databases(rows: Sequence[tuple[str | None, ...]]) -> Sequence[Table]:
    """The rows of databases: name, a value for each metric, then the histogram."""
    names, *columns = zip(*rows, strict=True)
    found = [(name,) for name in names]
    waits, ages = columns[: len(BY_DATABASE)], columns[len(BY_DATABASE) :]
    table = Table(DATNAME, found, [Column(m, c) for m, c in zip(BY_DATABASE, waits, strict=True)])
    return [table, *_histogram(found, ages)]


def _histogram(names: Sequence[Labels], columns: Sequence[Sequence[str | None]]) -> Sequence[Table]:
    """The buckets, then count and sum, of columns in the order of the query."""
    *bounds, count, total = columns
    rows = [(*name, le) for name in names for le in BUCKETS]
    values = [value for row in zip(*bounds, count, strict=True) for value in row]
    return [
        Table((*DATNAME, "le"), rows, [Column(AGE, values, "_bucket")]),
        Table(DATNAME, names, [Column(AGE, total, "_sum"), Column(AGE, count, "_count")]),
    ]


COLLECTOR = CollectorSpec(
    help="Blocked and blocking sessions, ages of transactions, and used connections, from pg_stat_activity.",
    source="postgres",
    metrics=(USED, LIMIT, *BY_DATABASE, AGE),
    build=lambda server: Activity(server).collect,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    needs=("pg_read_all_stats",),
    explain=lambda major: sql(major or SUPPORTED_MAJORS[-1]),
)
