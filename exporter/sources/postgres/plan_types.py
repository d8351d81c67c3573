"""Types for parameters that the server can't tell: there is `$1` where the text had `5`. No I/O.

A number by itself has a type, a parameter by itself has none: `generate_series(1, 10)` is a function,
`generate_series($1, $2)` could be three. So where types do not fit, the parameters near the place that the
server names get a cast. A guess: that the server then takes the text says that it fits, not that it is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from exporter.sql.tokens import Kind, Token, tokens
from exporter.sql.words import listed

USUAL = "integer"
"""What is left without a type is a number as a rule: strings find theirs."""
# `operator does not exist: bigint = text`: the types stand at the end in every language.
_OPERATOR = re.compile(r"([\w \[\]]+?) [-+*/<>=~!@#%^&|`?]+ ([\w \[\]]+)$")
_TELLS_NOTHING = frozenset({"text", "unknown", "text[]"})
_ENDS_AN_OPERAND = listed(
    """
    , ; and or on from where group order having limit offset fetch union intersect except when then else end
    returning window join left right inner full cross as asc desc
    """
)


class Wrong(NamedTuple):
    """What the server said.

    Attributes:
        state: the SQLSTATE.
        message: its primary message.
        place: of the character that it means, in the text; negative if it names none.
    """

    state: str
    message: str
    place: int


def guessed(text: str, wrong: Wrong) -> str | None:
    """The text with casts that may help; None if there is nothing more to try."""
    words = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    kind = USUAL
    if wrong.state == "42P18":
        named = re.search(r"\$[0-9]+", wrong.message)
        chosen: Iterable[int] = _all_of(words, named[0] if named else "")
        kind = "text"
    else:
        place = next((i for i, word in enumerate(words) if word.start == wrong.place), None)
        if place is None:
            return None
        if words[place + 1 : place + 2] and words[place + 1].text == "(":
            chosen = _inside(words, place + 1)
        else:
            kind = _wanted(wrong.message)
            chosen = [*_operands(words, place)] or [*_named(words, words[place - 1])] or _values(words)
    return _cast(text, words, chosen, kind)


def _cast(text: str, words: Sequence[Token], chosen: Iterable[int], kind: str) -> str | None:
    pieces, copied = [], 0
    for place in chosen:
        if words[place].kind is Kind.PARAMETER and not _is_cast(words, place):
            end = words[place].start + len(words[place].text)
            pieces += [text[copied:end], f"::{kind}"]
            copied = end
    return "".join([*pieces, text[copied:]]) if pieces else None


def _is_cast(words: Sequence[Token], place: int) -> bool:
    return place + 1 < len(words) and words[place + 1].text == "::"


def _all_of(words: Sequence[Token], parameter: str) -> Iterator[int]:
    return (place for place, word in enumerate(words) if word.text == parameter)


def _inside(words: Sequence[Token], bracket: int) -> Iterator[int]:
    """The places between this bracket and the one that closes it."""
    depth = 0
    for place in range(bracket, len(words)):
        depth += _step(words[place])
        if not depth:
            return
        yield place


def _operands(words: Sequence[Token], operator: int) -> Iterator[int]:
    """The parameters right before an operator, and in what follows it."""
    if operator and words[operator - 1].kind is Kind.PARAMETER:
        yield operator - 1
    depth = 0
    for place in range(operator + 1, len(words)):
        depth += _step(words[place])
        if depth < 0 or (depth == 0 and words[place].text.lower() in _ENDS_AN_OPERAND):
            return
        if words[place].kind is Kind.PARAMETER and not _is_cast(words, place):
            yield place


def _named(words: Sequence[Token], name: Token) -> Iterator[int]:
    """The parameters that have this name: `SELECT $1 AS depth` where `depth` is an operand."""
    for place in range(len(words) - 2):
        after, alias = words[place + 1 : place + 3]
        if after.text.lower() == "as" and alias.text.lower() == name.text.lower():
            yield place


def _values(words: Sequence[Token]) -> Iterator[int]:
    """The places in the rows of VALUES."""
    for place, word in enumerate(words):
        if word.text.lower() == "values":
            row = place + 1
            while row < len(words) and words[row].text == "(":
                inside = list(_inside(words, row))
                yield from inside
                row = inside[-1] + 2
                row += row < len(words) and words[row].text == ","


def _step(word: Token) -> int:
    return (word.text in {"(", "["}) - (word.text in {")", "]"})


def _wanted(message: str) -> str:
    """The type of the other side, where there is one."""
    found = _OPERATOR.search(message)
    sides = [side.strip() for side in found.groups()] if found else []
    telling = [side for side in sides if side not in _TELLS_NOTHING]
    return telling[0] if len(telling) == 1 else USUAL
