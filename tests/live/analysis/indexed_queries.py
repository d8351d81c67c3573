"""A shop whose queries lack indexes: its schema, its data, its statements, and the index that each wants.

Labelled by hand and checked by `test_missing_indexes.py`, which creates each index and counts the blocks
that the statement reads before and after. Texts are as pg_stat_statements has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Wanted = tuple[str, str]
"""A table with its schema, and what stands in the brackets of CREATE INDEX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A statement of the workload.

    Attributes:
        name: what is particular about it.
        sql: normalized.
        arguments: one value for each parameter, as SQL literals: what the application asks for.
        wanted: every index that is right, the best first: table and keys; empty if it wants none.
        together: whether it wants all of them.
        calls: how often it ran.
        milliseconds: of all calls.
    """

    name: str
    sql: str
    arguments: tuple[str, ...] = ()
    wanted: Sequence[Wanted] = ()
    together: bool = False
    calls: int = 1000
    milliseconds: float = 20_000.0


SCHEMA = """
CREATE SCHEMA shop;
SET search_path = shop;
CREATE TABLE customers (id int PRIMARY KEY, email varchar(80), country text, name text, tier int);
CREATE TABLE products (id int PRIMARY KEY, category_id int, price numeric, sku text UNIQUE, name text);
CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int, status text, state text, created_at timestamptz,
    shipped_at timestamptz, region_id int, total numeric, note text);
CREATE TABLE items (
    id int PRIMARY KEY, order_id int, product_id int, warehouse_id int, batch_id int, quantity int,
    note text);
CREATE TABLE events (id int, uid int, kind text, ts timestamptz NOT NULL) PARTITION BY RANGE (ts);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2024-03-01') TO ('2024-05-01');
CREATE TABLE docs (id int PRIMARY KEY, data jsonb, tags text[], title text);
CREATE TABLE sessions (id int, token text, owner int, started_at timestamptz, expires_at timestamptz);
CREATE TABLE "Order Lines" ("Id" int PRIMARY KEY, "Article No" int, "select" text);
CREATE TABLE tasks (
    id int PRIMARY KEY, kind int, done boolean NOT NULL, claimed_at timestamptz, deleted_at timestamptz,
    payload text);
CREATE TABLE regions (id int PRIMARY KEY, code text, name text);
"""

DATA = """
SET search_path = shop;
INSERT INTO customers SELECT i, 'user' || i || '@example.org', 'c' || i % 20, md5(i::text), i % 4
    FROM generate_series(1, 15000) i;
INSERT INTO products SELECT i, i % 200, i % 1000, 'sku' || i, md5(i::text) || ' ' || md5((i * 7)::text)
    FROM generate_series(1, 15000) i;
INSERT INTO orders SELECT i, 1 + (i * 7919::bigint) % 15000,
        CASE WHEN i % 200 = 0 THEN 'pending' ELSE 'done' END,
        (ARRAY['a', 'b', 'c', 'd'])[1 + (i * 31::bigint) % 4],
        '2024-01-01'::timestamptz + ((i * 104729::bigint) % 10000000) * interval '1 second',
        CASE WHEN i % 500 <> 0 THEN '2024-06-01'::timestamptz + i * interval '1 second' END,
        i % 1000, i % 977, repeat('x', 80)
    FROM generate_series(1, 40000) i;
INSERT INTO items SELECT i, 1 + (i * 15485863::bigint) % 40000, 1 + (i * 7919::bigint) % 15000,
        (i * 31::bigint) % 50, (i * 17::bigint) % 2000, i % 10, repeat('y', 30)
    FROM generate_series(1, 60000) i;
INSERT INTO events SELECT i, (i * 7919::bigint) % 3000, 'k' || i % 5,
        '2024-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second'
    FROM generate_series(1, 40000) i;
INSERT INTO docs SELECT i, jsonb_build_object('kind', i % 5000, 'size', i % 100),
        ARRAY['t' || i % 3000, 'u' || i % 4000], md5(i::text) || md5((i * 3)::text)
    FROM generate_series(1, 15000) i;
INSERT INTO sessions SELECT i, md5(i::text), (i * 7919::bigint) % 20000,
        '2024-01-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second',
        '2024-02-01'::timestamptz + (i * 104729::bigint) % 10000000 * interval '1 second'
    FROM generate_series(1, 30000) i;
INSERT INTO "Order Lines" SELECT i, (i * 7919::bigint) % 20000, md5(i::text) FROM generate_series(1, 25000) i;
INSERT INTO tasks SELECT i, i % 7, i % 500 <> 0,
        CASE WHEN i % 300 <> 0 THEN '2024-01-01'::timestamptz + i * interval '1 minute' END,
        CASE WHEN i % 900 = 0 THEN '2024-06-01'::timestamptz END, md5(i::text)
    FROM generate_series(1, 30000) i;
INSERT INTO regions SELECT i, 'r' || i, md5(i::text) FROM generate_series(1, 1000) i;
"""

# What an application that has grown has beside its primary keys; and the views.
INDEXES = """
SET search_path = shop;
CREATE INDEX orders_region_created ON orders (region_id, created_at);
CREATE INDEX sessions_token ON sessions USING hash (token);
CREATE INDEX sessions_owner ON sessions (owner DESC);
CREATE INDEX customers_country ON customers (country);
CREATE VIEW shipped AS SELECT o.id AS number, o.customer_id AS buyer, o.state AS phase, o.total FROM orders o
    WHERE o.shipped_at IS NOT NULL;
"""

ANALYZE = "VACUUM (ANALYZE) "
TABLES = (
    "customers", "products", "orders", "items", "events", "docs", "sessions", '"Order Lines"', "tasks",
    "regions",
)  # fmt: skip

WANTING: Sequence[Labelled] = (
    Labelled(
        name="one column",
        sql="SELECT * FROM shop.items WHERE order_id = $1",
        arguments=("4711",),
        wanted=(("shop.items", "order_id"),),
    ),
    Labelled(
        name="varchar",
        sql="SELECT id, name FROM shop.customers WHERE email = $1",
        arguments=("'user77@example.org'",),
        wanted=(("shop.customers", "email"),),
    ),
    Labelled(
        name="two columns",
        sql="SELECT id, quantity FROM shop.items WHERE warehouse_id = $1 AND batch_id = $2",
        arguments=("7", "77"),
        wanted=(
            ("shop.items", "batch_id, warehouse_id"),
            ("shop.items", "warehouse_id, batch_id"),
            ("shop.items", "batch_id"),
        ),
    ),
    Labelled(
        name="equality and range",
        sql="SELECT id FROM shop.events_3 WHERE kind = $1 AND ts BETWEEN $2 AND $3",
        arguments=("'k1'", "'2024-03-02'", "'2024-03-03'"),
        wanted=(("shop.events", "kind, ts"), ("shop.events", "ts")),
    ),
    Labelled(
        name="range",
        sql="SELECT id, owner FROM shop.sessions WHERE expires_at >= $1 AND expires_at < $2",
        arguments=("'2024-03-02'", "'2024-03-02 06:00'"),
        wanted=(("shop.sessions", "expires_at"),),
    ),
    Labelled(
        name="equality and order with limit",
        sql="SELECT id, total FROM shop.orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT $2",
        arguments=("17", "10"),
        wanted=(("shop.orders", "customer_id, created_at"), ("shop.orders", "customer_id")),
    ),
    Labelled(
        name="order with limit",
        sql="SELECT * FROM shop.orders ORDER BY total DESC, id LIMIT $1",
        arguments=("20",),
        wanted=(
            ("shop.orders", "total DESC, id"),
            ("shop.orders", "total, id DESC"),
            ("shop.orders", "total"),
        ),
    ),
    Labelled(
        name="common value, order with limit",
        sql="SELECT id, customer_id FROM shop.orders WHERE state = $1 ORDER BY created_at DESC LIMIT $2",
        arguments=("'b'", "20"),
        wanted=(("shop.orders", "state, created_at"), ("shop.orders", "created_at")),
    ),
    Labelled(
        name="function of a column",
        sql="SELECT id FROM shop.customers WHERE lower(email) = $1",
        arguments=("'user99@example.org'",),
        wanted=(("shop.customers", "lower((email)::text)"),),
    ),
    Labelled(
        name="join, the other side by key",
        sql="SELECT o.id, i.quantity FROM shop.orders o JOIN shop.items i ON i.order_id = o.id "
        "WHERE o.id = $1",
        arguments=("99",),
        wanted=(("shop.items", "order_id"),),
    ),
    Labelled(
        name="join, both sides",
        sql="SELECT c.name, o.total FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id "
        "WHERE c.email = $1",
        arguments=("'user5@example.org'",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="check of a foreign key",
        sql="SELECT $2 FROM ONLY shop.items x WHERE $1 OPERATOR(pg_catalog.=) product_id FOR KEY SHARE OF x",
        arguments=("5", "1"),
        wanted=(("shop.items", "product_id"),),
    ),
    Labelled(
        name="partitions",
        sql="SELECT count(*) FROM shop.events WHERE uid = $1",
        arguments=("12",),
        wanted=(("shop.events", "uid"),),
    ),
    Labelled(
        name="partitions, equality and range",
        sql="SELECT id FROM shop.events WHERE uid = $1 AND ts >= $2",
        arguments=("12", "'2024-02-10'"),
        wanted=(("shop.events", "uid, ts"), ("shop.events", "uid")),
    ),
    Labelled(
        name="view",
        sql="SELECT number, total FROM shop.shipped WHERE buyer = $1 AND phase = $2",
        arguments=("17", "'b'"),
        wanted=(("shop.orders", "customer_id, state"), ("shop.orders", "customer_id")),
    ),
    Labelled(
        name="update",
        sql="UPDATE shop.items SET quantity = quantity + $1 WHERE order_id = $2 AND product_id = $3",
        arguments=("0", "99", "7"),
        wanted=(
            ("shop.items", "order_id, product_id"),
            ("shop.items", "product_id, order_id"),
            ("shop.items", "order_id"),
            ("shop.items", "product_id"),
        ),
    ),
    Labelled(
        name="delete",
        sql="DELETE FROM shop.sessions WHERE started_at = $1",
        arguments=("'2031-01-01'",),
        wanted=(("shop.sessions", "started_at"),),
    ),
    Labelled(
        name="any of an array",
        sql="SELECT * FROM shop.items WHERE product_id = ANY ($1)",
        arguments=("'{3,5,8}'::int[]",),
        wanted=(("shop.items", "product_id"),),
    ),
    Labelled(
        name="list",
        sql="SELECT * FROM shop.items WHERE batch_id IN ($1, $2, $3)",
        arguments=("3", "5", "8"),
        wanted=(("shop.items", "batch_id"),),
    ),
    Labelled(
        name="not exists",
        sql="SELECT count(*) FROM shop.products p WHERE p.category_id = $1 AND NOT EXISTS "
        "(SELECT $2 FROM shop.items i WHERE i.product_id = p.id)",
        arguments=("5", "1"),
        wanted=(("shop.items", "product_id"),),
    ),
    Labelled(
        name="is null",
        sql="SELECT id, payload FROM shop.tasks WHERE claimed_at IS NULL",
        wanted=(("shop.tasks", "claimed_at"),),
    ),
    Labelled(
        name="flag that few rows have",
        sql="SELECT id, payload FROM shop.tasks WHERE kind = $1 AND NOT done",
        arguments=("3",),
        wanted=(("shop.tasks", "kind) WHERE (NOT done"), ("shop.tasks", "done, kind")),
    ),
    Labelled(
        name="newest",
        sql="SELECT max(started_at) FROM shop.sessions",
        wanted=(("shop.sessions", "started_at"),),
    ),
    Labelled(
        name="names that need quotes",
        sql='SELECT "select" FROM shop."Order Lines" l WHERE l."Article No" = $1',
        arguments=("4711",),
        wanted=(('shop."Order Lines"', '"Article No"'),),
    ),
    Labelled(
        name="subquery with a parameter",
        sql="SELECT c.id, (SELECT count(*) FROM shop.orders o WHERE o.customer_id = c.id) "
        "FROM shop.customers c WHERE c.id = $1",
        arguments=("5",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="next page by key",
        sql="SELECT id, title FROM shop.docs WHERE (title, id) > ($1, $2) ORDER BY title, id LIMIT $3",
        arguments=("'5'", "100", "20"),
        wanted=(("shop.docs", "title, id"), ("shop.docs", "title")),
    ),
    Labelled(
        name="either of two columns",
        sql="SELECT id FROM shop.items WHERE order_id = $1 OR product_id = $2",
        arguments=("5", "7"),
        wanted=(("shop.items", "order_id"), ("shop.items", "product_id")),
        together=True,
    ),
)

CONTENT: Sequence[Labelled] = (
    Labelled(
        name="leading wildcard",
        sql="SELECT id FROM shop.products WHERE name LIKE $1",
        arguments=("'%abc12%'",),
        wanted=(("shop.products", "name gin_trgm_ops"),),
    ),
    Labelled(
        name="ilike",
        sql="SELECT id FROM shop.docs WHERE title ILIKE $1",
        arguments=("'%ABC12%'",),
        wanted=(("shop.docs", "title gin_trgm_ops"),),
    ),
    Labelled(
        name="jsonb contains",
        sql="SELECT id FROM shop.docs WHERE data @> $1",
        arguments=("""'{"kind": 77}'""",),
        wanted=(("shop.docs", "data jsonb_path_ops"),),
    ),
    Labelled(
        name="array overlaps",
        sql="SELECT id FROM shop.docs WHERE tags && $1",
        arguments=("'{t77,u78}'::text[]",),
        wanted=(("shop.docs", "tags"),),
    ),
)

WANTING_NOTHING: Sequence[Labelled] = (
    Labelled(name="primary key", sql="SELECT * FROM shop.orders WHERE id = $1", arguments=("7",)),
    Labelled(name="unique key", sql="SELECT * FROM shop.products WHERE sku = $1", arguments=("'sku7'",)),
    Labelled(name="hash index", sql="SELECT * FROM shop.sessions WHERE token = $1", arguments=("'x'",)),
    Labelled(name="descending index", sql="SELECT * FROM shop.sessions WHERE owner = $1", arguments=("7",)),
    Labelled(
        name="prefix of an index", sql="SELECT id FROM shop.orders WHERE region_id = $1", arguments=("7",)
    ),
    Labelled(
        name="index in another order of the conditions",
        sql="SELECT id FROM shop.orders WHERE created_at > $1 AND region_id = $2",
        arguments=("'2024-04-20'", "7"),
    ),
    Labelled(name="small table", sql="SELECT * FROM shop.regions WHERE code = $1", arguments=("'r7'",)),
    Labelled(name="count of all", sql="SELECT count(*) FROM shop.items"),
    Labelled(
        name="aggregate of all",
        sql="SELECT warehouse_id, sum(quantity) FROM shop.items GROUP BY warehouse_id",
    ),
    Labelled(
        name="join of all",
        sql="SELECT c.country, sum(o.total) FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id "
        "GROUP BY c.country",
    ),
    Labelled(
        name="rows that are not deleted",
        sql="SELECT count(*) FROM shop.tasks WHERE deleted_at IS NULL AND done",
    ),
    Labelled(name="low selectivity", sql="SELECT * FROM shop.orders WHERE state = $1", arguments=("'a'",)),
    Labelled(
        name="unequal", sql="SELECT count(*) FROM shop.orders WHERE customer_id <> $1", arguments=("7",)
    ),
    Labelled(
        name="everything, in order",
        sql="SELECT id, total FROM shop.orders ORDER BY total",
    ),
    Labelled(
        name="most of a range",
        sql="SELECT sum(id + region_id) FROM shop.orders WHERE total > $1",
        arguments=("100",),
    ),
    Labelled(name="insert", sql="INSERT INTO shop.regions VALUES ($1, $2, $3)", arguments=("0", "''", "''")),
    Labelled(
        name="skewed column",
        sql="SELECT id, total FROM shop.orders WHERE status = $1",
        arguments=("'done'",),
    ),
    Labelled(
        name="functions of a column that are not immutable",
        sql="SELECT id FROM shop.orders WHERE to_char(created_at, $1) = $2",
        arguments=("'YYYY-MM-DD'", "'2024-03-01'"),
    ),
)
