"""Something to do for a PostgreSQL, a PgBouncer and a Redis under test, so that every panel has data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

import psycopg
import redis

from tests.servers import maintenance
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis
from tests.workload import wait_until

DATABASE = "shop"
COPY = "reports"
"""Subscribes to customers of `shop`, on the same server."""
APPLICATION = "shop"
"""What all sessions of the load are called."""

TABLES = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int REFERENCES customers, note text);
INSERT INTO customers SELECT g, 'customer' || g FROM generate_series(1, 1000) AS g;
INSERT INTO orders (customer, note) SELECT 1 + g % 1000, repeat('x', 100) FROM generate_series(1, 20000) AS g;
ANALYZE;
"""

SERVER = f"""
CREATE DATABASE {DATABASE};
CREATE DATABASE {COPY};
CREATE EXTENSION pg_stat_statements;
CREATE TABLE jobs (id int PRIMARY KEY, name text);
INSERT INTO jobs VALUES (1, 'nightly')
"""
"""In the exporter's main database: only there it asks for statements, and for the blocks of indexes."""

FUNCTIONS = f"""
CREATE FUNCTION price(id int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN id % 100; END';
CREATE PUBLICATION customers FOR TABLE customers;
SELECT pg_create_logical_replication_slot('{COPY}', 'pgoutput')
"""

SUBSCRIBER = f"""
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE SUBSCRIPTION {COPY} CONNECTION '{{dsn}}' PUBLICATION customers WITH (create_slot = false)
"""

SUBSCRIBED = "SELECT 1 FROM pg_stat_subscription WHERE last_msg_receipt_time IS NOT NULL"

# One round: writes, reads by index and by sequence, a sort that does not fit into memory.
ROUND = (
    "INSERT INTO orders (customer, note) VALUES (1, 'new') RETURNING id",
    "UPDATE customers SET name = name WHERE id % 100 = 3",
    "SELECT * FROM orders WHERE id = 17",
    "SELECT count(*) FROM orders",
    "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE note = 'new' LIMIT 1)",
    "SET work_mem = '64kB'; SELECT note FROM orders ORDER BY note, id DESC LIMIT 3; RESET work_mem",
    "SELECT sum(price(id)) FROM customers WHERE id <= 10",
)
COUNTED = "VACUUM (ANALYZE) customers, orders"
"""A server that was killed has forgotten its figures of tables, and counts from zero."""

SLOW = "SELECT name, pg_sleep({}) FROM jobs"
SLOW_SECONDS = 6
SLOW_EVERY_SECONDS = 10.0

FAILING = "INSERT INTO customers VALUES (1, 'twice')"
FAILS_EVERY = 10
"""Rounds from one transaction that is rolled back to the next: few enough that no alert minds."""

STREAM, GROUP = "events", "mailer"


class Load:
    """Threads that work until the end, and start again whenever a server comes back. A context manager.

    Args:
        postgres: where the database `shop` is made.
        pgbouncer: through which half of the statements go.
        cache: gets keys that are found, missed and expired, a stream, and a slow command now and then.
        pause: seconds between two rounds of each thread.
    """

    def __init__(self, postgres: Postgres, pgbouncer: PgBouncer, cache: Redis, pause: float = 0.2) -> None:
        self._postgres, self._pgbouncer, self._cache = postgres, pgbouncer, cache
        self._pause = pause
        self._end = Event()
        works = (self._direct, self._pooled, self._keys, self._stream, self._maintain, self._report)
        self._threads = [Thread(target=self._repeat, args=(work,), daemon=True) for work in works]

    def _direct(self) -> None:
        self._statements(self._postgres.dsn(dbname=DATABASE))

    def _pooled(self) -> None:
        self._statements(self._pgbouncer.dsn(dbname=DATABASE, user="postgres"))

    def _statements(self, dsn: str) -> None:
        with psycopg.connect(
            dsn, autocommit=True, prepare_threshold=None, application_name=APPLICATION
        ) as connection:
            rounds = 0
            while not self._end.wait(self._pause):
                rounds += 1
                for statement in ROUND:
                    connection.execute(statement.encode())
                if rounds % FAILS_EVERY == 0:
                    with contextlib.suppress(psycopg.errors.IntegrityError):
                        connection.execute(FAILING.encode())

    def _maintain(self) -> None:
        self._postgres.execute(COUNTED, dbname=DATABASE)
        maintenance.work(self._postgres, DATABASE, self._end, self._pause)

    def _report(self) -> None:
        """In another database than the rest, whose CREATE INDEX CONCURRENTLY would wait for it."""
        with self._postgres.connect() as connection:
            while not self._end.wait(SLOW_EVERY_SECONDS):
                connection.execute(SLOW.format(SLOW_SECONDS).encode())

    def _keys(self) -> None:
        with redis.Redis.from_url(self._cache.url, client_name=APPLICATION) as client:
            number = 0
            while not self._end.wait(self._pause):
                number += 1
                client.set(f"session:{number % 50}", "x" * 200, px=5000)
                client.mget([f"session:{n}" for n in range(60)])
                client.get("nothing")
                client.lpush("queue", number)
                client.ltrim("queue", 0, 10)
                if number % FAILS_EVERY == 0:
                    client.execute_command("DEBUG", "SLEEP", "0.02")

    def _stream(self) -> None:
        """A consumer that takes every entry, and says of every second one that it is done."""
        with redis.Redis.from_url(self._cache.url, client_name=GROUP) as client:
            with contextlib.suppress(redis.ResponseError):  # the group is there
                client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            while not self._end.wait(self._pause):
                client.xadd(STREAM, {"order": 1}, maxlen=500)
                client.xadd(STREAM, {"order": 2}, maxlen=500)
                for _, entries in client.xreadgroup(GROUP, "worker", {STREAM: ">"}):
                    client.xack(STREAM, GROUP, *[identifier for identifier, _ in entries[::2]])

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._end.is_set():
            with contextlib.suppress(psycopg.Error, redis.RedisError, OSError):
                work()
            self._end.wait(self._pause)

    def __enter__(self) -> Self:
        self._run(SERVER, "postgres")
        for statements in (TABLES, FUNCTIONS, maintenance.TABLES, maintenance.CLEANED):
            self._run(statements, DATABASE)
        self._run(SUBSCRIBER.format(dsn=self._postgres.dsn(dbname=DATABASE)), COPY)
        # Every kind of statement once, for figures that are looked at once a minute or less.
        self._run(";\n".join(ROUND), DATABASE)
        self._run(SLOW.format(0), "postgres")
        for thread in self._threads:
            thread.start()
        wait_until(lambda: bool(self._postgres.execute(SUBSCRIBED)))
        return self

    def _run(self, statements: str, dbname: str) -> None:
        """One after the other in a new session: VACUUM and slots want no transaction around them."""
        with self._postgres.connect(dbname=dbname) as connection:
            for statement in statements.split(";\n"):
                connection.execute(statement.encode())

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(2)
