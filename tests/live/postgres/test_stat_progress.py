"""Long commands, each held in the middle: what the page says of how far they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest
from psycopg import pq

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import Samples, database, role, samples
from tests.servers import Postgres
from tests.workload import wait_until

pytestmark = pytest.mark.live

# An index calls it for each row: while somebody holds the lock, what builds or samples it stands still.
SLOW = """CREATE FUNCTION slow(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN id; END$$"""
TABLE = (SLOW, "CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 1000)")


@pytest.fixture
def monitor(pg: Postgres) -> Iterator[PostgresOptions]:
    with database(pg, "app", *TABLE), role(pg, "watcher", "pg_monitor") as options:
        yield PostgresOptions(dsn=options.dsn.replace("/postgres", "/app"))


@contextmanager
def held(pg: Postgres, command: str, view: str) -> Iterator[None]:
    """A command that stands still in the middle."""
    with pg.connect(dbname="app") as holder, pg.connect(dbname="app") as worker:
        holder.execute("SELECT pg_advisory_lock(1)")
        thread = Thread(target=worker.execute, args=(command.encode(),))
        thread.start()
        stuck = f"""SELECT count(*) FROM pg_stat_progress_{view} JOIN pg_stat_activity USING (pid)
            WHERE wait_event_type = 'Lock'"""
        wait_until(lambda: pg.execute(stuck) == [(1,)])
        yield
        holder.execute("SELECT pg_advisory_unlock(1)")
        thread.join(10)


def only(found: Samples) -> dict[str, float]:
    """The values of the one command, by the ends of their names."""
    assert {len(by_labels) for by_labels in found.values()} == {1}
    return {n.removeprefix("pg_stat_progress_"): next(iter(v.values())) for n, v in found.items()}


def labels(found: Samples) -> dict[str, str]:
    return dict(next(iter(found["pg_stat_progress_commands"])))


async def test_create_index(pg: Postgres, monitor: PostgresOptions) -> None:
    with held(pg, "CREATE INDEX ON t (slow(id))", "create_index"):
        found = await samples(monitor, "stat_progress")

    assert labels(found) == {
        "command": "CREATE INDEX",
        "datname": "app",
        "relname": "t",
        "phase": "building index: scanning table",
    }
    progress = only(found)
    blocks = pg.execute("SELECT pg_relation_size('t') / 8192", dbname="app")[0][0]
    assert progress["commands"] == 1
    assert 0 <= progress["done_blocks"] <= progress["blocks"] == blocks


async def test_create_index_concurrently_waits_for_a_writer(pg: Postgres, monitor: PostgresOptions) -> None:
    with pg.connect(dbname="app") as writer, pg.connect(dbname="app") as builder:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (0)")
        thread = Thread(target=builder.execute, args=("CREATE INDEX CONCURRENTLY ON t (id)",))
        thread.start()
        wait_until(lambda: pg.execute("SELECT lockers_total FROM pg_stat_progress_create_index") == [(1,)])
        found = await samples(monitor, "stat_progress")
        writer.execute("COMMIT")
        thread.join(10)

    assert labels(found)["command"] == "CREATE INDEX CONCURRENTLY"
    assert labels(found)["phase"] == "waiting for writers before build"
    assert (only(found)["lockers"], only(found)["done_lockers"]) == (1, 0)


async def test_vacuum_full(pg: Postgres, monitor: PostgresOptions) -> None:
    pg.execute("CREATE INDEX ON t (slow(id))", dbname="app")
    with held(pg, "VACUUM FULL t", "cluster"):
        found = await samples(monitor, "stat_progress")

    commands = {dict(key)["command"]: n for key, n in found["pg_stat_progress_done_tuples"].items()}
    phases = {dict(key)["command"]: dict(key)["phase"] for key in found["pg_stat_progress_commands"]}
    assert commands["VACUUM FULL"] == 1000
    assert phases["VACUUM FULL"] == "rebuilding index"


async def test_analyze(pg: Postgres, monitor: PostgresOptions) -> None:
    pg.execute("CREATE INDEX ON t (slow(id))", dbname="app")
    with held(pg, "ANALYZE t", "analyze"):
        found = await samples(monitor, "stat_progress")

    assert labels(found)["command"] == "ANALYZE"
    assert labels(found)["phase"] == "computing statistics"
    assert only(found)["done_blocks"] == only(found)["blocks"] > 0


@pytest.mark.pg(14, 15, 16, 17, 18)
async def test_copy_by_two_sessions(pg: Postgres, monitor: PostgresOptions) -> None:
    copies = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 0"
    with (
        pg.connect(dbname="app") as first,
        pg.connect(dbname="app") as second,
        first.cursor().copy("COPY t FROM STDIN") as one,
        second.cursor().copy("COPY t FROM STDIN") as two,
    ):
        one.write("1\n" * 100_000)
        two.write("1\n" * 100_000)
        wait_until(lambda: pg.execute(copies) == [(2,)])
        found = await samples(monitor, "stat_progress")

    assert labels(found)["command"] == "COPY FROM"
    assert labels(found)["relname"] == "t"
    assert only(found)["commands"] == 2
    assert 0 < only(found)["done_tuples"] <= 200_000
    assert 0 < only(found)["done_bytes"] <= 400_000
    assert "pg_stat_progress_bytes" not in found  # what comes from a client has no known end


@pytest.mark.usefixtures("monitor")
async def test_a_table_of_another_database_shows_as_its_oid(pg: Postgres) -> None:
    oid = pg.execute("SELECT 't'::regclass::oid::text", dbname="app")[0][0]
    pg.execute("CREATE DATABASE twin TEMPLATE app")
    try:
        pg.execute("ALTER TABLE t RENAME TO somebody_else", dbname="twin")
        with held(pg, "CREATE INDEX ON t (slow(id))", "create_index"):
            found = await samples(PostgresOptions(dsn=pg.dsn(dbname="twin")), "stat_progress")
    finally:
        pg.execute("DROP DATABASE twin WITH (FORCE)")

    assert labels(found)["relname"] == oid


async def test_base_backup(pg: Postgres, monitor: PostgresOptions) -> None:
    with _base_backup(pg):
        streaming = "SELECT count(*) FROM pg_stat_progress_basebackup WHERE backup_streamed > 0"
        wait_until(lambda: pg.execute(streaming) == [(1,)])
        found = await samples(monitor, "stat_progress")

    assert labels(found) == {
        "command": "BASE_BACKUP",
        "datname": "",
        "relname": "",
        "phase": "streaming database files",
    }
    progress = only(found)
    assert 0 < progress["done_bytes"] < progress["bytes"]
    assert (progress["parts"], progress["done_parts"]) == (1, 0)


@contextmanager
def _base_backup(pg: Postgres) -> Iterator[None]:
    """A backup whose receiver does not read: it stands still when the buffers on the way are full."""
    conninfo = psycopg.conninfo.make_conninfo(pg.dsn(), replication="true")
    connection = pq.PGconn.connect(conninfo.encode())
    try:
        assert connection.status == pq.ConnStatus.OK, connection.error_message
        old = b"BASE_BACKUP LABEL 'held' PROGRESS FAST NOWAIT"
        new = b"BASE_BACKUP (LABEL 'held', PROGRESS true, CHECKPOINT 'fast', WAIT false)"
        connection.send_query(old if pg.major < 15 else new)
        yield
    finally:
        connection.finish()
        wait_until(lambda: pg.execute("SELECT count(*) FROM pg_stat_progress_basebackup") == [(0,)])
