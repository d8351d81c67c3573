"""What texts say: the shapes that ORMs and drivers send, as pg_stat_statements has them."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.analysis.features import features_of, longest_list, rewritten_for_many


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("SELECT * FROM items WHERE order_id = $1", "order_id"),
        ('SELECT "users".* FROM "users" WHERE "users"."id" = $1 LIMIT $2', "id"),
        ('SELECT "u"."id", "u"."Name" FROM "shop"."Users" AS "u" WHERE ("u"."Id" = $1)', "Id"),
        ("SELECT a FROM t WHERE $1 = id", "id"),
        ("SELECT a.x FROM a WHERE a.id = $1::INTEGER ORDER BY a.x", "id"),
        ("/* controller: orders */ SELECT a FROM t WHERE t.b = $1 AND t.deleted_at IS NULL", "b"),
        ("SELECT a FROM t WHERE id = ?", "id"),
    ],
)
def test_a_lookup_by_one_key(sql: str, column: str) -> None:
    assert features_of(sql).lookup == column


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM items WHERE order_id = $1",
        "SELECT a FROM t WHERE b = $1 AND c = $2",
        "SELECT a FROM t WHERE b = $1 OR c IS NULL",
        "SELECT a FROM t WHERE b = ANY($1)",
        "SELECT a FROM t WHERE b IN ($1, $2)",
        "SELECT a FROM t WHERE b >= $1",
        "SELECT a FROM t WHERE lower(b) = $1",
        "SELECT a FROM t WHERE b BETWEEN $1 AND $2 AND c = $3",
        "SELECT a FROM t JOIN u USING (id) WHERE t.b = $1",
        "SELECT a FROM t, u WHERE t.b = $1",
        "SELECT a FROM t WHERE b = $1 ORDER BY c LIMIT $2",
        "SELECT a FROM t WHERE b = $1 OFFSET $2",
        "SELECT a FROM t WHERE b = $1 FOR UPDATE",
        "SELECT a FROM t WHERE b = $1 GROUP BY a",
        "SELECT DISTINCT a FROM t WHERE b = $1",
        "SELECT a FROM t WHERE b = $1 UNION SELECT a FROM u",
        "SELECT a FROM t WHERE b = (SELECT max(b) FROM t)",
        "SELECT a FROM t WHERE b = c",
        "WITH x AS (SELECT 1) SELECT a FROM t WHERE b = $1",
        "UPDATE t SET a = $1 WHERE b = $2",
        'SELECT $2 FROM ONLY "public"."orders" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
        "SELECT a FROM t",
        "",
    ],
)
def test_no_lookup_by_one_key(sql: str) -> None:
    assert features_of(sql).lookup is None


@pytest.mark.parametrize(
    ("sql", "column", "many"),
    [
        ("SELECT a FROM t WHERE b = $1", "b", "SELECT a FROM t WHERE b = ANY($1)"),
        (
            'SELECT "u".* FROM "u" WHERE "u"."id" = $1 LIMIT $2',
            "id",
            'SELECT "u".* FROM "u" WHERE "u"."id" = ANY($1)',
        ),
        ("SELECT a FROM t WHERE b=$1::int", "b", "SELECT a FROM t WHERE b= ANY($1::int[])"),
        ("SELECT a FROM t WHERE $1 = t.b", "b", "SELECT a FROM t WHERE t.b = ANY($1)"),
    ],
)
def test_a_lookup_for_many_keys(sql: str, column: str, many: str) -> None:
    assert rewritten_for_many(sql, column) == many


@pytest.mark.parametrize(
    ("sql", "longest"),
    [
        ("SELECT a FROM t WHERE b IN ($1, $2, $3)", 3),
        ("SELECT a FROM t WHERE b = ANY (ARRAY[$1, $2])", 2),
        ("SELECT a FROM t WHERE (b, c) IN (($1, $2), ($3, $4))", 2),
        ("SELECT a FROM t WHERE b IN (SELECT c FROM u)", 0),
        ("INSERT INTO t VALUES ($1, $2), ($3, $4)", 0),
        ("SELECT a FROM t WHERE b NOT IN (coalesce($1, $2), $3)", 2),
    ],
)
def test_the_longest_list(sql: str, longest: int) -> None:
    assert longest_list(sql) == longest


@pytest.mark.parametrize(
    ("sql", "star"),
    [
        ("SELECT * FROM t", True),
        ("SELECT DISTINCT t.*, $1 FROM t", True),
        ("SELECT count(*) FROM t", False),
        ("SELECT a * b FROM t", False),
        ("SELECT a FROM t WHERE EXISTS (SELECT * FROM u)", False),
    ],
)
def test_a_star_of_columns(sql: str, star: bool) -> None:
    assert features_of(sql).star is star


@pytest.mark.parametrize(
    ("sql", "queue", "skips"),
    [
        ("SELECT id FROM jobs WHERE s = $1 ORDER BY id LIMIT $2 FOR UPDATE", True, False),
        ("SELECT id FROM jobs ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED", True, True),
        ("UPDATE j SET s = $1 WHERE id = (SELECT id FROM j ORDER BY id LIMIT $2 FOR UPDATE)", True, False),
        ("SELECT id FROM accounts WHERE id = $1 LIMIT $2 FOR UPDATE", False, False),
        ("SELECT id FROM a WHERE id IN (SELECT b FROM c ORDER BY b LIMIT $1) FOR UPDATE", False, False),
    ],
)
def test_a_queue(sql: str, queue: bool, skips: bool) -> None:
    assert (features_of(sql).queue, features_of(sql).skips_locked) == (queue, skips)


WORDS = [
    "select", "from", "where", "and", "or", "not", "in", "is", "null", "as", "order", "by", "limit", "like",
    "(", ")", "[", "]", ",", ".", "=", "$1", "?", "*", "::", "'", "t.a", "count", "int", "cast", "union",
    "for", "update",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_no_text_is_too_odd(words: list[str]) -> None:
    sql = " ".join(words)
    found = features_of(sql)

    assert longest_list(sql) >= 0
    if found.lookup is not None:
        assert " any(" in rewritten_for_many(sql, found.lookup).lower()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t WHERE " + "(" * 3000 + "b = $1" + ")" * 3000,
        "SELECT a FROM t WHERE " + "(a = $1 AND " * 800 + "b = $1" + ")" * 800,
        "SELECT a FROM t WHERE " + "b IN (" * 1500,
        "SELECT a FROM t ORDER BY a LIMIT $1 " + "FOR UPDATE " * 800,
    ],
    ids=["brackets", "conditions", "lists", "locks"],
)
def test_a_hostile_text_takes_no_longer_than_others(sql: str) -> None:
    began = process_time()
    features_of(sql)
    longest_list(sql)

    assert process_time() - began < 3


def test_what_else_a_text_says() -> None:
    assert features_of("SELECT count(*) AS n FROM shop.orders").counts_all
    assert not features_of("SELECT count(*) FROM orders WHERE a").counts_all
    assert not features_of("SELECT count(*) FROM a, b").counts_all
    assert not features_of("SELECT count(DISTINCT a) FROM t").counts_all
    assert features_of("SELECT a FROM t WHERE n ILIKE $1 AND m NOT LIKE $2").patterns == (
        ("n", "ILIKE"),
        ("m", "LIKE"),
    )
    assert features_of("SELECT a FROM t WHERE b NOT IN (SELECT c FROM u)").not_in_subquery
    assert features_of("SELECT a FROM t ORDER BY random() LIMIT $1").random_order
    assert not features_of("SELECT random() FROM t ORDER BY a").random_order
    assert features_of("SELECT a FROM t FETCH FIRST $1 ROWS ONLY").limited
    assert not features_of("SELECT a FROM (SELECT a FROM t LIMIT $1) AS u").limited
    assert features_of("SELECT a::text FROM t WHERE CAST(b AS date) = $1").casts == {"text", "date"}
    assert features_of("SELECT a FROM t WHERE b = $1::int OR b = CAST($2 AS date)").casts == set()
    assert features_of("SELECT extract(year FROM a) FROM t WHERE b = $1").lookup == "b"
