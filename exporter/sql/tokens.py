"""SQL text cut into tokens, by the rules of PostgreSQL's scanner.

See https://www.postgresql.org/docs/current/sql-syntax-lexical.html. One pass that never goes back, so time
grows with the length of the text and with nothing else; every text has tokens, also a cut or broken one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    """A keyword or an unquoted name."""
    QUOTED = "quoted"
    """A quoted name, with its quotes: `"Users"`, `U&"d\\0061t"`."""
    STRING = "string"
    """A string of any notation, with its quotes: `'a'`, `E'a'`, `B'1'`, `U&'a'`, `$tag$a$tag$`."""
    NUMBER = "number"
    """Without its sign."""
    PARAMETER = "parameter"
    """`$1`."""
    OPERATOR = "operator"
    """An operator, a bracket, a comma, a semicolon, a dot; any character that can't stand in SQL."""
    COMMENT = "comment"
    """With its marks; nested ones are one token."""


class Token(NamedTuple):
    """A piece of the text.

    Attributes:
        kind: what it is.
        text: as it stands there.
        start: the place of its first character in the text.
        closed: False for a string, a quoted name or a comment whose end is missing: the text was cut there.
    """

    kind: Kind
    text: str
    start: int
    closed: bool = True


# Possessive quantifiers (++, *+): what is matched once is never tried otherwise.
_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t\n\r\f\v]++ )
    | (?P<string>  [eE]'(?:[^'\\]++|''|\\.)*+(?:'|(?P<open_e>\\?\Z))
                 | (?:[bBxXnN]|[uU]&)?+'(?:[^']++|'')*+(?:'|(?P<open_s>\Z)) )
    | (?P<quoted>  (?:[uU]&)?+"(?:[^"]++|"")*+(?:"|(?P<open_q>\Z)) )
    | (?P<word>    [A-Za-z_\x80-\U0010ffff][0-9A-Za-z_$\x80-\U0010ffff]*+ )
    | (?P<number>  0[xX][0-9a-fA-F_]++ | 0[oObB][0-9_]++
                 | (?:[0-9][0-9_]*+(?:\.(?!\.)[0-9_]*+)?+ | \.[0-9][0-9_]*+)(?:[eE][+-]?+[0-9]++)?+ )
    | (?P<parameter> \$[0-9]++ )
    | (?P<line>    --[^\n\r]*+ )
    | (?P<block>   /\* )
    | (?P<dollar>  \$(?:[A-Za-z_\x80-\U0010ffff][0-9A-Za-z_\x80-\U0010ffff]*+)?+(?:\$|(?=(?P<cut>\Z))) )
    | (?P<operator> [(),;]|::|:=|\.++ )
    | (?P<operators> (?:(?!--|/\*)[-+*/<>=~!@\#%^&|`?])++ )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_SIMPLE = {kind.value: kind for kind in Kind if kind is not Kind.COMMENT} | {"other": Kind.OPERATOR}
_MAY_BE_CUT = frozenset({"string", "quoted"})
_MAY_END_IN_SIGN = frozenset("~!@#%^&|`?")


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a text in their order; what lies between them is white space.

    Args:
        sql: any text: of pg_stat_statements, of pg_stat_activity, cut anywhere, with several statements.
    """
    place = 0
    while place < len(sql):
        for found in _TOKEN.finditer(sql, place):
            # The last group to close is the outermost one, so an inner mark never hides it.
            name = found.lastgroup or ""
            kind = _SIMPLE.get(name)
            if kind is not None:
                closed = name not in _MAY_BE_CUT or _is_closed(found)
                yield Token(kind, found.group(), found.start(), closed)
            elif name == "operators":
                yield from _operators(found.group(), found.start())
            elif name != "space":
                token = _special(sql, name, found.start(), found.end())
                yield token
                place = token.start + len(token.text)
                break
        else:
            return


def _is_closed(found: re.Match[str]) -> bool:
    return found.end() < found.endpos or (
        found["open_e"] is None and found["open_s"] is None and found["open_q"] is None
    )


def _special(sql: str, name: str, start: int, end: int) -> Token:
    """A comment, or a string in dollars; both may reach to the end of the text."""
    if name == "line":
        return Token(Kind.COMMENT, sql[start:end], start)
    if name == "block":
        close = _end_of_comment(sql, end)
        return Token(Kind.COMMENT, sql[start : close or len(sql)], start, close is not None)
    mark = sql[start:end]
    found = sql.find(mark, end) if len(mark) > 1 and mark.endswith("$") else -1
    return Token(Kind.STRING, sql[start : found + len(mark) if found >= 0 else len(sql)], start, found >= 0)


def _end_of_comment(sql: str, place: int) -> int | None:
    depth = 1
    for mark in _COMMENT_MARK.finditer(sql, place):
        depth += 1 if mark.group() == "/*" else -1
        if not depth:
            return mark.end()
    return None


def _operators(run: str, start: int) -> Iterator[Token]:
    """What a run of operator characters stands for: `=-` compares, and what follows is negative."""
    end = len(run) if _MAY_END_IN_SIGN.intersection(run) else len(run.rstrip("+-")) or 1
    yield Token(Kind.OPERATOR, run[:end], start)
    for place in range(end, len(run)):
        yield Token(Kind.OPERATOR, run[place], start + place)
