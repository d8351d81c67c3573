"""A small, always equal life of a PostgreSQL server: enough that every view has something to show."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import psycopg
from psycopg import pq

from tests.servers import Postgres

DATABASE = "app"

SETTINGS = {
    "archive_mode": "on",
    "archive_command": "true",
    "autovacuum": "off",
    "max_slot_wal_keep_size": "1GB",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "wal_level": "logical",
}

SERVER = (
    "CREATE ROLE web LOGIN CONNECTION LIMIT 20 PASSWORD 'web'",
    f"CREATE DATABASE {DATABASE} CONNECTION LIMIT 50",
    "SELECT pg_create_physical_replication_slot('standby1', true)",
    "SELECT pg_create_physical_replication_slot('forgotten')",
)

# Index scans and sequential scans, TOAST with an index of its own, tables that were never counted.
TABLES = (
    "CREATE EXTENSION pg_stat_statements",
    "SELECT pg_create_logical_replication_slot('changes', 'pgoutput')",
    "CREATE TABLE orders (id int PRIMARY KEY, customer int, note text)",
    "ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL",
    "CREATE INDEX ON orders (customer)",
    """INSERT INTO orders SELECT g, g % 10, repeat('x', CASE g WHEN 1 THEN 20000 ELSE 20 END)
       FROM generate_series(1, 100) AS g""",
    "VACUUM (ANALYZE) orders",
    "UPDATE orders SET customer = 11 WHERE id <= 10",
    "DELETE FROM orders WHERE id > 90",
    "SET enable_seqscan = off",
    "SELECT note FROM orders WHERE id = 1",
    "SELECT id FROM orders WHERE customer = 11",
    "RESET enable_seqscan",
    "SELECT count(*) FROM orders",
    "CREATE TABLE never_counted (id int, note text)",
    "CREATE TABLE events (at date, what text) PARTITION BY RANGE (at)",
    "CREATE INDEX ON events (at)",
    "CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "INSERT INTO events VALUES ('2024-05-01', 'launch')",
    "CREATE MATERIALIZED VIEW customers AS SELECT customer, count(*) FROM orders GROUP BY 1",
    "ANALYZE events_2024",
    "GRANT SELECT, UPDATE ON orders TO web",
)

COUNTED = f"""SELECT s.n_tup_ins = 100 AND s.idx_scan > 0 AND a.archived_count > 0 AND d.xact_commit > 0
FROM pg_stat_user_tables AS s, pg_stat_archiver AS a, pg_stat_database AS d
WHERE s.relname = 'orders' AND d.datname = '{DATABASE}'"""


@contextmanager
def life(server: Postgres) -> Iterator[None]:
    """Lives it; inside, a standby streams from the slot `standby1` and a session idles in a transaction."""
    _run(server, "postgres", SERVER)
    _run(server, DATABASE, TABLES)
    _run(server, "postgres", ("SELECT pg_switch_wal()", "CHECKPOINT"))
    (server.process.data / "pg_wal" / "00000002.history").touch()
    with ExitStack() as stack:
        stack.enter_context(standby(server, "standby1", slot="standby1"))
        web = stack.enter_context(server.connect(dbname=DATABASE, user="web", password="web"))
        web.execute("SET application_name = 'api'")
        web.execute("BEGIN")
        web.execute("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
        wait_until(lambda: server.execute(COUNTED, dbname=DATABASE) == [(True,)])
        yield


@contextmanager
def standby(server: Postgres, application_name: str, *, slot: str | None = None) -> Iterator[None]:
    """A receiver of WAL that has replayed all there was when it came: one row of pg_stat_replication."""
    # psycopg's own connections don't speak the replication protocol, the libpq below them does.
    conninfo = psycopg.conninfo.make_conninfo(
        server.dsn(), replication="true", application_name=application_name
    )
    connection = pq.PGconn.connect(conninfo.encode())
    try:
        assert connection.status == pq.ConnStatus.OK, connection.error_message
        lsn = server.execute("SELECT pg_current_wal_flush_lsn(), pg_current_wal_flush_lsn() - '0/0'")[0]
        source = f"SLOT {slot} " if slot else ""
        result = connection.exec_(f"START_REPLICATION {source}PHYSICAL {lsn[0]}".encode())
        assert result.status == pq.ExecStatus.COPY_BOTH, result.error_message
        position = int(lsn[1])
        # Standby status update: written, flushed, replayed, clock, no answer wanted.
        connection.put_copy_data(b"r" + struct.pack("!QQQQB", position, position, position, 0, 0))
        connection.flush()
        seen = f"""SELECT count(*) FROM pg_stat_replication
            WHERE application_name = '{application_name}' AND state = 'streaming'
            AND replay_lsn IS NOT NULL"""
        wait_until(lambda: server.execute(seen) != [(0,)])
        yield
    finally:
        connection.finish()


@contextmanager
def replica(primary: Postgres, name: str, *, settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """A real standby that streams from its own slot on the primary, which is restarted to be copied."""
    primary.execute(f"SELECT pg_create_physical_replication_slot('{name}', true)")
    link = {
        "primary_conninfo": f"{primary.dsn()}?application_name={name}",
        "primary_slot_name": name,
        "wal_retrieve_retry_interval": "100ms",
    }
    primary.stop()
    settings = {**primary.process.settings, **link, **(settings or {})}
    copy = Postgres(primary.major, settings=settings, data=primary.process.data)
    (copy.process.data / "standby.signal").touch()
    primary.start()
    with copy:
        wait_until(lambda: primary.execute("SELECT state FROM pg_stat_replication") == [("streaming",)])
        yield copy


def wait_until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for what happens in another process."""
    until = monotonic() + seconds
    while not done():
        assert monotonic() < until, "it did not happen in time"
        sleep(0.05)


def _run(server: Postgres, dbname: str, statements: Sequence[str]) -> None:
    with server.connect(dbname=dbname) as connection:
        for statement in statements:
            connection.execute(statement.encode())
