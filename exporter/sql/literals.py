"""The literals in SQL that the server wrote: an expression of a plan, the definition of an index."""

from __future__ import annotations

from exporter.sql.names import MASK
from exporter.sql.tokens import Kind, tokens


def without_literals(sql: str) -> str:
    """The same text with `?` for each string and number; nothing else of it changes.

    They are those of views, functions and DDL, which no normalizing takes out.
    """
    kept, place = [], 0
    for token in tokens(sql):
        if token.kind in (Kind.STRING, Kind.NUMBER):
            kept += [sql[place : token.start], MASK]
            place = token.start + len(token.text)
    return "".join([*kept, sql[place:]])
