"""A small web shop: about twenty actions a second against PostgreSQL and Redis, so that every page is alive.

It has three faults, for `analyze` to find: a query that reads a whole table for lack of an index, one query
for each row of a list, and a query that takes seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, LiteralString

import psycopg
import redis.asyncio
from psycopg_pool import AsyncConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from exporter.log import get_logger

log = get_logger("exporter.demo")

CUSTOMERS = 500
ORDERS = 3000
VISITORS = 3
"""How many act side by side."""
PAUSE_SECONDS = 0.3
"""What a visitor waits between two actions on average: three visitors make ten actions a second."""
ROBOT_SECONDS = 0.11
"""What the robot waits on average; its calls come at random, as those of many visitors would."""
TIMEOUT_SECONDS = 2.0
"""How long an action waits for a connection or for Redis."""
SLOW_EVERY_SECONDS = 60.0
"""How often the slow query comes."""
SLOW_SECONDS = 7.0
"""How long it takes: longer than from one look at running queries to the next."""
RETRY_SECONDS = 1.0
"""What a visitor waits when a server is away."""

SCHEMA = """
CREATE TABLE customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    orders int NOT NULL DEFAULT 0
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    status text NOT NULL DEFAULT 'new',
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_id ON orders (customer_id);
CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    product int NOT NULL,
    quantity int NOT NULL
);
CREATE INDEX order_items_order_id ON order_items (order_id);
INSERT INTO customers (email) SELECT 'customer' || n || '@example.org' FROM generate_series(1, 500) n;
INSERT INTO orders (customer_id, status) SELECT 1 + n % 500, 'sent' FROM generate_series(1, 3000) n;
INSERT INTO order_items SELECT 1 + n / 3, n % 200, 1 + n % 4 FROM generate_series(0, 8999) n;
CREATE TABLE past_orders (id bigint PRIMARY KEY, customer_id int NOT NULL, placed_on date NOT NULL);
INSERT INTO past_orders SELECT n, 1 + n % 500, date '2020-01-01' + n / 100 FROM generate_series(1, 60000) n;
ANALYZE;
"""


PRODUCT = "SELECT count(*), coalesce(sum(quantity), 0) FROM order_items WHERE product = %s"
PAST = "SELECT id, placed_on FROM past_orders WHERE customer_id = %s"
LIST = "SELECT id, status FROM orders WHERE customer_id = %s ORDER BY id DESC LIMIT 4"
ITEMS = "SELECT product, quantity FROM order_items WHERE order_id = %s"
ORDER = "INSERT INTO orders (customer_id) VALUES (%s) RETURNING id"
ITEM = "INSERT INTO order_items VALUES (%s, %s, 1)"
COUNT = "UPDATE customers SET orders = orders + 1 WHERE id = %s"
SHIP = "UPDATE orders SET status = 'sent' WHERE status = 'new'"
FORGET = "DELETE FROM orders WHERE id <= (SELECT max(id) FROM orders) - %s"
REPORT = """SELECT c.email, sum(i.quantity) FROM customers c JOIN orders o ON o.customer_id = c.id
JOIN order_items i ON i.order_id = o.id GROUP BY c.email ORDER BY 2 DESC LIMIT 10"""
BOOKS = "SELECT count(*), pg_sleep(%s) FROM orders WHERE status = 'sent'"

EACH: Sequence[tuple[LiteralString, Sequence[float]]] = (
    *((PRODUCT, (1,)), (PAST, (1,)), (LIST, (1,)), (ITEMS, (1,)), (ORDER, (1,)), (ITEM, (1, 1))),
    *((COUNT, (1,)), (SHIP, ()), (FORGET, (ORDERS,)), (REPORT, ()), (BOOKS, (0.0,))),
)
"""All of them, with arguments that they take."""


class Workload:
    """The visitors of the shop, and the pool that they share.

    Args:
        dsn: the shop's database, as the owner of its tables.
        redis_url: the shop's cache.
        seed: makes the visitors' choices, not their timing, the same each time.
    """

    def __init__(self, dsn: str, redis_url: str, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - choices of a demo, no secrets
        self._redis_url = redis_url
        self._dsn = dsn
        self._missed: set[str] = set()
        self.pool = self._new_pool()

    def create(self) -> None:
        """Makes the tables and fills them.

        Raises:
            psycopg.Error: the database can't be reached, or has them already.
        """
        with psycopg.connect(self._dsn) as connection:
            connection.execute(SCHEMA)

    def rehearse(self) -> None:
        """Sends each statement once, and takes back what it changed: all are known from the start.

        The texts of statements are read once then, and again after ten minutes at the earliest.
        """
        with psycopg.connect(self._dsn) as connection:
            for statement, arguments in EACH:
                connection.execute(statement, arguments)
            connection.rollback()

    async def run(self) -> None:
        """Acts until it is cancelled. A server that goes away is waited for, with one line in the log."""
        self._cache = redis.asyncio.Redis.from_url(
            self._redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        await self.pool.open()
        try:
            async with asyncio.TaskGroup() as visitors:
                for _ in range(VISITORS):
                    visitors.create_task(self._visit())
                visitors.create_task(self._crawl())
                visitors.create_task(self._close_books())
        finally:
            await self._cache.aclose()
            await self.pool.close(timeout=1.0)
            self.pool = self._new_pool()  # a closed one can't be opened again

    def _new_pool(self) -> AsyncConnectionPool:
        # Attempts to reconnect stay a second or two apart: each is given up early and begun anew.
        return AsyncConnectionPool(
            self._dsn,
            min_size=1,
            max_size=3,
            open=False,
            name="demo",
            timeout=TIMEOUT_SECONDS,
            reconnect_timeout=TIMEOUT_SECONDS,
            kwargs={"application_name": "demo-shop", "connect_timeout": 2},
        )

    async def _visit(self) -> None:
        actions = (
            *(self._look_up_product, self._use_session, self._order, self._ship, self._welcome),
            self._report,
        )
        while not _cancelled():
            action = self._random.choices(actions, weights=(40, 24, 17, 10, 7, 2))[0]
            try:
                await action()
                await asyncio.sleep(PAUSE_SECONDS * self._random.uniform(0.5, 1.5))
            except _AwayError:
                await asyncio.sleep(RETRY_SECONDS)

    async def _crawl(self) -> None:
        """A robot that reads customers' lists of orders."""
        while not _cancelled():
            try:
                await self._list_orders()
                await asyncio.sleep(self._random.expovariate(1 / ROBOT_SECONDS))
            except _AwayError:
                await asyncio.sleep(RETRY_SECONDS)

    async def _close_books(self) -> None:
        """The slow query: it waits, as one does that is locked out or reads a slow disk."""
        while not _cancelled():
            try:
                await asyncio.sleep(SLOW_EVERY_SECONDS / 4)
                async with self._sql() as connection:
                    await connection.execute(BOOKS, (SLOW_SECONDS,))
                await asyncio.sleep(SLOW_EVERY_SECONDS * 3 / 4 - SLOW_SECONDS)
            except _AwayError:
                await asyncio.sleep(RETRY_SECONDS)

    @asynccontextmanager
    async def _sql(self) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
        try:
            async with self.pool.connection() as connection:
                yield connection
        except (psycopg.Error, OSError) as error:
            self._away("PostgreSQL", error)
            raise _AwayError from error
        self._back("PostgreSQL")

    async def _redis(self, *command: str | int) -> Any:
        try:
            answer = await self._cache.execute_command(*command)  # type: ignore[no-untyped-call]
        except (redis.RedisError, OSError) as error:
            self._away("Redis", error)
            raise _AwayError from error
        self._back("Redis")
        return answer

    def _away(self, name: str, error: Exception) -> None:
        if name not in self._missed:
            self._missed.add(name)
            log.warning("a server of the demo is away, trying again", server=name, error=str(error))

    def _back(self, name: str) -> None:
        if name in self._missed:
            self._missed.remove(name)
            log.info("a server of the demo is back", server=name)

    async def _look_up_product(self) -> None:
        """A read through the cache: half a minute after the last one it is a miss."""
        product = int(200 * self._random.random() ** 3)  # a few are in fashion
        key = f"cache:product:{product}"
        if await self._redis("GET", key) is not None:
            return
        async with self._sql() as connection:
            cursor = await connection.execute(PRODUCT, (product,))
            row = await cursor.fetchone()
        await self._redis("SET", key, str(row), "EX", 30)

    async def _use_session(self) -> None:
        """A visitor comes back, or is new: a hit or a miss."""
        key = f"session:{self._random.randrange(100)}"
        if await self._redis("GET", key) is None:
            await self._redis("SET", key, "x" * 200, "EX", self._random.randrange(60, 300))
        await self._redis("INCR", "visits")

    async def _welcome(self) -> None:
        """The query that lacks an index: it reads all orders of the past for those of one customer."""
        customer = self._random.randint(1, CUSTOMERS)
        async with self._sql() as connection:
            await connection.execute(PAST, (customer,))

    async def _list_orders(self) -> None:
        """The loop that should have been a join: a query for each order of the list."""
        customer = self._random.randint(1, CUSTOMERS)
        async with self._sql() as connection:
            cursor = await connection.execute(LIST, (customer,))
            for order, _ in await cursor.fetchall():
                await connection.execute(ITEMS, (order,))

    async def _order(self) -> None:
        """A transaction over three tables; one in ten customers thinks better of it."""
        customer = self._random.randint(1, CUSTOMERS)
        products = self._random.sample(range(200), self._random.randint(1, 3))
        async with self._sql() as connection:
            cursor = await connection.execute(ORDER, (customer,))
            order = await cursor.fetchone()
            for product in products:
                await connection.execute(ITEM, (*(order or ()), product))
            await connection.execute(COUNT, (customer,))
            if self._random.random() < 0.1:
                await connection.rollback()
        await self._redis("DEL", f"session:{self._random.randrange(100)}")

    async def _ship(self) -> None:
        """Sends what is new, and forgets the oldest orders, so that the tables stay as small as they are."""
        async with self._sql() as connection:
            await connection.execute(SHIP)
            await connection.execute(FORGET, (ORDERS,))

    async def _report(self) -> None:
        """The query that somebody wrote in a hurry: it reads all three tables."""
        async with self._sql() as connection:
            cursor = await connection.execute(REPORT)
            rows = await cursor.fetchall()
        await self._redis("SET", "cache:report", str(rows), "EX", 60)


def _cancelled() -> bool:
    """Whether this task is to end.

    Asked, because a cancellation can get lost in the driver: Python 3.11's wait_for drops one that comes
    together with the answer it waits for.
    """
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


class _AwayError(Exception):
    """A server did not do what was asked; it is in the log already."""
