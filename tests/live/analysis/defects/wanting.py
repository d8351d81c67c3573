"""Statements that lack an index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from exporter.analysis.finding import Kind
from tests.live.analysis.defects.asked import Asked, at, day, hexadecimal, rules, span, whole

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
        sql="SELECT p.status, c.amount FROM parcels AS p JOIN claims AS c ON c.tracking = p.tracking"
        " WHERE p.id = %s",
        values=whole(60000),
        wanted=[("claims", "(tracking)")],
    ),
    Asked(
        name="join, the side with the condition",
        sql="SELECT i.number, i.amount FROM senders AS s JOIN invoices AS i ON i.sender_id = s.id"
        " WHERE s.vat = %s",
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
        server='SELECT 1 FROM ONLY "carrier"."parcels" x WHERE %s OPERATOR(pg_catalog.=) "sender_id"'
        " FOR KEY SHARE OF x",
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
        values=whole(20000),
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
