"""Commands that take minutes on a PostgreSQL under test: without them nothing has a progress."""

from __future__ import annotations

from threading import Event

import psycopg
from psycopg import pq

from tests.servers.postgres import Postgres

NAME = "maintenance"

TABLES = """
CREATE TABLE events (id int PRIMARY KEY, what text) WITH (autovacuum_enabled = off);
CREATE INDEX events_what ON events (what);
BEGIN;
INSERT INTO events SELECT g, repeat(md5(g::text), 15) FROM generate_series(1, 15000) AS g;
ROLLBACK;
INSERT INTO events SELECT g, repeat(md5(g::text), 15) FROM generate_series(1, 5000) AS g;
CREATE TABLE archive (id int, note text) WITH (fillfactor = 10);
INSERT INTO archive SELECT g, repeat('x', 50) FROM generate_series(1, 600) AS g;
CREATE FUNCTION slowly(id int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(0.05); RETURN id; END'
"""
"""A table and an index of more than 10 MB, most of it left by a rollback; and one that is slow to index."""

CLEANED = "VACUUM ANALYZE events"
"""To be said in another session: a session's counts come to the server's figures at its end."""

INDEX = "archive_slowly"

# A page of the table in a tenth of a second or more.
SLOWLY = "-c vacuum_cost_delay=100 -c vacuum_cost_limit=1"

COMMANDS = (
    ("VACUUM (DISABLE_PAGE_SKIPPING) events",),
    # Half a minute to read the table, and as long again to validate. Until then the index is not valid.
    (f"DROP INDEX IF EXISTS {INDEX}", f"CREATE INDEX CONCURRENTLY {INDEX} ON archive (slowly(id))"),
)
BACKUP = "BASE_BACKUP (CHECKPOINT 'fast', MAX_RATE 32, PROGRESS)"


class Command:
    """A session that gives the same commands again and again, and is never waited for.

    Args:
        conninfo: where.
        commands: in this order.

    Raises:
        psycopg.Error: there is no connection.
    """

    def __init__(self, conninfo: str, *commands: str) -> None:
        self._connection = pq.PGconn.connect(conninfo.encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(self._connection.error_message.decode())
        self._commands, self._given = commands, 0

    def look(self) -> None:
        """Takes what has come, and gives the next command when one has ended.

        Raises:
            psycopg.Error: the connection is lost.
        """
        self._connection.consume_input()
        while not self._connection.is_busy():
            result = self._connection.get_result()
            if result is None:
                self._connection.send_query(self._commands[self._given % len(self._commands)].encode())
                self._given += 1
            elif result.status == pq.ExecStatus.COPY_OUT:
                while self._connection.get_copy_data(1)[0] > 0:
                    pass
                return

    def close(self) -> None:
        """Ends the session; the server ends the command when it notices."""
        self._connection.finish()


def work(postgres: Postgres, dbname: str, end: Event, pause: float) -> None:
    """Vacuums, indexes and backs up until the end.

    Raises:
        psycopg.Error: a connection is lost.
    """
    where = psycopg.conninfo.make_conninfo(postgres.dsn(dbname=dbname), application_name=NAME, options=SLOWLY)
    replication = psycopg.conninfo.make_conninfo(where, replication="true")
    running: list[Command] = []
    try:
        running.extend(Command(where, *commands) for commands in COMMANDS)
        running.append(Command(replication, BACKUP))
        while not end.wait(pause):
            for command in running:
                command.look()
    finally:
        for command in running:
            command.close()
