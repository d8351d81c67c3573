from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sql.normal import fingerprint, normal_form
from exporter.sql.tokens import Kind, Token, tokens
from tests.unit.sql.corpus import queries
from tests.unit.sql.texts import texts

QUERIES = list(queries())
SAME = (
    ("SELECT  A\nFROM T", "select a from t -- c", "/* x */ select a from t;", 'select "a" from "t"'),
    ("select a from t where b = $1", "select a from t where b = $7", "select a from t where b = 'x'"),
    ("select a from t where b = 1", "select a from t where b = -1.5e3", "select a from t where b = null"),
    (
        "select a from t where b in ($1)",
        "select a from t where b in ($1, $2, $3)",
        "select a from t where b in ($1 /*, ... */)",
        "select a from t where b in (1, -2)",
    ),
    ("select a from t where b in ($1::int)", "select a from t where b in ($1::int, $2::int)"),
    ("select array[1]", "select array[$1, $2]", "select array[1 /*, ... */]"),
    ("select a in ((1, 2))", "select a in ((1, 2), ($1, $2))"),
    ("insert into t values (1, 'a')", "insert into t values ($1, $2), ($3, $4)"),
    ("insert into t values (1, now()), (2, now())", "insert into t values (1, now())"),
    ("select * from (values (1), (2)) v, t", "select * from (values (1)) v, t"),
    ("select 'a'\n'b'", "select 'ab'"),
    ("alter role a password 'x'", "ALTER USER b WITH SUPERUSER"),
)
DIFFERENT = (
    "select 1",
    "select 'a', 2",
    "select a from t",
    'select A from "T"',
    "select a from s.t",
    "select a from t where b = 1",
    "select a from t where b is null",
    "select a from t where b is not null",
    "select a from t where b > 1",
    "select a from t where b - 1",
    "select a from t where b in (1)",
    "select a from t where b in (1, c)",
    "select a from t where b in (select 1)",
    "select a from t where b in (select 1, 2)",
    "select f(1)",
    "select f(1, 2)",
    'select "select"',
    "select",
    "insert into t values (1)",
    "insert into t values (1, 2)",
    "insert into t values (1), (default)",
    "alter role a",
    "alter table a",
    "explain select 1",
    "",
)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("select a from t where b in ({}) and c", "$1"),
        ("select a from t where b IN ( {} ) and c", "-17"),
        ("select a = any(array[{}]) from t", "$5"),
        ("select a = any(array[{}]) from t", "'x'"),
        ("select a from t where b in ({})", "$1::int"),
        ("insert into t values {} returning a", "($1, $2)"),
        ("insert into t values {} returning a", "( 1 )"),
        ("insert into t values {} returning a", "($1, now(), 'x')"),
        ("select * from (values {}) v, t", "(1)"),
    ],
)
def test_the_length_of_a_list_does_not_matter(one: str, another: str) -> None:
    lengths = (1, 2, 3, 40, 2_000)

    assert len({fingerprint(one.format(", ".join([another] * n))) for n in lengths}) == 1


@given(texts)
def test_a_long_text_has_the_fingerprint_of_a_short_one(sql: str) -> None:
    assert fingerprint(f"/*{'x' * 2_000}*/ {sql}") == fingerprint(sql)


def test_the_number_of_arguments_matters() -> None:
    assert len({fingerprint(f"select f({', '.join(['$1'] * n)})") for n in (1, 2, 3, 900, 901)}) == 5


@pytest.mark.parametrize("sentences", SAME)
def test_the_same_statement_has_one_fingerprint(sentences: tuple[str, ...]) -> None:
    assert len({normal_form(sql) for sql in sentences}) == 1
    assert len({fingerprint(sql) for sql in sentences}) == 1


def test_different_statements_have_different_fingerprints() -> None:
    assert len({fingerprint(sql) for sql in DIFFERENT}) == len(DIFFERENT)


def test_a_fingerprint_never_changes() -> None:
    """It is stored: another one would lose the history of all statements."""
    assert fingerprint("SELECT * FROM orders WHERE id = $1") == "54d3f9db61d52aae"
    assert fingerprint('insert into "Order" ("Id") values ($1), ($2)') == "729c1761d72d7c21"


@given(st.sampled_from(QUERIES), st.integers())
def test_writing_it_otherwise_changes_nothing(sql: str, seed: int) -> None:
    assert normal_form(rewritten(sql, Random(seed))) == normal_form(sql)


@given(texts)
def test_any_text_has_a_fingerprint(sql: str) -> None:
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(sql))
    assert "'" not in normal_form(sql) or '"' in normal_form(sql)


def test_statements_that_postgresqls_own_parser_tells_apart_are_told_apart() -> None:
    pgparse = pytest.importorskip("pgparse")
    theirs = {sql: pgparse.fingerprint(sql) for sql in QUERIES}
    together: dict[str, set[str]] = {}
    for sql, known in theirs.items():
        together.setdefault(fingerprint(sql), set()).add(known)

    assert [group for group in together.values() if len(group) > 1] == []


def rewritten(sql: str, random: Random) -> str:
    """The same statement as another program might write it."""
    words = [token for token in tokens(sql) if token.kind is not Kind.COMMENT]
    return "".join(_blank(random) + _otherwise(token, random) for token in words) + random.choice(
        ["", ";", " "]
    )


def _blank(random: Random) -> str:
    return random.choice([" ", "\n", "\t ", " /* c */ ", " -- it's\n", "/* /* */ */\n"])


def _otherwise(token: Token, random: Random) -> str:
    if token.kind is Kind.WORD and token.text.isascii():
        return random.choice([token.text, token.text.upper(), token.text.lower()])
    if token.kind in {Kind.NUMBER, Kind.PARAMETER}:
        return random.choice(["1", "2.5", "$3", "'x'", "E'\\''", "$$y$$"])
    return token.text
