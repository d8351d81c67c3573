from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given

from exporter.sql.normal import fingerprint
from exporter.sql.redaction import redacted
from exporter.sql.repair import repaired
from exporter.sql.shape import shape_of
from exporter.sql.tokens import Kind, tokens
from tests.unit.sql.texts import texts

WORD, QUOTED, STRING, NUMBER = Kind.WORD, Kind.QUOTED, Kind.STRING, Kind.NUMBER
PARAMETER, OPERATOR, COMMENT = Kind.PARAMETER, Kind.OPERATOR, Kind.COMMENT
SIZE = 2_000
"""Smaller texts go another way: lists are looked for in long ones only."""
TIMES = 4
MUCH = 10.0
"""Four times the text takes four times as long, or 16 times where it is gone over again and again."""

HOSTILE = (
    "(",
    ")",
    "[",
    ",",
    "'",
    "''",
    "E'\\'",
    '"',
    "/*",
    "*/",
    "/**/",
    "--\n",
    "$a$",
    "$a$b",
    "$$",
    "+-",
    "=",
    "1",
    "1.",
    ".1",
    "a.",
    "a b ",
    "1, ",
    "in (",
    "in (1, ",
    "array[",
    "values (",
    "(1), ",
    "with a as (",
    "select * from (",
    "from a, b ",
    "as hunter2password ",
    "x as (",
    "extract(",
    "interval ",
    "timestamp(1) ",
    "; ",
    "begin atomic ",
    "explain ",
    "\x00",
    "é",
)


def kinds(sql: str) -> list[tuple[Kind, str]]:
    return [(token.kind, token.text) for token in tokens(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a1", [(WORD, "SELECT"), (WORD, "a1")]),
        ('"a""b".c', [(QUOTED, '"a""b"'), (OPERATOR, "."), (WORD, "c")]),
        ("'it''s'x", [(STRING, "'it''s'"), (WORD, "x")]),
        (r"'a\' b", [(STRING, r"'a\'"), (WORD, "b")]),
        (r"E'a\' b' c", [(STRING, r"E'a\' b'"), (WORD, "c")]),
        (r"e'\\' c", [(STRING, r"e'\\'"), (WORD, "c")]),
        ("U&'\\0061' u&\"b\"", [(STRING, "U&'\\0061'"), (QUOTED, 'u&"b"')]),
        ("B'1' x'F' N'n' e''", [(STRING, "B'1'"), (STRING, "x'F'"), (STRING, "N'n'"), (STRING, "e''")]),
        ("$$a$b$$ $t$ $$ $t$", [(STRING, "$$a$b$$"), (STRING, "$t$ $$ $t$")]),
        ("$1$2 $3and", [(PARAMETER, "$1"), (PARAMETER, "$2"), (PARAMETER, "$3"), (WORD, "and")]),
        ("a$b$c", [(WORD, "a$b$c")]),
        (
            "1 2.5 .5 6. 1e-3 0x1F 0b1 1_000",
            [(NUMBER, n) for n in ["1", "2.5", ".5", "6.", "1e-3", "0x1F", "0b1", "1_000"]],
        ),
        ("1..2", [(NUMBER, "1"), (OPERATOR, ".."), (NUMBER, "2")]),
        ("1and", [(NUMBER, "1"), (WORD, "and")]),
        ("a=-1", [(WORD, "a"), (OPERATOR, "="), (OPERATOR, "-"), (NUMBER, "1")]),
        ("a@-1", [(WORD, "a"), (OPERATOR, "@-"), (NUMBER, "1")]),
        ("a*-- c\nb", [(WORD, "a"), (OPERATOR, "*"), (COMMENT, "-- c"), (WORD, "b")]),
        ("a+/* /* b */ */c", [(WORD, "a"), (OPERATOR, "+"), (COMMENT, "/* /* b */ */"), (WORD, "c")]),
        (
            "a::int[1:2]",
            [
                (WORD, "a"),
                (OPERATOR, "::"),
                (WORD, "int"),
                (OPERATOR, "["),
                (NUMBER, "1"),
                (OPERATOR, ":"),
                (NUMBER, "2"),
                (OPERATOR, "]"),
            ],
        ),
        ("d->>'k'", [(WORD, "d"), (OPERATOR, "->>"), (STRING, "'k'")]),
        ("größe\u00a0x", [(WORD, "größe\u00a0x")]),
    ],
)
def test_tokens_are_those_of_the_servers_scanner(sql: str, expected: list[tuple[Kind, str]]) -> None:
    assert kinds(sql) == expected


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("a 'b", STRING),
        ("a 'b''", STRING),
        ("a E'b\\'", STRING),
        ("a E'b\\", STRING),
        ("a $$b$", STRING),
        ("a $t$b$t", STRING),
        ("a $t", STRING),
        ('a "b', QUOTED),
        ('a U&"b""', QUOTED),
        ("a /* b /* */", COMMENT),
    ],
)
def test_what_is_cut_reaches_to_the_end_and_says_so(sql: str, kind: Kind) -> None:
    *_, last = tokens(sql)

    assert (last.kind, last.text, last.start, last.closed) == (kind, sql[2:], 2, False)


@given(texts)
def test_tokens_account_for_all_of_the_text(sql: str) -> None:
    end = 0
    found = list(tokens(sql))
    for token in found:
        assert not sql[end : token.start].strip(" \t\n\r\f\v")
        assert sql.startswith(token.text, token.start)
        assert token.text
        end = token.start + len(token.text)
    assert not sql[end:].strip(" \t\n\r\f\v")
    assert all(token.closed for token in found[:-1])


def seconds(function: Callable[[str], object], text: str) -> float:
    """CPU time of the shorter of two calls: what else the machine does only adds to it."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        function(text)
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.slow
@pytest.mark.parametrize("function", [redacted, fingerprint, shape_of, repaired])
def test_time_grows_with_the_text_and_nothing_else(function: Callable[[str], object]) -> None:
    def text(piece: str, size: int) -> str:
        return ("select " + piece * size)[:size]

    growth = {
        piece: seconds(function, text(piece, TIMES * SIZE)) / seconds(function, text(piece, SIZE))
        for piece in HOSTILE
    }

    assert {piece: times for piece, times in growth.items() if times > MUCH} == {}


@pytest.mark.slow
@pytest.mark.parametrize(("opening", "closing"), [("in (", ")"), ("array[", "]"), ("values (1, (", "))")])
def test_lists_in_lists_take_no_longer(opening: str, closing: str) -> None:
    def text(size: int) -> str:
        return f"select {opening * size} 1 {closing * size}"

    assert seconds(fingerprint, text(TIMES * SIZE)) / seconds(fingerprint, text(SIZE)) < MUCH
