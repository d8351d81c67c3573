from __future__ import annotations

import pytest
from hypothesis import given

from exporter.sql.repair import repaired
from exporter.sql.tokens import Kind, tokens
from tests.unit.sql.texts import texts


@pytest.mark.parametrize(
    ("sql", "preparable"),
    [
        ("select extract($1 from x)", "select date_part($1::text, x)"),
        ("select EXTRACT ( $12 FROM x)", "select date_part($12::text, x)"),
        ("select now() - interval $1", "select now() - $1::interval"),
        ("select interval $1 day to second, 1", "select $1::interval, 1"),
        ("select interval(3) $1", "select $1::interval(3)"),
        ("select date $1, time $2, json $3, integer $4", "select $1::date, $2::time, $3::json, $4::integer"),
        ("select timestamp with time zone $1", "select $1::timestamptz"),
        ("select timestamp(3) without time zone $1", "select $1::timestamp(3)"),
        ("select time with time zone $1", "select $1::timetz"),
        (
            "select double precision $1, character varying(3) $2",
            "select $1::double precision, $2::character varying(3)",
        ),
        ("select numeric(3, 2) $1", "select $1::numeric(3, 2)"),
        ("select x::date, date(x), date, t.date, $1", "select x::date, date(x), date, t.date, $1"),
        (
            "select extract(year from x), extract('year' from x)",
            "select extract(year from x), extract('year' from x)",
        ),
        (
            "select 'interval $1' -- date $1\n, /* date $1 */ $1",
            "select 'interval $1' -- date $1\n, /* date $1 */ $1",
        ),
        ("select a from t where b in ($1 /*, ... */)", "select a from t where b in ($1 /*, ... */)"),
        ("select a, b date from t where date > $1", "select a, b date from t where date > $1"),
        ("select pg_catalog.date $1", "select pg_catalog.date $1"),
        (
            "select a like $1, b between $2 and $3 from t limit $4 offset $5",
            "select a like $1, b between $2 and $3 from t limit $4 offset $5",
        ),
        ("select geometry $1", "select $1::geometry"),
        ("select cast($1 as date), $2", "select cast($1 as date), $2"),
    ],
)
def test_literals_of_a_type_become_casts(sql: str, preparable: str) -> None:
    assert repaired(sql) == preparable


@given(texts)
def test_nothing_else_is_touched(sql: str) -> None:
    text = repaired(sql)

    assert kept(text) == kept(sql)
    if not any(token.kind is Kind.PARAMETER for token in tokens(sql)):
        assert text == sql


def kept(sql: str) -> list[str]:
    """What a repair neither takes nor makes."""
    kinds = {Kind.STRING, Kind.QUOTED, Kind.PARAMETER}
    return [token.text for token in tokens(sql) if token.kind in kinds]
