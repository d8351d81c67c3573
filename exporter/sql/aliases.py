"""Names that a statement makes up: aliases of tables and columns, WITH queries, windows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from exporter.sql.names import name_of
from exporter.sql.shape import tables_of
from exporter.sql.tokens import Kind, Token
from exporter.sql.words import BEFORE_A_NAME, KEYWORDS, TYPES, listed

_SHORT = re.compile(r".{1,4}|a[0-9]{4}", re.DOTALL)
_NAMES = frozenset({Kind.WORD, Kind.QUOTED})
_VALUES = frozenset({Kind.STRING, Kind.NUMBER, Kind.PARAMETER, Kind.QUOTED})
_BEGINS_AN_ITEM = listed("select distinct returning from join update into using ,")
_BEFORE_A_NAME_WITH_COLUMNS = frozenset({"as", "with", "recursive"})
_QUERY = frozenset({"select", "with", "values", "table", "insert", "update", "delete", "merge", "("})
_CASTS = frozenset({"cast", "treat", "xmlserialize"})


def renamed_aliases(statement: Sequence[Token]) -> Mapping[str, str]:
    """For each made-up name that might hold data another one: `a1`, `a2` ... in their order.

    Names of four characters or fewer stay, and keywords, and the names of tables that the statement reads,
    and those that repeat a name of what they stand for: `lower(email) AS email`.

    Args:
        statement: the tokens of one statement, without comments.
    """
    kept = {part for name in tables_of(statement) for part in name.split(".")} | KEYWORDS | TYPES
    taken = {name_of(token) for token in statement if token.kind in _NAMES}
    fresh = (other for other in map("a{}".format, count(1)) if other not in taken)
    found: dict[str, str] = {}
    for name in _made_up(statement):
        if not (_SHORT.fullmatch(name) or name in kept or name in found):
            found[name] = next(fresh)
    return found


@dataclass(slots=True)
class _Level:
    """One pair of brackets."""

    item: int
    """Where the item of the list began: its names explain an alias at its end."""
    call: str = ""
    """The word before the bracket."""
    columns: bool = False
    """It lists the columns of an alias."""


def _made_up(statement: Sequence[Token]) -> Iterator[str]:
    levels = [_Level(0)]
    seen: dict[str, int] = {}
    for place, token in enumerate(statement):
        text = token.text.lower()
        level = levels[-1]
        if text == "(":
            call = statement[place - 1].text.lower() if place else ""
            levels.append(_Level(place, call, _names_columns(statement, place)))
        elif text == ")" and len(levels) > 1:
            levels.pop()
        elif text in _BEGINS_AN_ITEM:
            level.item = place
        elif token.kind in _NAMES:
            name = name_of(token)
            if not _is_made_up(statement, place, level):
                seen[name] = place
            elif seen.get(name, -1) < level.item:
                yield name


def _is_made_up(statement: Sequence[Token], place: int, level: _Level) -> bool:
    if level.columns and statement[place - 1].text in {"(", ","}:
        return True
    return _is_alias(statement, place, level.call) or _is_defined(statement, place)


def _is_alias(statement: Sequence[Token], place: int, call: str) -> bool:
    """After AS, or right after a value or a name."""
    if not place:
        return False
    token, before = statement[place], statement[place - 1]
    if before.kind is Kind.WORD:
        word = before.text.lower()
        if word == "as":
            return call not in _CASTS
        cast = place >= 2 and statement[place - 2].text in {"::", "."}
        if word in BEFORE_A_NAME and not cast:
            return False
    elif not _ends_a_value(statement, place - 1):
        return False
    return token.kind is Kind.QUOTED or token.text.lower() not in KEYWORDS


def _ends_a_value(statement: Sequence[Token], place: int) -> bool:
    """Whether a value ends there. The bracket of `OPERATOR(pg_catalog.=)` ends none: one follows it."""
    token = statement[place]
    if token.text != ")":
        return token.kind in _VALUES or token.text == "]"
    return not any(
        at > 0 and statement[at].text == "(" and statement[at - 1].text.lower() == "operator"
        for at in (place - 2, place - 4)
    )


def _is_defined(statement: Sequence[Token], place: int) -> bool:
    """`name AS (` of WITH and of WINDOW, `name (columns) AS (` of WITH."""
    after = [token.text.lower() for token in statement[place + 1 : place + 3]]
    if len(after) < 2:
        return False
    before = statement[place - 1].text.lower() if place else ""
    if after[0] == "as":
        return after[1] in {"(", "materialized", "not"} and before in {"with", "recursive", "window", ","}
    return after[0] == "(" and before in {"with", "recursive"}


def _names_columns(statement: Sequence[Token], place: int) -> bool:
    """Whether a bracket lists the columns of an alias: `AS t (a, b)`, `WITH t (a, b) AS`, `AS (a int)`."""
    if place < 2:
        return False
    name, before = statement[place - 1], statement[place - 2]
    if name.text.lower() == "as":
        after = statement[place + 1].text.lower() if place + 1 < len(statement) else ""
        return after not in _QUERY and before.text == ")"
    if name.kind not in _NAMES:
        return False
    return before.text.lower() in _BEFORE_A_NAME_WITH_COLUMNS or before.text == ")"
