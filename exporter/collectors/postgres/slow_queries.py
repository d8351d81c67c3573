"""Clients' queries that have been running for longer than `postgres.slow_running_seconds`.

It looks every five seconds, whoever scrapes: the list of slow queries and `slow_queries.log` are for people
too, and texts are redacted off the scrape path. A look costs the server about a millisecond, on the session
that is open anyway. Who blocks is asked only of those that wait for a lock. Parallel workers are part of
their leader's query; replication and autovacuum have metrics of their own; a session that is idle in a
transaction runs nothing. Texts are redacted before they are kept, and are on no metric.

Source: https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from exporter.collectors.postgres._slow_sessions import Counted, Following, sessions
from exporter.model.collector import Collect, CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.slow_query import slow_queries_of
from exporter.model.table import Table, by_row
from exporter.model.view import SUPPORTED_MAJORS

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

EVERY_SECONDS = 5.0
USUAL_SECONDS = 1.0
"""The threshold where nothing else is set."""
DESCRIBED = 100
"""The longest-running ones whose text and blockers are asked for; all are counted."""
BYTES = 4_000
"""Of a text; the server itself keeps track_activity_query_size, which is 1024 by default."""

DATNAME = ("datname",)
RUNNING = gauge(
    "pg_slow_queries_running",
    "Queries of clients that have been running for longer than postgres.slow_running_seconds; no sample"
    " for a database with sessions that the role may not look into.",
    DATNAME,
)
QUERIES = counter("pg_slow_queries_total", "Queries that were found running for longer than that.", DATNAME)
SECONDS = counter(
    "pg_slow_queries_seconds_total",
    "How long these queries ran, as far as it was seen: it grows while they run.",
    DATNAME,
)

# One row for each database that can have sessions, then one for each slow query. A session without a type is
# one that the role may not look into. A text is in the encoding of its session's database: functions that
# count its characters fail where it is another, and so does sending it to us in some encodings.
SQL = """WITH slow AS MATERIALIZED (
    SELECT a.pid, a.query_start, clock_timestamp() - a.query_start AS ran, a.datname, a.usename,
           a.application_name, a.wait_event_type, a.wait_event, {queryid} AS queryid, a.query,
           row_number() OVER (ORDER BY a.query_start) <= {described} AS described,
           getdatabaseencoding() IN ('UTF8', 'SQL_ASCII', pg_encoding_to_char(d.encoding)) AS readable
    FROM pg_stat_activity AS a JOIN pg_database AS d ON d.oid = a.datid
    WHERE a.state = 'active' AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
      AND clock_timestamp() - a.query_start >= {seconds} * interval '1 second'
), hidden AS (
    SELECT datid FROM pg_stat_activity WHERE backend_type IS NULL AND datid IS NOT NULL
)
SELECT NULL AS pid, NULL AS query_start, NULL AS ran, d.datname, NULL AS usename, NULL AS application_name,
       NULL AS wait, NULL AS blocked_by, NULL AS queryid,
       d.oid IN (SELECT datid FROM hidden) AS cut, NULL AS query
FROM pg_database AS d WHERE d.datallowconn
UNION ALL
SELECT pid, date_part('epoch', query_start), date_part('epoch', ran), datname, usename, application_name,
       wait_event_type || ':' || wait_event,
       CASE WHEN described AND wait_event_type = 'Lock' THEN pg_blocking_pids(pid) END, queryid,
       octet_length(query) >= least({bytes}, pg_size_bytes(current_setting('track_activity_query_size')) - 1),
       CASE WHEN NOT described THEN NULL WHEN NOT readable THEN ''
            WHEN octet_length(query) < {bytes} THEN query ELSE left(query, {bytes}) END
FROM slow"""


def sql(major: int, seconds: float) -> str:
    """The query for a server's major version, for what runs longer than this."""
    queryid = "a.query_id" if major >= 14 else "NULL::bigint"
    return SQL.format(queryid=queryid, described=DESCRIBED, seconds=seconds, bytes=BYTES)


_OF_SERVER: WeakKeyDictionary[PostgresServer, Following] = WeakKeyDictionary()


def following_of(server: PostgresServer) -> Following:
    """The slow queries of a server that run, also across a reload."""
    if server not in _OF_SERVER:
        _OF_SERVER[server] = Following(server.describe(), slow_queries_of(server))
    return _OF_SERVER[server]


class Running:
    """Asks one server, and follows what it finds."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._seconds = server.options.queries.slow_running_seconds
        self._following = following_of(server)

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """How many run now in each database, and what there has been."""
        rows = await self._server.fetch(lambda major: sql(major, self._seconds), deadline, together=True)
        at = time()
        pids, *_, datnames, _, _, _, _, _, cut, _ = rows.columns
        databases = sum(pid is None for pid in pids)
        shown = {
            name: hidden == "f"
            for name, hidden in zip(datnames[:databases], cut, strict=False)
            if name is not None and self._server.shows(name)
        }
        found = [s for s in sessions(column[databases:] for column in rows.columns) if s.datname in shown]
        await self._following.saw(found, at)
        self._following.forget(shown)
        return tables(shown, [session.datname for session in found], self._following.counted)


def tables(
    databases: Mapping[str, bool], running: Sequence[str], counted: Mapping[str, Counted]
) -> Sequence[Table]:
    """How many run now in each database, and what there has been.

    Args:
        databases: all of them, and whether all their sessions could be seen.
        running: the database of each slow query that runs.
        counted: by database.
    """
    now = [((name,), (running.count(name) if whole else None,)) for name, whole in databases.items()]
    counts = [counted.get(name, Counted()) for name in databases]
    total = [((name,), (c.queries, c.seconds)) for name, c in zip(databases, counts, strict=True)]
    return [by_row(DATNAME, (RUNNING,), now), by_row(DATNAME, (QUERIES, SECONDS), total)]


def build(server: PostgresServer) -> Collect:
    """The collecting function: what runs now, and the counters."""
    return Running(server).collect


COLLECTOR = CollectorSpec(
    help="Queries of clients that have been running for long, from pg_stat_activity.",
    source="postgres",
    metrics=(RUNNING, QUERIES, SECONDS),
    build=build,
    every_seconds=EVERY_SECONDS,
    docs="monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW",
    needs=("pg_read_all_stats",),
    explain=lambda major: sql(major or SUPPORTED_MAJORS[-1], USUAL_SECONDS),
)
