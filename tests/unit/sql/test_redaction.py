from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of
from exporter.sql.squeeze import LONGEST
from exporter.sql.tokens import Kind, tokens
from tests.each import each
from tests.unit.sql.corpus import queries, utilities
from tests.unit.sql.secrets import secret_statements
from tests.unit.sql.texts import texts

NOTATIONS = (
    "'{}'",
    "E'\\'{}'",
    "N'{}'",
    "U&'{}'",
    "$${}$$",
    "$t${}$t$",
    "/* {} */ 1",
    "1 -- {}\n",
    "'a'\n'{}'",
    "f('{}')",
    "array['{}']",
    'x as "{}"',
    'x as "{} x"',
    "x {}",
)


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("select  a ,b\nfrom t -- c", "select a, b from t"),
        ("select 'a', 1.5, $1 from t where x = -3", "select ?, ?, $1 from t where x = - ?"),
        ("select a from t where b in ( $1,$2, $3 )", "select a from t where b in ($1, ...)"),
        ("select a from t where b in ($1 /*, ... */)", "select a from t where b in ($1, ...)"),
        ("select a from t where b in (1, c, 2)", "select a from t where b in (?, c, ...)"),
        (
            "select a from t where b in (select d, c, c, e from u)",
            "select a from t where b in (select d, c, c, e from u)",
        ),
        ("select f($1, $2), array[1, 2]", "select f($1, $2), array[?, ...]"),
        ("insert into t (a, b) values (1, 'a'), (2, 'b')", "insert into t(a, b) values (?, ?), ..."),
        ("values (1), (default), (2) order by 1", "values (?), (default), ... order by ?"),
        ('select "Id", "a b" from "Order"', 'select "Id", "?" from "Order"'),
        ("select o.id from shop.orders o", "select o.id from shop.orders o"),
        ("select lower(email) as email, x as total from t", "select lower(email) as email, x as a1 from t"),
        ("select a1, x as total from t order by total", "select a1, x as a2 from t order by a2"),
        ("select cast(x as numeric(3, 2)) from t", "select cast(x as numeric(?, ?)) from t"),
        ("select a from t where b = 'cut", "select a from t where b = ? ..."),
        (r"select a from t where b = 'a\' or c", "select a from t where b = ? ..."),
        ('select a from t where b = "x" and c = t."x"', 'select a from t where b = "?" and c = t."x"'),
        ("alter role a password 'b'; select 1", "ALTER ROLE; select ?"),
        ("explain (analyze) select 'a'", "EXPLAIN select ?"),
        ("explain execute a('b')", "EXPLAIN EXECUTE"),
        ("select \x1b[31m, { 1 }, $ from t\u202e", "select ?[? m, ? ? ?, ? from ?"),
        ("hunter2", "UNKNOWN"),
        ("", ""),
    ],
)
def test_what_is_shown(sql: str, shown: str) -> None:
    assert redacted(sql) == shown


def test_no_secret_is_shown_wherever_it_stands() -> None:
    statements = secret_statements(1_500)

    assert len({sql for sql, _ in statements}) == len(statements)
    shown = [(sql, redacted(sql), shape_of(sql)) for sql, _ in statements]
    assert [
        found for found, (_, secret) in zip(shown, statements, strict=True) if secret in str(found[1:])
    ] == []


@given(st.lists(st.sampled_from(NOTATIONS), min_size=1, max_size=5), st.integers(0, 200))
def test_no_secret_is_shown_when_the_text_is_cut(notations: list[str], length: int) -> None:
    sql = "select " + ", ".join(notation.format("hunter2pass") for notation in notations) + " from t"

    assert "hunter" not in redacted(sql[:length])


@given(texts)
def test_no_value_and_no_comment_is_left(sql: str) -> None:
    kinds = {token.kind for token in tokens(redacted(sql))}

    assert not kinds & {Kind.STRING, Kind.NUMBER, Kind.COMMENT}


@given(texts, st.sampled_from([10_000, 60]))
def test_doing_it_again_changes_nothing(sql: str, limit: int) -> None:
    once = redacted(sql, limit)

    assert redacted(once, limit) == once
    assert len(once) <= limit
    assert "\n" not in once


def test_a_text_is_cut_between_tokens() -> None:
    sql = 'select "A"."B"::text[], f(a.b[1:2]), ((c.d)) from s.t as x where x.y in ($1, $2) and z = :: . ('
    for limit in range(10, 100):
        once = redacted(sql, limit)

        assert len(once) <= limit
        assert redacted(once, limit) == once


def test_a_long_text_ends_in_an_ellipsis() -> None:
    shown = redacted(f"select {', '.join(f'column_{n}' for n in range(1_000))} from t", 100)

    assert len(shown) <= 100
    assert shown.endswith(", ...")


def test_a_very_long_text_is_shown_like_a_short_one() -> None:
    for one, piece in (("in ({})", "$1"), ("= any(array[{}])", "7"), ("in (values {})", "($1, $2)")):
        sql = f"select a from t where b {one} and c = 'x'"

        assert redacted(sql.format(", ".join([piece] * 9_999))) == redacted(sql.format(f"{piece}, {piece}"))


def test_no_secret_is_shown_where_reading_ends() -> None:
    for length in range(LONGEST - 40, LONGEST):
        sql = "select " + "x" * length + ", 'hunter2', \"hunter2 x\" /* hunter2 */ from t"

        assert "hunter2" not in redacted(sql, 2 * LONGEST)


def test_tables_and_columns_stay_readable() -> None:
    for sql in queries():
        shown, found = redacted(sql), shape_of(sql)

        assert (shape_of(shown).operation, shape_of(shown).tables) == (found.operation, found.tables)


def test_what_an_operator_compares_is_no_alias() -> None:
    check = (
        'SELECT $1 FROM ONLY "shop"."items" x WHERE $2 OPERATOR(pg_catalog.=) "order_id" FOR KEY SHARE OF x'
    )

    assert redacted(check) == check
    assert redacted("SELECT a OPERATOR(=) quantity FROM t") == "SELECT a OPERATOR(=) quantity FROM t"


@each([pair for pair in utilities() if pair[0] != "EXPLAIN"])
def test_a_utility_statement_is_its_tag(utility: tuple[str, str]) -> None:
    tag, sql = utility
    assert redacted(sql) == tag
