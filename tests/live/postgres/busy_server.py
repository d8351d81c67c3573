"""A server on which everything happens that it takes a right to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

from psycopg import pq

from tests.live.postgres.vacuums import EAGER, table, vacuuming
from tests.servers import Postgres, require
from tests.workload import wait_until

SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "autovacuum_naptime": "1s"}


@contextmanager
def busy(major: int) -> Iterator[Postgres]:
    """Sessions, commands and statements of another role, which go on until the end.

    An open transaction that has written, an idle session, a CREATE INDEX CONCURRENTLY that waits, a VACUUM
    and an autovacuum at work, a receiver of WAL; a database that is closed to all, and a setting that is
    hidden from most and waits for a restart.
    """
    with ExitStack() as stack:
        server = stack.enter_context(require(Postgres, major, settings=SETTINGS))
        with server.connect() as session:
            for statement in (
                "CREATE EXTENSION pg_stat_statements",
                "CREATE EXTENSION pg_buffercache",
                "CREATE ROLE other SUPERUSER LOGIN PASSWORD 'secret'",
                "ALTER ROLE postgres SET pg_stat_statements.track = 'none'",
                "CREATE DATABASE closed",
                "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
                "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', 'auto_explain'",
                "SELECT pg_reload_conf()",
                "CREATE TABLE t (id int)",
                *table("by_hand"),
                *table("by_itself", EAGER),
            ):
                session.execute(statement.encode())
        writer, idle, builder = (
            stack.enter_context(server.connect(user="other", password="secret")) for _ in range(3)
        )
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (1)")
        idle.execute("SET application_name = 'web'")
        idle.execute("SELECT count(*) FROM t")
        thread = Thread(target=builder.execute, args=(b"CREATE INDEX CONCURRENTLY ON t (id)",))
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(writer.rollback)
        stack.enter_context(vacuuming(server, "postgres", "by_hand"))
        receiver = pq.PGconn.connect(
            f"{server.dsn(user='other', password='secret')}?replication=yes".encode()
        )
        stack.callback(receiver.finish)
        waiting = "SELECT count(*) FROM pg_stat_progress_create_index WHERE lockers_total = 1"
        wait_until(lambda: server.execute(waiting) == [(1,)])
        working = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
        wait_until(lambda: server.execute(working) == [(1,)])
        pending = "SELECT pending_restart FROM pg_settings WHERE name = 'shared_preload_libraries'"
        wait_until(lambda: server.execute(pending) == [(True,)])
        yield server
