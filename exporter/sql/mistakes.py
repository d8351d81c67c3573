"""Strings between double quotes, as MySQL has them: names for the server, which finds none and fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.sql.commands import QUERIES
from exporter.sql.tokens import Kind, Token
from exporter.sql.words import listed

_COMPARES = listed("= <> != < > <= >= ~ ~* !~ !~* ~~ ~~* like ilike")
_LISTS = frozenset({"in", "row"})
_BEGINS_AN_ELEMENT = frozenset({"(", ","})


def quoted_by_mistake(statement: Sequence[Token]) -> Iterator[bool]:
    """For each token whether it is a quoted name where a value is usual: compared, or in IN or VALUES.

    A column can stand there too, so it is a suspicion; a name with its table before it is none.

    Args:
        statement: the tokens of one statement, without comments.
    """
    levels = [""]
    before, rows = "", False
    for place, token in enumerate(statement):
        text = token.text.lower() if token.kind is Kind.WORD else token.text
        if text == "(":
            levels.append("row" if rows or before == "values" else before)
            rows = False
        elif text == ")" and len(levels) > 1:
            rows = levels.pop() == "row"
        elif text != ",":
            rows = False
            if text in QUERIES and before == "(":
                levels[-1] = text
        value = before in _COMPARES or (levels[-1] in _LISTS and before in _BEGINS_AN_ELEMENT)
        after = statement[place + 1].text if place + 1 < len(statement) else ""
        yield value and token.kind is Kind.QUOTED and after != "."
        before = text
