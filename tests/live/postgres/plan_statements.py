"""A shop's schema, and statements of many shapes as an application sends them."""

from __future__ import annotations

from collections.abc import Sequence


def _split(text: str) -> Sequence[str]:
    """Statements with an empty line between them."""
    return [statement.strip() for statement in text.split("\n\n") if statement.strip()]


SCHEMA: Sequence[str] = _split(
    r"""
CREATE SCHEMA shop

CREATE TABLE shop.customers (
id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, name varchar(80), country char(2) DEFAULT 'DE',
tags text[] DEFAULT '{}', profile jsonb DEFAULT '{}', vip boolean DEFAULT false, balance numeric(12, 2),
created_at timestamptz DEFAULT now(), flags bit(4) DEFAULT B'0000', token uuid)

CREATE TABLE shop.orders (
id bigserial PRIMARY KEY, customer_id bigint REFERENCES shop.customers ON DELETE CASCADE,
status text NOT NULL DEFAULT 'new', total numeric(12, 2), note text, placed_on date DEFAULT current_date,
created_at timestamptz DEFAULT now(), wait interval)

CREATE TABLE shop.items (
order_id bigint REFERENCES shop.orders ON DELETE CASCADE, line int, sku text, quantity int, price float8,
PRIMARY KEY (order_id, line))

CREATE TABLE shop.products (sku text PRIMARY KEY, title text, price float8, attributes jsonb, parent text)

CREATE TABLE shop.queue (id bigserial PRIMARY KEY, state text DEFAULT 'ready', payload jsonb, run_at
  timestamptz)

CREATE TABLE shop.events (at timestamptz NOT NULL, uid bigint, kind text, data jsonb) PARTITION BY RANGE
  (at)

CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')

CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')

CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT

CREATE INDEX ON shop.orders (created_at)

CREATE INDEX ON shop.products USING gin (attributes)

CREATE VIEW shop.open_orders AS SELECT o.*, c.email FROM shop.orders o JOIN shop.customers c ON c.id =
  customer_id WHERE o.status IN ('new', 'pending')

CREATE MATERIALIZED VIEW shop.sales AS SELECT placed_on, sum(total) AS total FROM shop.orders GROUP BY 1

CREATE TABLE shop.called (what text)

CREATE FUNCTION shop.recorded() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN INSERT INTO shop.called VALUES (TG_OP); RETURN COALESCE(NEW, OLD); END$$

CREATE FUNCTION shop.touched(id bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS
$$BEGIN INSERT INTO shop.called VALUES ('touched'); RETURN id; END$$

INSERT INTO shop.customers (email, name, balance, token)
SELECT 'c' || g || '@example.com', 'Customer ' || g, g, md5(g::text)::uuid FROM generate_series(1, 2000) g

INSERT INTO shop.orders (customer_id, status, total, created_at, wait)
SELECT 1 + g % 2000, (ARRAY['new', 'pending', 'done'])[1 + g % 3], g, now() - g * interval '1 minute',
g * interval '1 second' FROM generate_series(1, 5000) g

INSERT INTO shop.items SELECT g, 1, 'sku' || g % 100, 1, 9.5 FROM generate_series(1, 1000) g

INSERT INTO shop.products SELECT 'sku' || g, 'Product ' || g, g, '{"colour": "red"}' FROM
  generate_series(1, 100) g

INSERT INTO shop.queue (payload) SELECT '{}' FROM generate_series(1, 100)

INSERT INTO shop.events SELECT '2024-01-01'::timestamptz + g * interval '1 hour', g, 'click' FROM
  generate_series(1, 5000) g

CREATE TRIGGER recorded BEFORE INSERT OR UPDATE OR DELETE ON shop.products FOR EACH ROW EXECUTE FUNCTION
  shop.recorded()
"""
)

STATEMENTS: Sequence[str] = _split(
    r"""
SELECT * FROM orders WHERE id = 17

SELECT * FROM orders WHERE customer_id = 17 ORDER BY created_at DESC LIMIT 20 OFFSET 40

SELECT id, total FROM orders WHERE status = 'done' AND total > 100.50 AND note IS NULL

SELECT count(*) FROM orders WHERE created_at BETWEEN '2024-01-01' AND '2024-02-01'

SELECT * FROM orders WHERE id IN (1, 2, 3, 4, 5)

SELECT * FROM orders WHERE id = ANY(ARRAY[1, 2, 3]::bigint[])

SELECT * FROM orders WHERE id = ANY('{1,2,3}')

SELECT * FROM orders WHERE id = ANY(ARRAY[1, 2, 3])

SELECT * FROM customers WHERE lower(email) = 'c7@example.com'

SELECT * FROM customers WHERE email LIKE 'c7%' OR name ILIKE '%omer 9%'

SELECT * FROM customers WHERE email ~ '^c[0-9]+@' AND name !~* 'x'

SELECT * FROM customers WHERE name SIMILAR TO '(C|D)%' AND vip IS NOT TRUE

SELECT DISTINCT country FROM customers WHERE balance::int % 10 = 3

SELECT DISTINCT ON (customer_id) * FROM orders ORDER BY customer_id, created_at DESC

SELECT * FROM customers WHERE tags @> ARRAY['gold'] AND tags && ARRAY['a', 'b']

SELECT * FROM customers WHERE 'gold' = ANY(tags)

SELECT * FROM customers WHERE profile @> '{"a": 1}' AND profile ? 'a'

SELECT profile->>'name', profile#>>'{a,b}' FROM customers WHERE (profile->>'age')::int > 18

SELECT * FROM customers WHERE token = '00000000-0000-0000-0000-000000000000'

SELECT * FROM customers WHERE flags = B'0101'

SELECT * FROM customers WHERE (email, country) = ('c1@example.com', 'DE')

SELECT * FROM customers WHERE (country, email) > ('DE', 'c1') ORDER BY country, email LIMIT 10

SELECT * FROM orders WHERE created_at > now() - interval '7 days'

SELECT * FROM orders WHERE created_at >= date '2024-01-01' AND created_at < timestamp '2024-02-01 00:00'

SELECT * FROM orders WHERE created_at > timestamptz '2024-01-01 00:00+00'

SELECT extract(year FROM created_at), count(*) FROM orders GROUP BY 1

SELECT extract(epoch FROM wait) FROM orders WHERE wait > interval '5' minute

SELECT date_trunc('day', created_at) AS day, sum(total) FROM orders GROUP BY 1 HAVING sum(total) > 10

SELECT to_char(created_at, 'YYYY-MM'), avg(total) FROM orders GROUP BY 1 ORDER BY 1

SELECT created_at AT TIME ZONE 'UTC' FROM orders WHERE placed_on = current_date - 1

SELECT * FROM orders WHERE (created_at, wait) OVERLAPS (timestamptz '2024-01-01', interval '1 day')

SELECT CASE WHEN total > 100 THEN 'big' WHEN total > 10 THEN 'small' ELSE 'tiny' END, count(*) FROM
  orders GROUP BY 1

SELECT coalesce(note, 'none'), nullif(status, 'new'), greatest(total, 1) FROM orders LIMIT 5

SELECT substring(email FROM 1 FOR 3), position('@' IN email), trim(both ' ' FROM name) FROM customers
  LIMIT 3

SELECT overlay(email PLACING 'x' FROM 1 FOR 1), concat(name, '-', country), format('%s', name) FROM
  customers LIMIT 1

SELECT row_to_json(c), jsonb_build_object('id', id, 'kind', 'customer') FROM customers c WHERE id = 3

SELECT cast('12' AS integer) + id, '5'::numeric * balance FROM customers LIMIT 2

SELECT 1 + 2 AS three, 'a' || 'b' AS ab

SELECT name COLLATE "C" FROM customers ORDER BY 1 FETCH FIRST 5 ROWS ONLY

SELECT o.id, c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 4000

SELECT c.email, sum(i.quantity * i.price) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id
  LEFT JOIN items i ON i.order_id = o.id WHERE c.country = 'DE' GROUP BY c.email ORDER BY 2 DESC LIMIT 10

SELECT * FROM orders NATURAL JOIN (SELECT 'done' AS status) AS s

SELECT * FROM orders a, orders b WHERE a.customer_id = b.customer_id AND a.id < b.id AND a.id = 5

SELECT * FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.total >
  4990)

SELECT * FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE status = 'done')

SELECT c.*, last.* FROM customers c CROSS JOIN LATERAL (SELECT * FROM orders o WHERE o.customer_id = c.id
  ORDER BY created_at DESC LIMIT 3) AS last WHERE c.id = 5

SELECT (SELECT max(total) FROM orders WHERE customer_id = c.id), c.email FROM customers c WHERE c.id < 10

SELECT * FROM orders o JOIN (VALUES (1, 'a'), (2, 'b')) AS v(id, label) ON v.id = o.id

SELECT * FROM orders FULL JOIN items ON items.order_id = orders.id WHERE orders.id = 9 OR items.order_id
  = 9

SELECT id FROM orders WHERE total > 4000 UNION ALL SELECT id FROM customers WHERE vip UNION SELECT 5

SELECT id FROM orders EXCEPT SELECT order_id FROM items WHERE line = 1

WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT customer_id, count(*) FROM big GROUP BY 1

WITH RECURSIVE up AS (SELECT sku, parent, 1 AS depth FROM products WHERE sku = 'sku1' UNION ALL SELECT
  p.sku, p.parent, depth + 1 FROM products p JOIN up ON p.sku = up.parent) SELECT * FROM up

WITH gone AS (DELETE FROM queue WHERE id = 1 RETURNING *) SELECT count(*) FROM gone

SELECT id, rank() OVER (PARTITION BY customer_id ORDER BY total DESC), lag(total, 1) OVER (ORDER BY id)
  FROM orders

SELECT id, sum(total) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM orders LIMIT 10

SELECT status, placed_on, count(*) FROM orders GROUP BY GROUPING SETS ((status), (placed_on), ())

SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY total), count(*) FILTER (WHERE total > 10) FROM orders

SELECT string_agg(sku, ', ' ORDER BY sku), array_agg(line) FROM items WHERE order_id < 10

SELECT day::date FROM generate_series('2024-01-01'::date, '2024-01-10'::date, '1 day'::interval) AS day

SELECT n FROM generate_series(1, 10) AS n

SELECT tag FROM customers, unnest(tags) AS tag WHERE id = 3

SELECT * FROM jsonb_to_recordset('[{"a": 1}]') AS x(a int)

SELECT count(*) FROM orders TABLESAMPLE SYSTEM (10)

SELECT * FROM events WHERE uid = 77

SELECT * FROM events WHERE at >= '2024-03-01' AND at < '2024-04-01' AND kind = 'click'

SELECT * FROM open_orders WHERE email = 'c9@example.com'

SELECT * FROM sales WHERE total > 5

INSERT INTO queue (payload, run_at) VALUES ('{"a": 1}', now())

INSERT INTO queue (state, payload) VALUES ('ready', '{}'), ('later', '{}') RETURNING id

INSERT INTO orders (customer_id, status) SELECT id, 'new' FROM customers WHERE vip

INSERT INTO products (sku, title) VALUES ('sku1', 'New') ON CONFLICT (sku) DO UPDATE SET title =
  excluded.title WHERE products.title <> 'x'

INSERT INTO products (sku) VALUES ('sku2') ON CONFLICT DO NOTHING

INSERT INTO events (at, uid, kind) VALUES ('2024-05-05', 5, 'view')

UPDATE orders SET status = 'done', note = 'n' || id WHERE customer_id = 3 AND status = 'new'

UPDATE orders SET total = total * 1.1 FROM customers c WHERE c.id = customer_id AND c.email =
  'c1@example.com'

UPDATE products SET price = price + 1, attributes = jsonb_set(attributes, '{size}', '5') WHERE sku =
  'sku3'

UPDATE events SET kind = 'x' WHERE uid = 3 AND at < '2024-02-01'

DELETE FROM queue WHERE state = 'done' AND run_at < now() - interval '1 day'

DELETE FROM items USING orders WHERE orders.id = items.order_id AND orders.status = 'gone'

DELETE FROM products WHERE sku = 'sku99' RETURNING sku

SELECT * FROM queue WHERE state = 'ready' ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED

SELECT 1 FROM ONLY customers x WHERE id OPERATOR(pg_catalog.=) 5 FOR KEY SHARE OF x

SELECT touched(id) FROM orders WHERE id = 4

SELECT /* page:home */ id FROM orders -- by status; and more
WHERE status = 'pending' LIMIT 1

VALUES (1, 'one'), (2, 'two')

TABLE sales

SELECT * FROM shop.orders WHERE note = E'it''s\n' OR note = $tag$dollars$tag$ OR note = 'x'
"""
)
"""One table, times, expressions, joins, WITH, windows, writing, locks: each is one entry of the extension."""

FROM_15: Sequence[str] = _split(
    r"""
MERGE INTO products p USING (SELECT sku, max(price) AS price FROM items GROUP BY sku) AS i ON p.sku =
  i.sku WHEN MATCHED AND i.price > 100 THEN UPDATE SET price = 5 WHEN NOT MATCHED THEN INSERT (sku,
  title) VALUES (i.sku, 'merged')

MERGE INTO queue q USING (VALUES (1, 'done')) AS v(id, state) ON q.id = v.id WHEN MATCHED THEN UPDATE SET
  state = v.state WHEN NOT MATCHED THEN DO NOTHING
"""
)
