"""Reads settings, sessions and statistics of a server for an analysis: a few milliseconds of its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exporter.facts import _records as r
from exporter.facts.server import (
    Checkpoints,
    DatabaseStatistics,
    ServerFacts,
    Session,
    Setting,
    StatementStore,
)
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

STATEMENTS = "pg_stat_statements"
MANAGED = {
    "rds_superuser": "Amazon RDS",
    "cloudsqlsuperuser": "Google Cloud SQL",
    "azure_pg_admin": "Azure Database for PostgreSQL",
    "alloydbsuperuser": "AlloyDB",
}
"""The role that a service gives its users in place of a superuser: its name."""

SERVER = f"""
SELECT date_part('epoch', now()) AS now, date_part('epoch', now() - pg_postmaster_start_time()) AS uptime,
       (SELECT min(rolname) FROM pg_roles WHERE rolname IN ('{"', '".join(MANAGED)}')) AS managed,
       pg_is_in_recovery() AS is_standby,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       (SELECT json_agg(DISTINCT split_part(s.setting, '=', 1))
        FROM pg_db_role_setting AS d, unnest(d.setconfig) AS s(setting)) AS set_for_some,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sessions_visible,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker') AS workers
"""  # noqa: S608  constants

# What a session of ours has set for itself is not what the server has: reset_val is.
SETTINGS = """
SELECT name, reset_val AS value, unit, source, context, pending_restart
FROM pg_settings
WHERE name !~ '^(DateStyle|IntervalStyle|TimeZone|lc_|debug_|trace_|ssl_|krb_|recovery_target)'
  AND name NOT IN ('primary_conninfo', 'archive_command', 'restore_command')
"""

SESSIONS = """
SELECT datname, usename, application_name, state,
       date_part('epoch', now() - backend_start) AS connected,
       date_part('epoch', now() - xact_start) AS transaction,
       date_part('epoch', now() - state_change) AS since,
       greatest(age(backend_xmin), age(backend_xid)) AS xmin_age
FROM pg_stat_activity
WHERE datname IS NOT NULL AND pid <> pg_backend_pid()
  AND (backend_type = 'client backend' OR backend_type IS NULL)
LIMIT 10000
"""


COUNTERS = (
    *("numbackends", "xact_commit", "xact_rollback", "blks_hit", "blks_read", "temp_files", "temp_bytes"),
    *("deadlocks", "xid_age", "mxid_age"),
)


def databases_sql(major: int) -> str:
    """The databases that accept connections."""
    counted = ("sessions", "sessions_abandoned", "sessions_fatal", "sessions_killed")
    sessions = ", ".join(f"s.{name}" if major >= 14 else f"NULL AS {name}" for name in counted)
    return f"""
    SELECT d.datname, s.numbackends, s.xact_commit, s.xact_rollback, s.blks_hit, s.blks_read, s.temp_files,
           s.temp_bytes, s.deadlocks, {sessions},
           date_part('epoch', now() - greatest(s.stats_reset, b.stats_reset)) AS seconds,
           age(d.datfrozenxid) AS xid_age, mxid_age(d.datminmxid) AS mxid_age
    FROM pg_database AS d
    JOIN pg_stat_database AS s ON s.datid = d.oid
    CROSS JOIN pg_stat_bgwriter AS b
    WHERE d.datallowconn
    ORDER BY 1
    """  # noqa: S608  constants


def checkpoints_sql(major: int) -> str:
    """The counters of the checkpointer, which moved with PostgreSQL 17."""
    if major >= 17:
        columns, view = "num_timed AS timed, num_requested AS requested", "pg_stat_checkpointer"
    else:
        columns, view = "checkpoints_timed AS timed, checkpoints_req AS requested", "pg_stat_bgwriter"
    return f"SELECT {columns}, date_part('epoch', now() - stats_reset) AS seconds FROM {view}"  # noqa: S608


async def read_server(
    server: PostgresServer, deadline: Deadline, *, memory_bytes: int | None = None
) -> ServerFacts:
    """The server as it is now.

    From pg_settings, pg_stat_activity, pg_stat_database, pg_stat_bgwriter or pg_stat_checkpointer, and
    pg_stat_statements where it is there. Texts of queries are not read.

    Args:
        server: where to ask.
        deadline: when it must be done.
        memory_bytes: memory of the server's machine or container, from whoever knows it.

    Raises:
        SourceError: the server did not give it.
    """
    about, settings, sessions, databases, checkpoints = await asyncio.gather(
        *(
            server.fetch(sql, deadline, aside=True)
            for sql in (SERVER, SETTINGS, SESSIONS, databases_sql, checkpoints_sql)
        )
    )
    (record,) = r.records(about)
    (counted,) = r.records(checkpoints)
    by_name = {found["name"] or "": _setting(found) for found in r.records(settings)}
    return ServerFacts(
        major=about.major,
        taken_at=r.known(record, "now") or 0.0,
        uptime_seconds=r.known(record, "uptime") or 0.0,
        settings=by_name,
        set_for_some=frozenset(name for name in r.names(record, "set_for_some") if name),
        managed=MANAGED.get(record["managed"] or "", ""),
        is_standby=r.flag(record, "is_standby"),
        standbys=r.integer(record, "standbys"),
        databases=[_database(found) for found in r.records(databases)],
        checkpoints=Checkpoints(
            r.integer(counted, "timed"), r.integer(counted, "requested"), r.known(counted, "seconds")
        ),
        sessions=_sessions(sessions),
        sessions_visible=r.flag(record, "sessions_visible"),
        autovacuum_workers=r.integer(record, "workers"),
        statements=await _statements(server, deadline, by_name),
        memory_bytes=memory_bytes,
    )


def _setting(record: r.Record) -> Setting:
    return Setting(
        r.text(record, "name"),
        r.text(record, "value"),
        r.text(record, "unit"),
        r.text(record, "source"),
        r.text(record, "context"),
        r.flag(record, "pending_restart"),
    )


def _database(record: r.Record) -> DatabaseStatistics:
    counters: dict[str, Any] = {name: r.integer(record, name) for name in COUNTERS}
    return DatabaseStatistics(
        datname=r.text(record, "datname"),
        seconds=r.known(record, "seconds"),
        sessions=r.oid(record, "sessions"),
        sessions_abandoned=r.oid(record, "sessions_abandoned"),
        sessions_fatal=r.oid(record, "sessions_fatal"),
        sessions_killed=r.oid(record, "sessions_killed"),
        **counters,
    )


def _sessions(rows: Rows) -> list[Session]:
    return [
        Session(
            datname=r.text(record, "datname"),
            user=r.text(record, "usename"),
            application=r.text(record, "application_name"),
            state=r.text(record, "state"),
            connected_seconds=r.known(record, "connected") or 0.0,
            transaction_seconds=r.known(record, "transaction"),
            state_seconds=r.known(record, "since"),
            xmin_age=r.oid(record, "xmin_age"),
        )
        for record in r.records(rows)
    ]


async def _statements(
    server: PostgresServer, deadline: Deadline, settings: Mapping[str, Setting]
) -> StatementStore:
    """How full pg_stat_statements is: counted without its texts."""
    loaded = f"{STATEMENTS}.max" in settings
    extension = (await server.extensions(deadline, aside=True)).get(STATEMENTS)
    if extension is None or not loaded:
        return StatementStore(loaded, extension is not None)
    schema = extension.schema
    # The view with the number of deallocations came with 1.9.
    informed = tuple(map(int, extension.version.split("."))) >= (1, 9)
    told = "dealloc, date_part('epoch', now() - stats_reset) AS seconds"
    source = f"{schema}.{STATEMENTS}_info" if informed else "(SELECT NULL AS dealloc, NULL AS seconds) AS i"
    count = f"(SELECT count(*) FROM {schema}.{STATEMENTS}(false)) AS entries"  # noqa: S608
    try:
        sql = f"SELECT {count}, {told if informed else 'dealloc, seconds'} FROM {source}"  # noqa: S608
        rows = await server.fetch(sql, deadline, aside=True)
    except Refused:
        return StatementStore(loaded, True)
    (record,) = r.records(rows)
    return StatementStore(
        loaded, True, r.integer(record, "entries"), r.oid(record, "dealloc"), r.known(record, "seconds")
    )
