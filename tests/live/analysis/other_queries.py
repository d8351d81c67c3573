"""More queries of the shop, written after the search was, and labelled by brute force.

Every index of one or two columns was created, on each table of a statement, and the blocks counted that the
statement read: `wanted` is the one with the fewest, where that was less than 70 percent of those without.
Some of these are index-only scans of a whole table, which are right and not worth much.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.live.analysis.indexed_queries import Labelled

OTHERS: Sequence[Labelled] = (
    Labelled(
        name="in a subquery",
        sql="SELECT c.* FROM shop.customers c WHERE c.id IN (SELECT o.customer_id FROM shop.orders o "
        "WHERE o.total = $1 AND o.region_id = $2)",
        arguments=("77", "77"),
        wanted=(("shop.orders", "region_id, total"),),
    ),
    Labelled(
        name="common table expression",
        sql="WITH recent AS (SELECT * FROM shop.orders WHERE customer_id=$1) SELECT count(*) FROM "
        "recent r JOIN shop.items i ON i.order_id=r.id",
        arguments=("77",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="distinct",
        sql="SELECT DISTINCT warehouse_id FROM shop.items WHERE batch_id=$1",
        arguments=("77",),
        wanted=(("shop.items", "batch_id, warehouse_id"),),
    ),
    Labelled(
        name="groups of a range",
        sql="SELECT o.customer_id, count(*) FROM shop.orders o WHERE o.created_at >= $1 AND "
        "o.created_at < $2 GROUP BY 1 ORDER BY 2 DESC LIMIT $3",
        arguments=("'2024-03-02'", "'2024-03-03'", "10"),
        wanted=(("shop.orders", "created_at, customer_id"),),
    ),
    Labelled(
        name="pattern and equality",
        sql="SELECT * FROM shop.customers WHERE name LIKE $1 AND email=$2",
        arguments=("'a%'", "'user77@example.org'"),
        wanted=(("shop.customers", "email, name"),),
    ),
    Labelled(
        name="join with itself",
        sql="SELECT a.id FROM shop.orders a JOIN shop.orders b ON a.customer_id=b.customer_id WHERE b.id=$1",
        arguments=("77",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="lateral",
        sql="SELECT c.id, l.id FROM shop.customers c CROSS JOIN LATERAL (SELECT o.id FROM shop.orders o "
        "WHERE o.customer_id=c.id ORDER BY o.created_at DESC LIMIT $1) l WHERE c.id = $2",
        arguments=("3", "77"),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="key of jsonb as a parameter",
        sql="SELECT id FROM shop.docs WHERE data ->> $1 = $2",
        arguments=("'kind'", "'77'"),
    ),
    Labelled(
        name="truncated time",
        sql="SELECT id FROM shop.orders WHERE date_trunc($1, created_at) = $2",
        arguments=("'day'", "'2024-03-02'"),
    ),
    Labelled(
        name="page by offset",
        sql="SELECT * FROM shop.items ORDER BY product_id, id LIMIT $1 OFFSET $2",
        arguments=("20", "40"),
        wanted=(("shop.items", "product_id"),),
    ),
    Labelled(
        name="update from another table",
        sql="UPDATE shop.orders o SET note=note FROM shop.customers c WHERE c.id=o.customer_id AND "
        "c.email=$1",
        arguments=("'user77@example.org'",),
        wanted=(("shop.orders", "customer_id, status"),),
    ),
    Labelled(
        name="delete by a subquery",
        sql="DELETE FROM shop.items WHERE order_id IN (SELECT id FROM shop.orders WHERE customer_id=$1)",
        arguments=("77",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="two equalities and an open range",
        sql="SELECT count(*) FROM shop.orders WHERE total=$1 AND state=$2 AND customer_id > $3",
        arguments=("77", "'b'", "5000"),
        wanted=(("shop.orders", "state, total"),),
    ),
    Labelled(
        name="union",
        sql="SELECT id FROM shop.orders WHERE customer_id=$1 UNION ALL SELECT id FROM shop.items WHERE "
        "product_id=$2",
        arguments=("77", "77"),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="window",
        sql="SELECT id, row_number() over (partition by customer_id order by created_at) FROM "
        "shop.orders WHERE customer_id=$1",
        arguments=("77",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="exists",
        sql="SELECT c.id FROM shop.customers c WHERE c.email=$1 AND EXISTS (SELECT 1 FROM shop.orders o "
        "WHERE o.customer_id=c.id AND o.state=$2)",
        arguments=("'user77@example.org'", "'b'"),
        wanted=(("shop.orders", "customer_id, state"),),
    ),
    Labelled(
        name="least and greatest",
        sql="SELECT min(total), max(total) FROM shop.orders",
        wanted=(("shop.orders", "total"),),
    ),
    Labelled(
        name="first of each",
        sql="SELECT DISTINCT ON (customer_id) customer_id, id FROM shop.orders ORDER BY customer_id, "
        "created_at DESC LIMIT $1",
        arguments=("10",),
    ),
    Labelled(
        name="coalesce",
        sql="SELECT id FROM shop.orders WHERE coalesce(customer_id, 0) = $1",
        arguments=("77",),
    ),
    Labelled(
        name="arithmetic on a column",
        sql="SELECT id FROM shop.orders WHERE customer_id + 1 = $1",
        arguments=("77",),
    ),
    Labelled(
        name="column cast to text",
        sql="SELECT id FROM shop.orders WHERE customer_id::text = $1",
        arguments=("'77'",),
    ),
    Labelled(
        name="column compared as another type",
        sql="SELECT id FROM shop.orders WHERE customer_id = $1::numeric",
        arguments=("77",),
    ),
    Labelled(
        name="not in a list",
        sql="SELECT count(*) FROM shop.orders WHERE region_id NOT IN ($1,$2)",
        arguments=("7", "8"),
        wanted=(("shop.orders", "region_id"),),
    ),
    Labelled(
        name="three tables",
        sql="SELECT i.quantity, p.name FROM shop.items i JOIN shop.orders o ON o.id=i.order_id JOIN "
        "shop.products p ON p.id=i.product_id WHERE o.customer_id=$1",
        arguments=("77",),
        wanted=(("shop.orders", "customer_id"),),
    ),
    Labelled(
        name="wide range",
        sql="SELECT sum(quantity) FROM shop.items WHERE product_id BETWEEN $1 AND $2",
        arguments=("100", "14000"),
        wanted=(("shop.items", "product_id, quantity"),),
    ),
    Labelled(
        name="join with partitions",
        sql="SELECT c.name, e.kind FROM shop.events e JOIN shop.customers c ON c.id=e.uid WHERE c.email=$1",
        arguments=("'user77@example.org'",),
        wanted=(("shop.events", "uid, kind"),),
    ),
    Labelled(
        name="index there for the most selective condition",
        sql="SELECT * FROM shop.sessions WHERE owner=$1 AND expires_at > $2 ORDER BY started_at DESC "
        "LIMIT $3",
        arguments=("77", "'2024-03-02'", "1"),
    ),
    Labelled(
        name="count of distinct values",
        sql="SELECT count(distinct product_id) FROM shop.items",
    ),
    Labelled(
        name="list of pairs",
        sql="SELECT id FROM shop.items WHERE (order_id, product_id) IN (($1,$2),($3,$4))",
        arguments=("7", "8", "9", "10"),
        wanted=(("shop.items", "order_id, product_id"),),
    ),
    Labelled(
        name="queue",
        sql="SELECT id FROM shop.tasks WHERE NOT done AND claimed_at IS NULL ORDER BY id LIMIT $1 FOR "
        "UPDATE SKIP LOCKED",
        arguments=("1",),
        wanted=(("shop.tasks", "done, claimed_at"),),
    ),
    Labelled(
        name="queue of a kind",
        sql="SELECT id FROM shop.tasks WHERE claimed_at IS NULL AND kind = $1 ORDER BY id LIMIT $2 FOR "
        "UPDATE SKIP LOCKED",
        arguments=("3", "1"),
    ),
    Labelled(
        name="function on both sides",
        sql="SELECT id FROM shop.customers WHERE upper(name) = upper($1)",
        arguments=("'abc'",),
    ),
    Labelled(
        name="groups of all",
        sql="SELECT product_id, count(*) FROM shop.items GROUP BY product_id ORDER BY 2 DESC LIMIT $1",
        arguments=("10",),
    ),
    Labelled(
        name="rows without partner",
        sql="SELECT o.id FROM shop.orders o LEFT JOIN shop.items i ON i.order_id=o.id WHERE "
        "o.region_id=$1 AND i.id IS NULL",
        arguments=("7",),
        wanted=(("shop.items", "order_id"),),
    ),
    Labelled(
        name="greatest of all as a condition",
        sql="SELECT * FROM shop.orders WHERE total = (SELECT max(total) FROM shop.orders) AND state = $1",
        arguments=("'a'",),
        wanted=(("shop.orders", "total, state"),),
    ),
    Labelled(
        name="either of two values",
        sql="SELECT id FROM shop.items WHERE order_id = $1 OR order_id = $2",
        arguments=("5", "6"),
        wanted=(("shop.items", "order_id"),),
    ),
    Labelled(
        name="open range",
        sql="SELECT id, note FROM shop.orders WHERE created_at > $1",
        arguments=("'2024-04-25 17:00'",),
        wanted=(("shop.orders", "created_at"),),
    ),
    Labelled(
        name="order behind a column that has an index",
        sql="SELECT id FROM shop.orders WHERE region_id=$1 ORDER BY total DESC LIMIT $2",
        arguments=("7", "5"),
        wanted=(("shop.orders", "region_id, total"),),
    ),
    Labelled(
        name="update by key",
        sql="UPDATE shop.orders SET note=note WHERE id=$1",
        arguments=("7",),
    ),
    Labelled(
        name="update by another column",
        sql="UPDATE shop.tasks SET done = done WHERE payload = $1",
        arguments=("'x'",),
        wanted=(("shop.tasks", "payload"),),
    ),
    Labelled(
        name="insert from a select",
        sql="INSERT INTO shop.regions SELECT id+100000, note, note FROM shop.items WHERE batch_id = $1 "
        "AND warehouse_id = $2",
        arguments=("7", "7"),
        wanted=(("shop.items", "warehouse_id, batch_id"),),
    ),
    Labelled(
        name="groups with many rows",
        sql="SELECT customer_id FROM shop.orders WHERE state=$1 GROUP BY customer_id HAVING count(*) > $2",
        arguments=("'a'", "50"),
        wanted=(("shop.orders", "state, customer_id"),),
    ),
)
