"""Very long lists of parameters and numbers cut short before anything reads them.

An application may send a million of them in one statement; two tell as much, and reading all takes seconds.
"""

from __future__ import annotations

import re

LONGEST = 100_000
"""Characters that are read of a text; what differs only behind them is taken for the same."""

_SHORTEST = 2_000
"""Characters: shorter texts are read as fast as they are searched."""

_VALUE = r"(?:\$|-)?[0-9]++"
_COMMA = r"[ \t\r\n]*+,[ \t\r\n]*+"
_ROW = rf"\([ \t\r\n]*+{_VALUE}(?:{_COMMA}{_VALUE})*+[ \t\r\n]*+\)"
_BLANK = r"[ \t\r\n]*+"

_ELEMENTS = re.compile(
    rf"(\b(?:in{_BLANK}\(|array{_BLANK}\[){_BLANK}{_VALUE}{_COMMA}{_VALUE})(?:{_COMMA}{_VALUE})++",
    re.IGNORECASE,
)
_ROWS = re.compile(rf"(\bvalues{_BLANK}{_ROW}{_COMMA}{_ROW})(?:{_COMMA}{_ROW})++", re.IGNORECASE)


def squeezed(sql: str) -> str:
    """The text with two elements of IN (...), ARRAY[...] and VALUES where many are parameters or numbers.

    Of what is still too long then, the beginning.

    It is for reading only. What stands in a string or a comment may lose elements too; but no quote and no
    mark of a comment is ever lost, so what is a string stays one.
    """
    if len(sql) < _SHORTEST:
        return sql
    return _ROWS.sub(r"\1", _ELEMENTS.sub(r"\1", sql))[:LONGEST]
