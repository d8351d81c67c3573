"""Statements that are as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from tests.live.analysis.defects.asked import Asked, day, whole

HEALTHY: Sequence[Asked] = (
    Asked(name="primary key", sql="SELECT * FROM parcels WHERE id = %s", values=whole(60000)),
    Asked(
        name="unique key",
        sql="SELECT id, amount FROM invoices WHERE number = %s",
        values=lambda chance: (f"N{chance.randint(1, 30000)}",),
    ),
    Asked(
        name="foreign key",
        sql="SELECT number, amount FROM invoices WHERE sender_id = %s",
        values=whole(20000),
    ),
    Asked(
        name="index alone",
        sql="SELECT sum(amount) FROM invoices WHERE sender_id = %s",
        values=whole(20000),
    ),
    Asked(
        name="last ones by an index",
        sql="SELECT id, number FROM invoices WHERE issued <= %s ORDER BY issued DESC LIMIT 10",
        values=lambda chance: (day(chance),),
    ),
    Asked(
        name="partial index",
        sql="SELECT id, amount FROM claims WHERE state = 'open' AND opened >= %s",
        values=lambda _: (date(2025, 8, 1),),
    ),
    Asked(
        name="range in one partition",
        sql="SELECT count(*) FROM scans WHERE at >= %s AND at < '2025-05-20'",
        values=lambda _: (datetime(2025, 5, 19, 12, tzinfo=UTC),),
    ),
    Asked(
        name="foreign key of partitions",
        sql="SELECT kind, at FROM scans WHERE parcel_id = %s",
        values=whole(60000),
    ),
    Asked(
        name="hash index",
        sql="SELECT id, name FROM couriers WHERE vehicle_id = %s",
        values=whole(2999),
    ),
    Asked(
        name="batch of keys",
        sql="SELECT id, status FROM parcels WHERE id = ANY(%s)",
        values=lambda chance: ([chance.randint(1, 60000) for _ in range(50)],),
    ),
    Asked(
        name="short list",
        sql="SELECT id, plate FROM vehicles WHERE id IN (%s, %s, %s)",
        values=whole(3000, 3000, 3000),
    ),
    Asked(
        name="GIN index",
        sql="SELECT id, subject FROM tickets WHERE labels @> %s",
        values=lambda chance: ([f"l{chance.randrange(2500)}"],),
    ),
    Asked(
        name="email as it is",
        sql="SELECT id, name FROM senders WHERE email = %s",
        values=lambda chance: (f"Sender{chance.randint(1, 20000)}@example.org",),
    ),
    Asked(
        name="prefix",
        sql="SELECT id, email FROM senders WHERE email LIKE 'Sender12%%' ORDER BY email LIMIT 10",
    ),
    Asked(
        name="dear parcels, once",
        sql="SELECT id, price FROM parcels WHERE price > %s",
        values=lambda _: (Decimal("499.5"),),
        calls=1,
    ),
    Asked(
        name="message",
        sql="SELECT id FROM messages WHERE body = repeat(md5(%s::text), 25)",
        values=whole(99999),
    ),
    Asked(
        name="small table",
        sql="SELECT id, name FROM depots WHERE region = %s",
        values=lambda _: ("region 4",),
    ),
    Asked(name="count of a small table", sql="SELECT count(*) FROM jobs"),
    Asked(name="all of a small table", sql="SELECT * FROM depots ORDER BY name"),
    Asked(
        name="OFFSET near the beginning",
        sql="SELECT id, number FROM invoices ORDER BY id LIMIT 20 OFFSET %s",
        values=whole(60),
    ),
    Asked(
        name="aggregate of all",
        sql="SELECT hall, sum(filled) FROM shelves GROUP BY hall",
    ),
    Asked(
        name="join of all",
        sql="SELECT d.region, count(*) FROM parcels AS p JOIN depots AS d ON d.id = p.depot_id"
        " GROUP BY d.region",
    ),
    Asked(
        name="most of a table",
        sql="SELECT count(id), sum(amount) FROM invoices WHERE amount > %s",
        values=lambda _: (50,),
    ),
    Asked(
        name="common value of a skewed column",
        sql="SELECT sum(amount) FROM claims WHERE state = %s",
        values=lambda _: ("closed",),
    ),
    Asked(
        name="rows that are not gone",
        sql="SELECT count(*), sum(weight) FROM parcels WHERE delivered_at IS NOT NULL",
    ),
    Asked(
        name="another value",
        sql="SELECT sum(hours) FROM shifts WHERE courier_id <> %s",
        values=whole(59),
    ),
    Asked(
        name="half of the rows",
        sql="SELECT avg(value) FROM readings WHERE value %% 2 = %s",
        values=lambda chance: (chance.randrange(2),),
    ),
    Asked(
        name="semi join by an index",
        sql="SELECT count(*) FROM routes AS r WHERE day = %s"
        " AND EXISTS (SELECT FROM stops AS s WHERE s.route_id = r.id)",
        values=lambda _: (date(2025, 3, 5),),
    ),
    Asked(
        name="queue that skips",
        sql="SELECT id, state FROM jobs WHERE state = %s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
        values=lambda _: (0,),
    ),
    Asked(
        name="window",
        sql="SELECT id, rank() OVER (ORDER BY number) FROM routes WHERE day = %s",
        values=lambda _: (date(2025, 3, 7),),
    ),
    Asked(
        name="common table expression",
        sql="WITH low AS (SELECT id, depot_id FROM vehicles WHERE id < %s)"
        " SELECT d.code, count(*) FROM low JOIN depots AS d ON d.id = low.depot_id GROUP BY d.code",
        values=whole(40),
    ),
    Asked(
        name="union",
        sql="SELECT id FROM jobs WHERE id < %s UNION ALL SELECT id FROM depots WHERE id < %s",
        values=whole(9, 9),
    ),
    Asked(
        name="date arithmetic",
        sql="SELECT id, due FROM invoices WHERE id < %s AND due > issued + interval '1 month'",
        values=whole(40),
    ),
    Asked(
        name="extract",
        sql="SELECT extract(month FROM day), count(*) FROM routes WHERE courier_id = %s GROUP BY 1",
        values=whole(12000),
    ),
    Asked(
        name="volatile function",
        sql="SELECT name FROM depots WHERE id = carrier.next_label(%s)",
        values=lambda _: (5,),
        calls=1,
    ),
    Asked(
        name="insert",
        sql="INSERT INTO trips (id, km) VALUES (%s, %s)",
        values=lambda chance: (chance.randrange(1 << 20, 1 << 30), 5),
    ),
    Asked(
        name="upsert",
        sql="INSERT INTO presence (courier_id, place) VALUES (%s, %s)"
        " ON CONFLICT (courier_id) DO UPDATE SET place = excluded.place",
        values=lambda chance: (chance.randint(1, 500), "dock"),
    ),
    Asked(
        name="insert of a query",
        sql="INSERT INTO bookings SELECT %s, int4range(n, n + 1) FROM generate_series(%s, %s) AS n",
        values=lambda chance: (1, (low := chance.randrange(1 << 20, 1 << 30)), low),
    ),
    Asked(
        name="update by key",
        sql="UPDATE couriers SET seen = seen + 1 WHERE id = %s RETURNING seen",
        values=whole(12000),
    ),
    Asked(
        name="update with a join",
        sql="UPDATE jobs SET state = 0 FROM presence AS p WHERE p.courier_id = jobs.id AND jobs.id = %s",
        values=whole(400),
    ),
    Asked(
        name="delete by key",
        sql="DELETE FROM legs WHERE route_id = %s AND number = %s",
        values=whole(6000, 2),
    ),
    Asked(
        name="delete and return",
        sql="WITH gone AS (DELETE FROM crates WHERE id = %s RETURNING id) SELECT count(*) FROM gone",
        values=whole(3000),
    ),
    Asked(
        name="update of a row with a trigger",
        sql="UPDATE senders SET joined = joined WHERE id = %s",
        values=lambda _: (7,),
    ),
)
"""What wants nothing."""

FROM_15: Sequence[Asked] = (
    Asked(
        name="merge",
        sql="MERGE INTO presence AS p USING (SELECT %s::int AS id) AS s ON p.courier_id = s.id"
        " WHEN MATCHED THEN UPDATE SET place = 'dock' WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'gate')",
        values=whole(500),
    ),
)
"""What servers from 15 on understand."""
