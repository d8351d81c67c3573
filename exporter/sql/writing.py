"""Tokens written as text again: one blank where words need it, as people write SQL on one line."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.sql.tokens import Kind, Token
from exporter.sql.words import BEFORE_A_NAME, listed

ELLIPSIS = "..."

_NO_BLANK_BEFORE = frozenset({",", ")", ".", ";", "]", "[", "::", ":"})
_NO_BLANK_AFTER = frozenset({"(", ".", "[", "::", ":"})
_NO_LAST = frozenset({".", "::", ":", ELLIPSIS})
_LIKE_FUNCTIONS = frozenset({"any", "some", "cast", "left", "right"})
_BEFORE_A_BRACKET = BEFORE_A_NAME.difference(_LIKE_FUNCTIONS) | listed(
    "over filter values conflict key materialized group"
)


def written(words: Iterable[Token], limit: int | None = None) -> str:
    """The tokens as one line; the same tokens come out of it again.

    Args:
        words: tokens, without comments.
        limit: characters at most; what is longer ends in `...` instead of the tokens that have no place.
    """
    pieces: list[str] = []
    length = 0
    before: Token | None = None
    for token in words:
        piece = f" {token.text}" if _apart(before, token) else token.text
        length += len(piece)
        if limit is not None and length > limit:
            return _cut(pieces, limit)
        pieces.append(piece)
        before = token
    return "".join(pieces)


def _apart(before: Token | None, token: Token) -> bool:
    if before is None:
        return False
    if token.text in _NO_BLANK_BEFORE:
        return token.text == "." and before.kind is Kind.NUMBER
    if before.text in _NO_BLANK_AFTER:
        return False
    if token.text == "(":
        return before.kind is not Kind.WORD or before.text.lower() in _BEFORE_A_BRACKET
    return True


def _cut(pieces: list[str], limit: int) -> str:
    """The pieces that leave room for the mark."""
    length = sum(map(len, pieces))
    while pieces and (length + len(ELLIPSIS) + 1 > limit or pieces[-1].strip() in _NO_LAST):
        length -= len(pieces.pop())
    blank = "" if not pieces or pieces[-1].strip() in _NO_BLANK_AFTER else " "
    return f"{''.join(pieces)}{blank}{ELLIPSIS}"
