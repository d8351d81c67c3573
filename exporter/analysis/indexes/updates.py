"""Which columns statements update: an update of an indexed column can't be a HOT one.

Source: https://www.postgresql.org/docs/current/storage-hot.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.facts.relations import Relation
from exporter.facts.statement import Statement
from exporter.sql.tokens import Kind, tokens

_END = frozenset({"where", "from", "returning"})


def updated_columns(table: Relation, statements: Sequence[Statement]) -> frozenset[str]:
    """The columns of a table that UPDATE statements set."""
    names = {table.name, f"{table.schema}.{table.name}"}
    return frozenset(
        column
        for statement in statements
        if statement.operation == "UPDATE" and names & set(statement.tables[:1])
        for column in _set(statement.raw)
    )


def _set(text: str) -> Iterator[str]:
    depth, target = 0, False
    for token in tokens(text):
        depth += (token.text == "(") - (token.text == ")")
        word = token.text.lower() if token.kind is Kind.WORD else ""
        if depth == 0 and (word in _END or token.text == "="):
            if word in _END:
                return
            target = False
        elif depth == 0 and (word == "set" or (token.text == "," and not target)):
            target = True
        elif target and token.kind in {Kind.WORD, Kind.QUOTED}:
            yield word or token.text[1:-1].replace('""', '"')
