"""Names as they stand in SQL text: what they stand for, and whether they may be shown."""

from __future__ import annotations

import re
from string import ascii_uppercase

from exporter.sql.tokens import Kind, Token

MASK = "?"
"""Stands for what is not shown."""

_UPPER = {ord(letter): letter.lower() for letter in ascii_uppercase}
_PLAIN = re.compile(r"[^\W\d][\w$]{0,62}")
_ESCAPE = re.compile(r"\\(?:\\|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))")


def is_plain(name: str) -> bool:
    """Whether it looks like a name: letters, digits, underscores and dollars, at most 63 of them.

    All others can hold anything (`"hunter2 password=secret"`), so they are not shown.
    """
    return _PLAIN.fullmatch(name) is not None


def folded(word: str) -> str:
    """A word in lower case as the server folds it: letters of ASCII only."""
    return word.lower() if word.isascii() else word.translate(_UPPER)


def name_of(token: Token) -> str:
    """The name that a word or a quoted name stands for: unquoted ones in lower case."""
    text = token.text
    if token.kind is not Kind.QUOTED:
        return folded(text)
    escaped = text[0] != '"'
    inner = text[3 if escaped else 1 : -1 if token.closed else len(text)].replace('""', '"')
    return _ESCAPE.sub(_character, inner) if escaped else inner


def shown(token: Token) -> str:
    """The same, or a mask if it may not be shown."""
    name = name_of(token)
    return name if token.closed and is_plain(name) else MASK


def _character(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    number = int(digits, 16) if digits else ord("\\")
    return chr(number) if number < 0x110000 else found[0]
