"""What the carrier's application asks, and what is true of each statement. Texts as psycopg sends them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.analysis.finding import Kind
from exporter.sql.normal import fingerprint

Values = Callable[[random.Random], tuple[Any, ...]]
Wanted = tuple[str, str]
"""A table, and what stands after it in CREATE INDEX."""

CALLS = 6
"""Of most statements: five are the least that the analysis takes for an application's."""


def nothing(_: random.Random) -> tuple[Any, ...]:
    """No values."""
    return ()


def whole(*most: int) -> Values:
    """A number from 1 up to each of these."""
    return lambda chance: tuple(chance.randint(1, each) for each in most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement.

    Attributes:
        name: what is particular about it.
        sql: with %s for each value.
        values: what is asked for.
        wanted: indexes that are right, the best first; empty if it wants none.
        together: whether it wants all of them.
        kind: which finding names the wanted index.
        rules: the anti-patterns that it is.
        calls: how often it is sent.
        server: text that the server runs by itself for it, with values: that is what wants the index.
    """

    name: str
    sql: str
    values: Values = nothing
    wanted: Sequence[Wanted] = ()
    together: bool = False
    kind: Kind = Kind.MISSING_INDEX
    rules: frozenset[str] = frozenset()
    calls: int = CALLS
    server: str = ""

    @property
    def id(self) -> str:
        """As its key has it, from 18 on too."""
        return fingerprint((self.server or self.sql).replace("%s", "$1").replace("%%", "%"))


def rules(*names: str) -> frozenset[str]:
    """A set of rules."""
    return frozenset(names)


def hexadecimal(chance: random.Random, most: int = 256) -> str:
    """Three digits, as md5 has them somewhere."""
    return f"{chance.randrange(most):03x}"


def at(chance: random.Random, days: int = 100) -> datetime:
    """A time in the first days of 2025."""
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(24 * days))


def span(days: int, hours: int = 12) -> Values:
    """A stretch of so many hours."""

    def values(chance: random.Random) -> tuple[Any, ...]:
        begin = at(chance, days)
        return begin, begin + timedelta(hours=hours)

    return values


def day(chance: random.Random) -> date:
    """A day of 2025."""
    return date(2025, 1, 1) + timedelta(days=chance.randrange(300))


WANTING: Sequence[Asked] = (
    Asked(
        name="one column",
        sql="SELECT id, tracking FROM parcels WHERE postcode = %s",
        values=lambda chance: (f"{chance.randrange(7000):05}",),
        wanted=[("parcels", "(postcode)")],
    ),
    Asked(
        name="two columns, equality",
        sql="SELECT id, filled FROM shelves WHERE hall = %s AND rack = %s",
        values=whole(39, 49),
        wanted=[("shelves", "(rack, hall)"), ("shelves", "(hall, rack)")],
    ),
    Asked(
        name="two columns, equality and range",
        sql="SELECT id, hours FROM shifts WHERE courier_id = %s AND began >= %s AND began < %s",
        values=lambda chance: (chance.randrange(60), *span(100, 72)(chance)),
        wanted=[("shifts", "(courier_id, began)"), ("shifts", "(began)")],
    ),
    Asked(
        name="equality and order with LIMIT",
        sql="SELECT id, subject FROM tickets WHERE state = %s ORDER BY created_at DESC LIMIT 20",
        values=lambda chance: (chance.choice(["new", "open", "held", "done"]),),
        wanted=[("tickets", "(state, created_at)"), ("tickets", "(created_at)")],
    ),
    Asked(
        name="order with LIMIT",
        sql="SELECT id, tracking, status FROM parcels ORDER BY posted_at DESC LIMIT 20",
        wanted=[("parcels", "(posted_at)")],
    ),
    Asked(
        name="order by two columns with LIMIT, next page by key",
        sql="SELECT id, city, street FROM addresses WHERE (city, id) > (%s, %s) ORDER BY city, id LIMIT 25",
        values=lambda chance: (f"city {hexadecimal(chance)}", 7),
        wanted=[("addresses", "(city, id)"), ("addresses", "(city)")],
    ),
    Asked(
        name="expression",
        sql="SELECT id, name FROM senders WHERE lower(email) = %s",
        values=lambda chance: (f"sender{chance.randint(1, 20000)}@example.org",),
        wanted=[("senders", "(lower(email))")],
        rules=rules("function_on_column"),
    ),
    Asked(
        name="expression, a cast",
        sql="SELECT id, amount FROM payments WHERE paid_at::date = %s",
        values=lambda chance: (day(chance),),
        wanted=[("payments", "((paid_at::date))")],
        rules=rules("function_on_column"),
    ),
    Asked(
        name="expression with a constant",
        sql="SELECT id, state FROM tickets WHERE meta->>'order' = %s",
        values=lambda chance: (str(chance.randrange(9000)),),
        wanted=[("tickets", "((meta->>'order'))")],
    ),
    Asked(
        name="order by an expression with LIMIT",
        sql="SELECT id, name FROM senders ORDER BY lower(name) LIMIT 20",
        wanted=[("senders", "(lower(name))")],
    ),
    Asked(
        name="join, one side",
        sql="SELECT p.status, c.amount FROM parcels AS p JOIN claims AS c ON c.tracking = p.tracking WHERE p.id = %s",
        values=whole(60000),
        wanted=[("claims", "(tracking)")],
    ),
    Asked(
        name="join, the side with the condition",
        sql="SELECT i.number, i.amount FROM senders AS s JOIN invoices AS i ON i.sender_id = s.id WHERE s.vat = %s",
        values=lambda chance: (f"VAT{chance.randint(1, 20000) * 3}",),
        wanted=[("senders", "(vat)")],
    ),
    Asked(
        name="anti join",
        sql="SELECT c.id FROM couriers AS c WHERE c.depot_id = %s AND NOT EXISTS"
        " (SELECT FROM leave AS l WHERE l.courier_id = c.id)",
        values=whole(300),
        wanted=[("leave", "(courier_id)")],
    ),
    Asked(
        name="check of a foreign key",
        sql="DELETE FROM senders WHERE id = %s",
        values=lambda chance: (chance.randint(20001, 20600),),
        server='SELECT 1 FROM ONLY "carrier"."parcels" x WHERE %s OPERATOR(pg_catalog.=) "sender_id" FOR KEY SHARE OF x',
        wanted=[("parcels", "(sender_id)")],
        calls=20,
    ),
    Asked(
        name="within a function in SQL",
        sql="SELECT carrier.loaded(%s)",
        values=whole(4999),
        server="SELECT sum(parcels) FROM carrier.loads WHERE lane = %s",
        wanted=[("loads", "(lane)")],
    ),
    Asked(
        name="within a function in PL/pgSQL",
        sql="SELECT carrier.balance_of(%s)",
        values=whole(9000),
        server="SELECT sum(amount) AS paid FROM carrier.payments WHERE payer = who",
        wanted=[("payments", "(payer)")],
    ),
    Asked(
        name="partitions",
        sql="SELECT parcel_id, at FROM scans WHERE device = %s",
        values=whole(4000),
        wanted=[("scans", "(device)")],
    ),
    Asked(
        name="partitions, equality and range",
        sql="SELECT count(*) FROM scans WHERE device = %s AND at >= %s",
        values=lambda chance: (chance.randrange(4000), at(chance, 60)),
        wanted=[("scans", "(device, at)"), ("scans", "(device)")],
    ),
    Asked(
        name="view",
        sql="SELECT number, town FROM places WHERE square = %s",
        values=whole(6000),
        wanted=[("addresses", "(grid)")],
    ),
    Asked(
        name="materialized view",
        sql="SELECT day, parcels FROM daily WHERE lane = %s",
        values=whole(5000),
        wanted=[("daily", "(lane)")],
    ),
    Asked(
        name="any of an array",
        sql="SELECT id, arrived FROM stops WHERE parcel_id = ANY(%s)",
        values=lambda chance: ([chance.randint(1, 60000) for _ in range(5)],),
        wanted=[("stops", "(parcel_id)")],
    ),
    Asked(
        name="either of two columns",
        sql="SELECT id, amount FROM claims WHERE tracking = %s OR reference = %s",
        values=lambda chance: ("T0", f"R{chance.randrange(25000)}"),
        wanted=[("claims", "(tracking)"), ("claims", "(reference)")],
        together=True,
    ),
    Asked(
        name="flag that few rows have",
        sql="SELECT id, number FROM invoices WHERE NOT paid AND due < %s",
        values=lambda chance: (date(2025, 2, 1) + timedelta(days=chance.randrange(200)),),
        wanted=[("invoices", "(due) WHERE NOT paid"), ("invoices", "(paid, due)")],
    ),
    Asked(
        name="IS NULL",
        sql="SELECT id, opened FROM claims WHERE settled_at IS NULL",
        wanted=[("claims", "(settled_at)")],
    ),
    Asked(
        name="update",
        sql="UPDATE shelves SET filled = filled + 1 WHERE barcode = md5(%s::text)",
        values=whole(40000),
        wanted=[("shelves", "(barcode)")],
    ),
    Asked(
        name="delete of a range",
        sql="DELETE FROM grants WHERE expires_at >= %s AND expires_at < %s",
        values=span(100, 2),
        wanted=[("grants", "(expires_at)")],
    ),
    Asked(name="newest", sql="SELECT max(began) FROM shifts", wanted=[("shifts", "(began)")]),
    Asked(
        name="rare value of a skewed column",
        sql="SELECT id, tracking FROM parcels WHERE status = %s",
        values=lambda _: ("lost",),
        wanted=[("parcels", "(status)")],
    ),
)
"""What lacks an index that a B-tree can be."""

CONTENT: Sequence[Asked] = (
    Asked(
        name="LIKE with a leading wildcard",
        sql="SELECT id FROM tickets WHERE subject LIKE %s",
        values=lambda chance: (f"%a{hexadecimal(chance)}7%",),
        wanted=[("tickets", "USING gin (subject gin_trgm_ops)")],
        kind=Kind.TRIGRAM_INDEX,
        rules=rules("leading_wildcard"),
    ),
    Asked(
        name="ILIKE",
        sql="SELECT id, city FROM addresses WHERE street ILIKE %s",
        values=lambda chance: (f"%B{hexadecimal(chance)}7%",),
        wanted=[("addresses", "USING gin (street gin_trgm_ops)")],
        kind=Kind.TRIGRAM_INDEX,
        rules=rules("leading_wildcard"),
    ),
    Asked(
        name="jsonb contains",
        sql="SELECT id FROM tickets WHERE meta @> %s::jsonb",
        values=lambda chance: (f'{{"channel": "c{chance.randrange(4000)}"}}',),
        wanted=[("tickets", "USING gin (meta jsonb_path_ops)")],
        kind=Kind.GIN_INDEX,
    ),
    Asked(
        name="arrays overlap",
        sql="SELECT id FROM tickets WHERE tags && %s",
        values=lambda chance: ([f"t{chance.randrange(3000)}"],),
        wanted=[("tickets", "USING gin (tags)")],
        kind=Kind.GIN_INDEX,
    ),
    Asked(
        name="an index that could answer alone",
        sql="SELECT sum(value) FROM readings WHERE meter = %s",
        values=whole(399),
        wanted=[("readings", "(meter) INCLUDE (value)")],
        kind=Kind.COVERING_INDEX,
    ),
)
"""What lacks an index of another kind, or more columns in one."""

CARELESS: Sequence[Asked] = (
    Asked(
        name="all columns of a wide table",
        sql="SELECT * FROM profiles WHERE id = %s",
        values=whole(2000),
        rules=rules("select_star"),
    ),
    Asked(name="no LIMIT", sql="SELECT id, status FROM parcels", rules=rules("missing_limit")),
    Asked(
        name="OFFSET",
        sql="SELECT id, status FROM parcels ORDER BY id LIMIT 20 OFFSET %s",
        values=lambda chance: (chance.randint(50000, 59000),),
        rules=rules("offset_paging"),
    ),
    Asked(name="count of all", sql="SELECT count(*) FROM readings", rules=rules("count_all")),
    Asked(
        name="function around a column",
        sql="SELECT count(*) FROM parcels WHERE date_trunc('day', posted_at) = %s",
        values=lambda chance: (at(chance).replace(hour=0),),
        rules=rules("function_on_column"),
    ),
    Asked(
        name="value of another type, in the text",
        sql="SELECT value FROM readings WHERE id = %s::numeric",
        values=whole(150000),
        rules=rules("implicit_cast"),
    ),
    Asked(
        name="value of another type, from the driver",
        sql="SELECT meter FROM readings WHERE id = %s",
        values=lambda chance: (Decimal(chance.randint(1, 150000)),),
        rules=rules("implicit_cast"),
    ),
    Asked(
        name="long list",
        sql=f"SELECT id, position FROM stops WHERE id IN ({', '.join(['%s'] * 150)})",
        values=lambda chance: tuple(chance.sample(range(36000), 150)),
        rules=rules("long_list"),
    ),
    Asked(
        name="NOT IN with a subquery",
        sql="SELECT count(*) FROM parcels WHERE id NOT IN (SELECT parcel_id FROM stops)",
        rules=rules("not_in_subquery"),
    ),
    Asked(
        name="random order",
        sql="SELECT id FROM tickets ORDER BY random() LIMIT 1",
        rules=rules("random_order"),
    ),
    Asked(
        name="temporary files",
        sql="SELECT max(n), max(tracking) FROM"
        " (SELECT tracking, row_number() OVER (ORDER BY note, recipient) AS n FROM parcels) AS x",
        rules=rules("temporary_files"),
    ),
    Asked(
        name="update of nothing",
        sql="UPDATE presence SET place = %s WHERE courier_id = %s",
        values=lambda chance: ("gate", -chance.randint(1, 500)),
        rules=rules("update_nothing"),
        calls=400,
    ),
    Asked(
        name="queue",
        sql="SELECT id, payload FROM jobs WHERE state = %s ORDER BY id LIMIT 1 FOR UPDATE",
        values=lambda _: (0,),
        rules=rules("queue_without_skip_locked"),
    ),
)
"""What costs more than it has to by the way it is written."""

HEALTHY: Sequence[Asked] = (
    Asked(name="primary key", sql="SELECT * FROM parcels WHERE id = %s", values=whole(60000)),
    Asked(
        name="unique key",
        sql="SELECT id, amount FROM invoices WHERE number = %s",
        values=lambda chance: (f"N{chance.randint(1, 40000)}",),
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
        sql="SELECT d.region, count(*) FROM parcels AS p JOIN depots AS d ON d.id = p.depot_id GROUP BY d.region",
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
        sql="SELECT count(*) FROM routes AS r WHERE day = %s AND EXISTS (SELECT FROM stops AS s WHERE s.route_id = r.id)",
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
        values=whole(20000),
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


def every(major: int) -> Sequence[Asked]:
    """All statements that a server understands."""
    return (*WANTING, *CONTENT, *CARELESS, *HEALTHY, *(FROM_15 if major >= 15 else ()))
