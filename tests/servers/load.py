"""Something to do for a PostgreSQL, a PgBouncer and a Redis under test, so that every panel has data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

import psycopg
import redis

from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis

DATABASE = "shop"

TABLES = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int REFERENCES customers, note text);
INSERT INTO customers SELECT g, 'customer' || g FROM generate_series(1, 1000) AS g;
INSERT INTO orders (customer, note) SELECT 1 + g % 1000, repeat('x', 100) FROM generate_series(1, 20000) AS g;
ANALYZE;
"""

# One round: writes, reads by index and by sequence, a sort that does not fit into memory.
ROUND = (
    "INSERT INTO orders (customer, note) VALUES (1, 'new') RETURNING id",
    "UPDATE customers SET name = name WHERE id % 10 = 3",
    "SELECT * FROM orders WHERE id = 17",
    "SELECT count(*) FROM orders",
    "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE note = 'new' LIMIT 1)",
    "SET work_mem = '64kB'; SELECT note FROM orders ORDER BY note, id DESC LIMIT 3; RESET work_mem",
)
FAILING = "INSERT INTO customers VALUES (1, 'twice')"
FAILS_EVERY = 10
"""Rounds from one transaction that is rolled back to the next: few enough that no alert minds."""


class Load:
    """Threads that work until the end, and start again whenever a server comes back. A context manager.

    Args:
        postgres: where the database `shop` is made.
        pgbouncer: through which half of the statements go.
        cache: gets keys that are found, missed and expired.
        pause: seconds between two rounds of each thread.
    """

    def __init__(self, postgres: Postgres, pgbouncer: PgBouncer, cache: Redis, pause: float = 0.2) -> None:
        self._postgres, self._pgbouncer, self._cache = postgres, pgbouncer, cache
        self._pause = pause
        self._end = Event()
        works = (self._direct, self._pooled, self._keys)
        self._threads = [Thread(target=self._repeat, args=(work,), daemon=True) for work in works]

    def _direct(self) -> None:
        self._statements(self._postgres.dsn(dbname=DATABASE))

    def _pooled(self) -> None:
        self._statements(self._pgbouncer.dsn(dbname=DATABASE, user="postgres"))

    def _statements(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
            rounds = 0
            while not self._end.wait(self._pause):
                rounds += 1
                for statement in ROUND:
                    connection.execute(statement.encode())
                if rounds % FAILS_EVERY == 0:
                    with contextlib.suppress(psycopg.errors.IntegrityError):
                        connection.execute(FAILING.encode())

    def _keys(self) -> None:
        with redis.Redis.from_url(self._cache.url) as client:
            number = 0
            while not self._end.wait(self._pause):
                number += 1
                client.set(f"session:{number % 50}", "x" * 200, px=5000)
                client.mget([f"session:{n}" for n in range(60)])
                client.get("nothing")
                client.lpush("queue", number)
                client.ltrim("queue", 0, 10)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._end.is_set():
            with contextlib.suppress(psycopg.Error, redis.RedisError, OSError):
                work()
            self._end.wait(self._pause)

    def __enter__(self) -> Self:
        self._postgres.execute(f"CREATE DATABASE {DATABASE}")
        self._postgres.execute(TABLES, dbname=DATABASE)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(2)
