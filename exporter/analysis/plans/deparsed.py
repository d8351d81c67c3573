"""Expressions as the server writes them back: their tokens, nested by their brackets.

What EXPLAIN prints comes from one function (ruleutils.c), so it is more regular than SQL: each operation
stands in brackets of its own, and with VERBOSE each column of a condition has its table's alias.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.sql.tokens import Kind, Token, tokens

_OPEN, _CLOSE = frozenset("(["), frozenset(")]")
_MARKS = _OPEN | _CLOSE | {",", ".", ";", ":", "::"}
_NAMES = frozenset({Kind.WORD, Kind.QUOTED})
_DEEPEST = 100
"""Levels of brackets that are followed; what people write has less."""


@dataclass(frozen=True, slots=True)
class Group:
    """What stands between two brackets, which `start` and `end` include."""

    items: tuple[Item, ...]
    start: int
    end: int


Item = Token | Group


class ColumnName(NamedTuple):
    """A column as a condition has it, without quotes."""

    alias: str
    column: str


def parsed(text: str) -> tuple[Item, ...]:
    """The items of an expression; brackets that don't match end where the text does."""
    items, _ = _nested(list(tokens(text)), 0, 0)
    return items


def _nested(flat: Sequence[Token], place: int, level: int) -> tuple[tuple[Item, ...], int]:
    items: list[Item] = []
    while place < len(flat):
        token = flat[place]
        if token.text in _CLOSE and level:
            break
        if token.text in _OPEN and level < _DEEPEST:
            inner, closing = _nested(flat, place + 1, level + 1)
            items.append(Group(inner, token.start, end_of(flat[min(closing, len(flat) - 1)])))
            place = closing
        else:
            items.append(token)
        place += 1
    return tuple(items), place


def end_of(item: Item) -> int:
    """The place behind an item in the text."""
    return item.end if isinstance(item, Group) else item.start + len(item.text)


def bare(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items without brackets around all of them."""
    kept = tuple(items)
    while len(kept) == 1 and isinstance(kept[0], Group):
        kept = kept[0].items
    return kept


def is_text(item: Item, *texts: str) -> bool:
    """Whether it is one of these words or marks; the server writes keywords in capitals."""
    return isinstance(item, Token) and item.text in texts


def is_operator(item: Item) -> bool:
    """Whether it computes or compares."""
    return isinstance(item, Token) and item.kind is Kind.OPERATOR and item.text not in _MARKS


def split(items: Sequence[Item], text: str) -> list[tuple[Item, ...]]:
    """The items between each such word or mark of this level."""
    parts: list[list[Item]] = [[]]
    for item in items:
        if is_text(item, text):
            parts.append([])
        else:
            parts[-1].append(item)
    return [tuple(part) for part in parts]


def column_of(items: Sequence[Item]) -> ColumnName | None:
    """The column if the items are nothing else: `alias.column`."""
    kept = bare(items)
    return next(columns_in(kept), None) if len(kept) == 3 else None


def columns_in(items: Sequence[Item]) -> Iterator[ColumnName]:
    """Every column in it, in their order, as often as it stands there."""
    for place, item in enumerate(items):
        if isinstance(item, Group):
            yield from columns_in(item.items)
        elif _is_column(items, place):
            yield ColumnName(name_of(item), name_of(items[place + 2]))


def _is_column(items: Sequence[Item], place: int) -> bool:
    around = items[place : place + 3]
    if len(around) < 3 or not (is_name(around[0]) and is_text(around[1], ".") and is_name(around[2])):
        return False
    if place + 3 < len(items) and isinstance(items[place + 3], Group):
        return False  # schema.function(...)
    # `'x'::schema.type` and `x COLLATE schema."C"` are no columns either.
    return not (place and is_text(items[place - 1], "::", "COLLATE", "."))


def is_name(item: Item) -> bool:
    """Whether it is a name, or a keyword."""
    return isinstance(item, Token) and item.kind in _NAMES


def name_of(item: Item) -> str:
    """A name without its quotes."""
    text = item.text if isinstance(item, Token) else ""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def without_alias(text: str, items: Sequence[Item]) -> str:
    """The source of the items with `alias.` left out: as it stands in the definition of an index."""
    kept, place = [], items[0].start
    for first, last in _prefixes(items):
        kept.append(text[place:first])
        place = last
    return "".join([*kept, text[place : end_of(items[-1])]])


def _prefixes(items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    for place, item in enumerate(items):
        if isinstance(item, Group):
            yield from _prefixes(item.items)
        elif _is_column(items, place):
            yield item.start, items[place + 2].start


def flat(items: Sequence[Item]) -> Iterator[Token]:
    """All tokens in it, those in brackets included, without the brackets."""
    for item in items:
        if isinstance(item, Group):
            yield from flat(item.items)
        else:
            yield item
