"""Normalized text made preparable again: where the server put `$1` in the place of a literal's string.

`interval '1 day'` becomes `interval $1`, which is no SQL. See pg_stat_statements' documentation on
representative texts: https://www.postgresql.org/docs/current/pgstatstatements.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from exporter.sql.tokens import Kind, Token, tokens
from exporter.sql.words import KEYWORDS, listed

_TYPES = listed(
    """
    bigint bit boolean char character dec decimal double float int integer interval json nchar numeric real
    smallint text time timestamp varchar xml
    """
)
"""Keywords that are types; any word that is no keyword can be one."""
_SECOND_WORDS = {"double": "precision", "character": "varying", "char": "varying", "bit": "varying"}
_WITH_ZONE = {"time": "timetz", "timestamp": "timestamptz"}
_FIELDS = frozenset({"year", "month", "day", "hour", "minute", "second", "to"})
_PRECISION = re.compile(r"\([0-9]+(,[0-9]+)?\)")
_LONGEST_PRECISION = 5
"""Tokens of `(10, 2)`."""


def repaired(sql: str) -> str:
    """The text with `$1::interval` for `interval $1` and the like, and `date_part` for `extract($1 from`.

    Everything else stays as it is, strings and comments too. The lists that PostgreSQL 18 squashed need
    nothing: their mark is a comment.
    """
    words = [token for token in tokens(sql) if token.kind is not Kind.COMMENT]
    pieces: list[str] = []
    copied = place = 0
    while place < len(words):
        length, text = _extract(words, place) or _typed(words, place) or (0, "")
        if length:
            last = words[place + length - 1]
            pieces += sql[copied : words[place].start], text
            copied = last.start + len(last.text)
        place += length or 1
    return "".join([*pieces, sql[copied:]])


def _extract(words: Sequence[Token], place: int) -> tuple[int, str] | None:
    """`extract($1 from`: the field was a string."""
    if words[place].text.lower() != "extract" or len(words) < place + 4:
        return None
    bracket, parameter, from_ = words[place + 1 : place + 4]
    if bracket.text == "(" and parameter.kind is Kind.PARAMETER and from_.text.lower() == "from":
        return 4, f"date_part({parameter.text}::text,"
    return None


def _typed(words: Sequence[Token], place: int) -> tuple[int, str] | None:
    """`date $1`, `timestamp(3) with time zone $1`, `interval $1 day to second`."""
    word = words[place].text.lower()
    if words[place].kind is not Kind.WORD or (word in KEYWORDS and word not in _TYPES):
        return None
    if place and words[place - 1].text == ".":
        return None
    end, name = _type_name(words, place)
    if end >= len(words) or words[end].kind is not Kind.PARAMETER:
        return None
    parameter = words[end].text
    end += 1
    while word == "interval" and end < len(words) and words[end].text.lower() in _FIELDS:
        end += 1
    return end - place, f"{parameter}::{name}"


def _type_name(words: Sequence[Token], place: int) -> tuple[int, str]:
    """Where the type's name ends, and how a cast writes it."""
    texts = [token.text.lower() for token in words[place : place + 5 + _LONGEST_PRECISION]]
    name, length = texts[0], 1
    if texts[1:2] == [_SECOND_WORDS.get(name)]:
        name, length = f"{name} {texts[1]}", 2
    precision = ""
    numbers = "".join(texts[length : length + _LONGEST_PRECISION])
    if found := _PRECISION.match(numbers):
        precision = found.group().replace(",", ", ")
        length += 3 + 2 * ("," in precision)
    if name in _WITH_ZONE and texts[length + 1 : length + 3] == ["time", "zone"]:
        name = _WITH_ZONE[name] if texts[length] == "with" else name
        length += 3
    return place + length, name + precision
