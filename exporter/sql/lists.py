"""Long lists of values made short: what differs only in how many values it has becomes the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.sql.tokens import Kind, Token

_OPENS = frozenset({"(", "["})
_CLOSES = frozenset({")", "]"})
_QUERY = frozenset({"select", "with", "table", "values"})
_DEEPEST = 32
"""Lists that lie deeper stay as they are, so that time stays in proportion to the text."""


@dataclass(slots=True)
class _Level:
    """What is known inside one pair of brackets."""

    elements: bool = False
    """Its elements are compared: IN (...) or ARRAY[...]."""
    rows: bool = False
    """It is at the rows of VALUES."""
    start: int = 0
    """Where the element or row begins in what is written."""
    seen: set[tuple[str, ...]] = field(default_factory=set)
    dropped: bool = False
    is_row: bool = False


class _Shortener:
    def __init__(self, mark: str) -> None:
        self.written: list[Token] = []
        self._mark = mark
        self._levels = [_Level()]
        self._before = ""

    def add(self, token: Token) -> None:
        """Takes the next token."""
        text = token.text
        level = self._levels[-1]
        if level.rows and self._before == ")" and text != ",":
            self._end_of_rows(level)
        if text in _OPENS and token.kind is Kind.OPERATOR:
            self._open(token, level)
        elif text in _CLOSES and len(self._levels) > 1 and token.kind is Kind.OPERATOR:
            self._close(token)
        else:
            self._plain(token, level)
        self._before = text.lower() if token.kind is Kind.WORD else text

    def end(self) -> list[Token]:
        """What is left of all that was taken; lists that are still open end where they were cut."""
        if self._levels[-1].rows and self._before == ")":
            self._end_of_rows(self._levels[-1])
        return self.written

    def _open(self, token: Token, level: _Level) -> None:
        row = level.rows or self._before == "values"
        if self._before == "values" and len(self._levels) < _DEEPEST:
            level.rows, level.dropped, level.seen = True, False, set()
        if level.rows and row:
            level.start = len(self.written)
        inside = token.text == "(" and self._before == "in"
        nested = token.text == "[" and (self._before == "array" or level.elements)
        self.written.append(token)
        elements = (inside or nested) and len(self._levels) < _DEEPEST
        self._levels.append(_Level(elements=elements, start=len(self.written), is_row=level.rows and row))

    def _close(self, token: Token) -> None:
        level = self._levels.pop()
        if level.elements:
            self._end_of_element(level)
            self._mark_dropped(level)
        self.written.append(token)
        if level.is_row:
            self._end_of_element(self._levels[-1])

    def _plain(self, token: Token, level: _Level) -> None:
        if token.text == "," and level.elements:
            self._end_of_element(level)
            self.written.append(token)
            level.start = len(self.written)
            return
        if level.elements and token.text.lower() in _QUERY and self._before in _OPENS:
            level.elements = False
        self.written.append(token)

    def _end_of_element(self, level: _Level) -> None:
        """Takes back an element, with the comma before it, if there was one like it."""
        key = tuple(_compared(token) for token in self.written[level.start :])
        if key in level.seen:
            del self.written[max(0, level.start - 1) :]
            level.dropped = True
        else:
            level.seen.add(key)

    def _end_of_rows(self, level: _Level) -> None:
        level.rows = False
        self._mark_dropped(level)

    def _mark_dropped(self, level: _Level) -> None:
        if level.dropped and self._mark:
            place = self.written[-1].start
            if self.written[-1].text != self._mark:
                self.written.append(Token(Kind.OPERATOR, ",", place))
                self.written.append(Token(Kind.OPERATOR, self._mark, place))


def _compared(token: Token) -> str:
    if token.kind is Kind.PARAMETER:
        return "?"
    return token.text


def shortened(words: Iterable[Token], mark: str = "") -> list[Token]:
    """The tokens without what repeats in IN (...), in ARRAY[...] and in the rows of VALUES.

    Parameters are alike whatever their number; other values have to be masked before.

    Args:
        words: tokens, without comments.
        mark: stands for what was left out, after a comma; empty: nothing does.
    """
    shortener = _Shortener(mark)
    for token in words:
        shortener.add(token)
    return shortener.end()
