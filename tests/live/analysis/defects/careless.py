"""Statements that cost more than they have to by the way they are written."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.live.analysis.defects.asked import Asked, at, rules, whole

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
        values=whole(120000),
        rules=rules("implicit_cast"),
    ),
    Asked(
        name="value of another type, from the driver",
        sql="SELECT meter FROM readings WHERE id = %s",
        values=lambda chance: (Decimal(chance.randint(1, 120000)),),
        rules=rules("implicit_cast"),
    ),
    Asked(
        name="long list",
        sql=f"SELECT id, position FROM stops WHERE id IN ({', '.join(['%s'] * 150)})",
        values=lambda chance: tuple(chance.sample(range(24000), 150)),
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
