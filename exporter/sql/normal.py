"""The normal form of a statement, and its fingerprint: the same on every server and version.

Without a parser, so that ids are the same whatever is installed. PostgreSQL's own queryid depends on the
OIDs of tables, on the types of parameters and on the version, and before 18 on the lengths of IN lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from exporter.sql.commands import command_tag, is_query, statements, without_comments
from exporter.sql.explained import after_explain
from exporter.sql.lists import shortened
from exporter.sql.names import MASK, folded
from exporter.sql.squeeze import squeezed
from exporter.sql.tokens import Kind, Token
from exporter.sql.words import BEFORE_A_NAME, KEYWORDS

_LITERALS = frozenset({Kind.STRING, Kind.NUMBER, Kind.PARAMETER})
_CONSTANTS = frozenset({"true", "false", "null"})
_TESTS = frozenset({"is", "not"})
_SIGNS = frozenset({"+", "-"})
_ENDS_A_VALUE = frozenset({")", "]"})
_QUOTED_IS_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def normal_form(sql: str) -> str:
    """A statement with one blank between its tokens, and only what makes it another statement left.

    Keywords and unquoted names are in lower case; values, signed or not, and parameters are `?`; comments are
    gone; lists of IN, ARRAY and VALUES have each kind of element once. Utility statements are their command
    tag. Names stay: the text is for comparing, not for showing (`exporter.sql.redaction`).
    """
    return "; ".join(
        _normal_statement(statement) for statement in statements(without_comments(squeezed(sql)))
    )


def fingerprint(sql: str) -> str:
    """16 hexadecimal digits of the normal form: BLAKE2b, 8 bytes. They are stored, so they never change."""
    return blake2b(normal_form(sql).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _normal_statement(statement: Sequence[Token]) -> str:
    inner = after_explain(statement)
    return f"explain {_explained(inner)}" if inner else _explained(statement)


def _explained(statement: Sequence[Token]) -> str:
    if is_query(statement):
        return " ".join(token.text for token in shortened(_without_signs(list(_masked(statement)))))
    return command_tag(statement)


def _masked(words: Iterable[Token]) -> Iterator[Token]:
    """Values as masks, names in one way of writing them."""
    before = ""
    for token in words:
        kind, text, start = token.kind, token.text, token.start
        if kind in _LITERALS:
            if kind is Kind.STRING and before == Kind.STRING:
                continue  # strings on several lines are one
            yield Token(Kind.PARAMETER, MASK, start)
        elif kind is Kind.WORD:
            text = folded(text)
            constant = text in _CONSTANTS and before not in _TESTS
            yield Token(Kind.PARAMETER, MASK, start) if constant else Token(kind, text, start)
        elif kind is Kind.QUOTED and _needs_no_quotes(text):
            yield Token(Kind.WORD, text[1:-1], start)
        else:
            yield Token(kind, text, start)
        before = kind if kind is Kind.STRING else text


def _needs_no_quotes(text: str) -> bool:
    name = text[1:-1]
    return (
        text[0] == '"' and name[:1].isalpha() and _QUOTED_IS_PLAIN.issuperset(name) and name not in KEYWORDS
    )


def _without_signs(words: Sequence[Token]) -> Iterator[Token]:
    """A sign belongs to its number, unless there is a value before it: `a - 1`."""
    value = False
    for place, token in enumerate(words):
        sign = token.text in _SIGNS and not value and place + 1 < len(words)
        if sign and words[place + 1].text == MASK:
            continue
        yield token
        if token.kind is Kind.OPERATOR:
            value = token.text in _ENDS_A_VALUE
        else:
            value = token.kind is not Kind.WORD or token.text not in _NO_VALUE


_NO_VALUE = BEFORE_A_NAME | {"offset", "limit", "values", "return"}
