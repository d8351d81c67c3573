"""Which parameters get a type, by what the server says of a text."""

from __future__ import annotations

import pytest

from exporter.sources.postgres.plan_types import Wrong, guessed


@pytest.mark.parametrize(
    ("state", "message", "at", "text", "expected"),
    [
        (
            "42883",
            "operator does not exist: bigint = text",
            "= ANY",
            "SELECT * FROM t WHERE id = ANY(ARRAY[$1, $2]) AND note = $3",
            "SELECT * FROM t WHERE id = ANY(ARRAY[$1::bigint, $2::bigint]) AND note = $3",
        ),
        (
            "42883",
            "operator does not exist: text = int8",
            "= t.id",
            "SELECT FROM (VALUES ($1, $2), ($3, f($4))) AS v (id) WHERE v.id = t.id",
            "SELECT FROM (VALUES ($1::int8, $2::int8), ($3::int8, f($4::int8))) AS v (id) WHERE v.id = t.id",
        ),
        (
            "42725",
            "function generate_series(unknown, unknown) is not unique",
            "generate_series",
            "SELECT generate_series($1, $2), $3",
            "SELECT generate_series($1::integer, $2::integer), $3",
        ),
        (
            "42725",
            "operator is not unique: unknown + unknown",
            "+",
            "SELECT $1 + $2 AS three, $3",
            "SELECT $1::integer + $2::integer AS three, $3",
        ),
        (
            "42883",
            "operator does not exist: date = integer",
            "= cur",
            "SELECT * FROM t WHERE d = current_date - $2 LIMIT $3",
            "SELECT * FROM t WHERE d = current_date - $2::integer LIMIT $3",
        ),
        (
            "42883",
            "Operator existiert nicht: text = bigint",
            "= o.id",
            "SELECT * FROM o JOIN (VALUES ($1, $2)) AS v (id) ON v.id = o.id WHERE x = $5",
            "SELECT * FROM o JOIN (VALUES ($1::bigint, $2::bigint)) AS v (id) ON v.id = o.id WHERE x = $5",
        ),
        (
            "42883",
            "operator does not exist: text + integer",
            "+",
            "WITH RECURSIVE r AS (SELECT $1 AS n UNION ALL SELECT n + $2::integer FROM r) TABLE r",
            "WITH RECURSIVE r AS (SELECT $1::integer AS n UNION ALL SELECT n + $2::integer FROM r) TABLE r",
        ),
        (
            "42P18",
            "could not determine data type of parameter $2",
            "",
            "SELECT concat($1, $2, $22), $2 /* $2 */",
            "SELECT concat($1, $2::text, $22), $2::text /* $2 */",
        ),
    ],
)
def test_parameters_near_the_place_get_a_type(
    state: str, message: str, at: str, text: str, expected: str
) -> None:
    assert guessed(text, Wrong(state, message, text.index(at) if at else -1)) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("SELECT note + id FROM t", 12),
        ("SELECT $1::integer + id FROM t", 19),
        ("SELECT f($1::text)", 7),
        ("SELECT 1 +", 9),
        ("SELECT f(", 7),
        ("SELECT v.id = o.id FROM (VALUES (", 12),
        ("SELECT $1 + 1", 500),
        ("", 0),
    ],
)
def test_where_nothing_is_left_to_guess_nothing_is_guessed(text: str, place: int) -> None:
    assert guessed(text, Wrong("42883", "operator does not exist: text + integer", place)) is None
