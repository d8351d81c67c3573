"""Several statements in one query are found whatever quotes and comments they hide behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.user_queries.sql import complaint

GOOD = (
    "SELECT 1",
    "select 1;",
    "SELECT 1 ; ; -- the end;",
    "(SELECT 1) UNION (SELECT 2)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "/* first; /* nested; */ still; */ SELECT 1",
    "-- a comment;\nSELECT 1",
    "SELECT ';', \";\", $$;$$, $a$ ; $$ ; $a$",
    "SELECT 'it''s; fine', E'it\\'s; fine', U&'d\\0061t;a'",
    "SELECT type';', count$1, x$y$ FROM t",
    "SELECT '\\' AS backslash",
    "SHOW server_version",
    "TABLE x",
    "VALUES (1)",
    "SELECT 100 % 7, 'a%b' LIKE '%;%'",
)
BAD = (
    ("SELECT 1; DROP TABLE x", "one statement"),
    ("SELECT 1; SELECT 2;", "one statement"),
    ("SELECT '\\'; DROP TABLE x; --'", "one statement"),
    ("SELECT E'\\''; DROP TABLE x; --'", "one statement"),
    ("SELECT $a$ $b$ $a$; DROP TABLE x", "one statement"),
    ("SELECT 1 /* /* */ */; DROP TABLE x", "one statement"),
    ("SELECT 1 --\n; DROP TABLE x", "one statement"),
    ("", "starts with"),
    ("  -- nothing\n", "starts with"),
    (";", "starts with"),
    ("DELETE FROM x", "starts with"),
    ("SET default_transaction_read_only = off", "starts with"),
    ("COPY x TO PROGRAM 'rm'", "starts with"),
    ("selec 1", "starts with"),
    ("SELECT 'open", "not closed"),
    ("SELECT E'open\\'", "not closed"),
    ('SELECT "open', "not closed"),
    ("SELECT $a$ open $b$", "not closed"),
    ("SELECT 1 /* /* */", "not closed"),
)


@pytest.mark.parametrize("sql", GOOD)
def test_one_statement_that_reads(sql: str) -> None:
    assert complaint(sql) is None


@pytest.mark.parametrize(("sql", "said"), BAD)
def test_anything_else_is_refused(sql: str, said: str) -> None:
    assert said in (complaint(sql) or "")


SIGNS = "sSeE'\"$a;-/*\\\n (1"


@given(st.text(SIGNS, max_size=60))
def test_no_text_raises(sql: str) -> None:
    complaint(sql)


@given(st.text(SIGNS, max_size=40), st.sampled_from(("'{}'", '"{}"', "$$a{}a$$", "$q${}$q$", "E'{}'")))
def test_what_stands_in_quotes_does_not_count(text: str, quotes: str) -> None:
    inside = text.replace("'", "''").replace('"', '""').replace("$", "")
    if quotes.startswith("E"):
        inside = inside.replace("\\", "\\\\")
    quoted = quotes.format(inside)

    assert complaint(f"SELECT {quoted}") is None
    assert complaint(f"SELECT {quoted}; SELECT {quoted}") is not None
