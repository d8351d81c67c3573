"""Statements as they may be shown, logged and stored: without values, comments and names that hide data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from exporter.sql.aliases import renamed_aliases
from exporter.sql.commands import command_tag, is_query, statements
from exporter.sql.explained import after_explain
from exporter.sql.lists import shortened
from exporter.sql.mistakes import quoted_by_mistake
from exporter.sql.names import MASK, is_plain, name_of
from exporter.sql.squeeze import LONGEST, squeezed
from exporter.sql.tokens import Kind, Token, tokens
from exporter.sql.writing import ELLIPSIS, written

LIMIT = 10_000

_OPERATORS = frozenset("()[],;.:+-*/<>=~!@#%^&|`?")

_SQUASHED = "/*, ... */"
"""What PostgreSQL 18 writes for the rest of a list."""


def redacted(sql: str, limit: int = LIMIT) -> str:
    """A text on one line, without anything that a user may have put into it.

    * Values are `?`, parameters stay; lists of values are shortened: `IN ($1, ...)`.
    * Comments are gone.
    * Utility statements are their command tag, since theirs are never normalized by the server: passwords
      stand in them. Of EXPLAIN the statement is left.
    * Names that are no plain names are `"?"` (`exporter.sql.names`), and so is a quoted name that is compared
      with like a value, by mistake. Names that the statement makes up itself (aliases, WITH queries, windows)
      are `a1`, `a2` ... if they have more than four characters and do not repeat a name beside them; those of
      tables, columns and functions stay.
    * A text that was cut ends in `...`, before the string where it was cut.

    The same comes out if it is done again.

    Args:
        sql: any text, normalized or not, cut or not, with one statement or several.
        limit: characters at most.
    """
    words, cut = _safe(sql)
    shown: list[Token] = []
    whole = False
    for statement in statements(words):
        if shown:
            shown.append(Token(Kind.OPERATOR, ";", 0))
        shown.extend(_statement(statement))
        whole = not is_query(after_explain(statement) or statement)
    if cut and shown and not whole and shown[-1].text != ELLIPSIS:
        shown.append(Token(Kind.OPERATOR, ELLIPSIS, 0))
    return written(shown, limit)


def _safe(sql: str) -> tuple[list[Token], bool]:
    """The tokens up to where the text can't be told any more, and whether that is before its end.

    A string that ends in a backslash ends later where standard_conforming_strings is off: what follows may
    be part of it.
    """
    words: list[Token] = []
    text = squeezed(sql)
    for token in tokens(text):
        if token.kind is Kind.COMMENT:
            if token.text == _SQUASHED:
                words.append(Token(Kind.OPERATOR, ",", token.start))
                words.append(Token(Kind.OPERATOR, ELLIPSIS, token.start))
        else:
            words.append(token)
        doubtful = token.kind is Kind.STRING and token.text[0] not in "eE$" and "\\'" in token.text
        if doubtful or not token.closed:
            return words, True
    return words, len(text) == LONGEST


def _statement(statement: Sequence[Token]) -> Iterable[Token]:
    inner = after_explain(statement)
    if inner:
        return [Token(Kind.WORD, "EXPLAIN", 0), *_explained(inner)]
    return _explained(statement)


def _explained(statement: Sequence[Token]) -> Iterable[Token]:
    if is_query(statement):
        return shortened(_masked(statement, renamed_aliases(statement)), ELLIPSIS)
    return [Token(Kind.WORD, word, 0) for word in command_tag(statement).split()]


def _masked(statement: Sequence[Token], aliases: Mapping[str, str]) -> Iterator[Token]:
    before: Token | None = None
    for token, doubtful in zip(statement, quoted_by_mistake(statement), strict=True):
        kind = token.kind
        if kind in {Kind.STRING, Kind.NUMBER}:
            if before is None or before.kind is not Kind.STRING or kind is not Kind.STRING:
                yield Token(Kind.PARAMETER, MASK, token.start)
        elif kind is Kind.WORD:
            word = _word(token, aliases)
            yield Token(Kind.PARAMETER if word == MASK else kind, word, token.start)
        elif kind is Kind.QUOTED:
            yield Token(kind, f'"{MASK}"' if doubtful else _quoted(token, aliases), token.start)
        elif _OPERATORS.issuperset(token.text) or kind is Kind.PARAMETER:
            yield token
        else:
            yield Token(Kind.PARAMETER, MASK, token.start)
        before = token


def _word(token: Token, aliases: Mapping[str, str]) -> str:
    name = name_of(token)
    return aliases.get(name) or (token.text if is_plain(name) else MASK)


def _quoted(token: Token, aliases: Mapping[str, str]) -> str:
    name = name_of(token)
    plain = token.closed and token.text[0] == '"' and is_plain(name)
    return aliases.get(name) or (token.text if plain else f'"{MASK}"')
