"""A small application with known N+1 loops beside requests that only look like them.

Three loops are wrong: the page of orders asks for the customer (belongs to) and the items (has many) of each
order, and the page of products asks once for each category that it has not seen yet (an identity map). All
else is as it should be: a page of orders that asks for all items and customers at once, a session that each
request looks up, pages of one product, a job that works on one row after another, rows that are inserted.

    with Application(server) as application:
        wait until application.served says that it is enough
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Any, Self

import psycopg

from tests.servers import Postgres

DATABASE = "shop"
THREADS = 4
PERIOD_SECONDS = 6.0
"""In which the load goes up and down once."""
TABLES = """
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE categories (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE products (id int PRIMARY KEY, category_id int NOT NULL REFERENCES categories, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, status int);
CREATE TABLE items (id bigserial PRIMARY KEY, order_id int NOT NULL REFERENCES orders, product_id int);
CREATE TABLE sessions (token text PRIMARY KEY, customer_id int NOT NULL);
CREATE TABLE deliveries (id int PRIMARY KEY, order_id int NOT NULL, state int NOT NULL);
CREATE INDEX ON orders (status, id);
CREATE INDEX ON items (order_id);
CREATE INDEX ON products (category_id);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 500) AS g;
INSERT INTO categories SELECT g, 'category ' || g FROM generate_series(1, 40) AS g;
INSERT INTO products SELECT g, 1 + g / 5 % 40, 'product ' || g FROM generate_series(1, 2000) AS g;
INSERT INTO orders SELECT g, 1 + g * 7 % 500, g % 20 FROM generate_series(1, 4000) AS g;
INSERT INTO items (order_id, product_id)
    SELECT 1 + g % 4000, 1 + g % 2000 FROM generate_series(1, 12000) AS g;
INSERT INTO sessions SELECT 'token ' || g, g FROM generate_series(1, 500) AS g;
INSERT INTO deliveries SELECT g, g, 0 FROM generate_series(1, 4000) AS g;
ANALYZE
"""

LIST_ORDERS = "SELECT id, customer_id, status FROM orders WHERE status = %s AND id > %s ORDER BY id LIMIT 25"
LIST_BATCH = "SELECT o.id, o.customer_id FROM orders AS o WHERE o.status = %s ORDER BY o.id DESC LIMIT 25"
LIST_PRODUCTS = "SELECT id, category_id, name FROM products WHERE id >= %s ORDER BY id LIMIT 30"
CUSTOMER = "SELECT id, name FROM customers WHERE id = %s"
ITEMS = "SELECT id, order_id, product_id FROM items WHERE order_id = %s"
CATEGORY = 'SELECT "categories".* FROM "categories" WHERE "categories"."id" = %s LIMIT 1'
SESSION = "SELECT customer_id FROM sessions WHERE token = %s"
PRODUCT = "SELECT id, name FROM products WHERE id = %s"
DELIVERY = "SELECT id, order_id, state FROM deliveries WHERE id = %s"

LOOPS = {("customers", "orders"), ("items", "orders"), ("categories", "products")}
"""Table that is looked up, table that is listed: the loops that are wrong."""

Session = psycopg.Connection[tuple[Any, ...]]


class Application:
    """The application on a server, where it makes the database `shop`. A context manager.

    Args:
        server: with pg_stat_statements.
        seed: of what it does.

    Attributes:
        served: how often each request was answered.
    """

    def __init__(self, server: Postgres, seed: int = 1) -> None:
        self.served: Counter[str] = Counter()
        self._server, self._seed = server, seed
        self._end = Event()
        self._began = monotonic()
        works = [self._requests] * THREADS + [self._deliver]
        self._threads = [Thread(target=self._run, args=(w, n), daemon=True) for n, w in enumerate(works)]

    def _run(self, work: Callable[[Session, random.Random], None], number: int) -> None:
        with self._server.connect(dbname=DATABASE) as session:
            work(session, random.Random(self._seed * 100 + number))

    def _requests(self, session: Session, chance: random.Random) -> None:
        requests = (self._orders, self._batch, self._products, self._product)
        while not self._end.wait(chance.expovariate(1 / self._pause())):
            (request,) = chance.choices(requests, weights=(5, 4, 5, 6))
            session.execute(SESSION, (f"token {chance.randint(1, 500)}",))
            request(session, chance)
            self.served[request.__name__.lstrip("_")] += 1

    def _pause(self) -> float:
        """Seconds between two requests: the load goes up to five times what it is at its lowest."""
        place = (monotonic() - self._began) % PERIOD_SECONDS / PERIOD_SECONDS
        return 0.002 + 0.008 * abs(2 * place - 1)

    def _orders(self, session: Session, chance: random.Random) -> None:
        """N+1, twice."""
        chosen = (chance.randrange(20), chance.randrange(2000))
        for order, customer, _ in session.execute(LIST_ORDERS, chosen).fetchall():
            session.execute(CUSTOMER, (customer,))
            session.execute(ITEMS, (order,))

    def _products(self, session: Session, chance: random.Random) -> None:
        """N+1 with an identity map."""
        seen: dict[int, Any] = {}
        for _, category, _ in session.execute(LIST_PRODUCTS, (chance.randint(1, 1900),)).fetchall():
            if category not in seen:
                seen[category] = session.execute(CATEGORY, (category,)).fetchone()

    def _batch(self, session: Session, chance: random.Random) -> None:
        """The page of orders as it should be, and some pages of it with two products beside."""
        orders = session.execute(LIST_BATCH, (chance.randrange(20),)).fetchall()
        keys, customers = [order for order, _ in orders], [customer for _, customer in orders]
        session.execute("SELECT id, order_id FROM items WHERE order_id = ANY(%s)", (keys,))
        session.execute("SELECT id, name FROM customers WHERE id = ANY(%s)", (customers,))
        for _ in range(chance.randint(0, 4)):
            session.execute(PRODUCT, (chance.randint(1, 2000),))
        if chance.random() < 0.2:
            session.execute("INSERT INTO items (order_id, product_id) VALUES (%s, 1)", (keys[0],))

    def _product(self, session: Session, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 6)):
            session.execute(PRODUCT, (chance.randint(1, 2000),))
        if chance.random() < 0.3:
            session.execute(ITEMS.replace("id, order_id, ", ""), (chance.randint(1, 4000),))

    def _deliver(self, session: Session, chance: random.Random) -> None:
        """The job: one row after another, without a list."""
        while not self._end.wait(chance.expovariate(1 / 0.03)):
            for _ in range(chance.randint(1, 20)):
                number = chance.randint(1, 4000)
                session.execute(DELIVERY, (number,))
                session.execute("UPDATE deliveries SET state = state + 1 WHERE id = %s", (number,))

    def __enter__(self) -> Self:
        self._server.execute(f"CREATE DATABASE {DATABASE}")
        self._server.execute(TABLES, dbname=DATABASE)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(5)
