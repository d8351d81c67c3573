"""What the servers do while they are recorded: a healthy shop, slower or faster, and its nightly job."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

import psycopg
import redis

from tests.servers import PgBouncer, Postgres, Redis
from tests.servers.load import DATABASE, TABLES

ROUND = (
    "INSERT INTO orders (customer, note) VALUES (1 + (random() * 999)::int, 'new')",
    "UPDATE customers SET name = name WHERE id = 1 + (random() * 999)::int",
    "SELECT * FROM orders WHERE id = (random() * 20000)::int",
    "SELECT * FROM customers WHERE id = (random() * 999)::int",
    "SELECT * FROM orders WHERE id = (random() * 20000)::int",
    "DELETE FROM orders WHERE id = (SELECT max(id) FROM orders)",
)
ROLLED_BACK = 0.01
"""Share of the rounds that end with a transaction given up."""

NIGHTLY = (
    "UPDATE orders SET note = repeat('y', 100)",
    "SELECT count(*), sum(length(note)) FROM orders",
    "VACUUM ANALYZE orders",
    "SELECT * FROM customers ORDER BY name DESC",
)


class Workload:
    """Threads that work at a pace that can be turned, until the end. A context manager.

    Attributes:
        pace: rounds a second of each of the seven threads.
        nightly: whether the nightly job runs beside them.
    """

    def __init__(self, postgres: Postgres, pgbouncer: PgBouncer, cache: Redis) -> None:
        self.pace = 1.0
        self.nightly = False
        self._postgres, self._cache = postgres, cache
        self._dsns = (
            postgres.dsn(dbname=DATABASE),
            pgbouncer.dsn(dbname=DATABASE, user="postgres"),
        )
        self._end = Event()
        works = [self._direct] * 2 + [self._pooled] * 3 + [self._keys, self._night]
        self._threads = [Thread(target=self._repeat, args=(work,), daemon=True) for work in works]

    def _direct(self) -> None:
        self._statements(self._dsns[0])

    def _pooled(self) -> None:
        self._statements(self._dsns[1])

    def _statements(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None, connect_timeout=5) as connection:
            while not self._end.wait(1 / self.pace):
                for statement in ROUND:
                    connection.execute(statement.encode())
                if random.random() < ROLLED_BACK:
                    connection.execute(b"BEGIN; SELECT 1; ROLLBACK")

    def _keys(self) -> None:
        with redis.Redis.from_url(self._cache.url) as client:
            while not self._end.wait(0.5 / self.pace):
                number = random.randrange(2000)
                client.set(f"session:{number}", "x" * 200, px=120_000)
                client.mget([f"session:{random.randrange(2000)}" for _ in range(10)])
                for _ in range(20):
                    client.get(f"product:{random.randrange(100)}")

    def _night(self) -> None:
        with psycopg.connect(self._dsns[0], autocommit=True) as connection:
            while not self._end.wait(0.5):
                if self.nightly:
                    self._save()
                    for statement in NIGHTLY:
                        connection.execute(statement.encode())

    def _save(self) -> None:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self._cache.url) as client:
            client.bgsave()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._end.is_set():
            with contextlib.suppress(psycopg.Error, redis.RedisError, OSError):
                work()
            self._end.wait(0.2)

    def __enter__(self) -> Self:
        self._postgres.execute(f"CREATE DATABASE {DATABASE}")
        self._postgres.execute(TABLES, dbname=DATABASE)
        with self._cache.client() as client:
            client.mset({f"product:{n}": "x" * 500 for n in range(98)})
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(10)
