"""What EXPLAIN explains."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.sql.tokens import Token

_OPTIONS = frozenset({"analyze", "analyse", "verbose"})


def after_explain(statement: Sequence[Token]) -> Sequence[Token]:
    """The statement after EXPLAIN and its options; empty if it is no EXPLAIN or ends there.

    Args:
        statement: the tokens of one statement, without comments.
    """
    if not statement or statement[0].text.lower() != "explain":
        return ()
    place = 1
    if place < len(statement) and statement[place].text == "(" and _are_options(statement):
        while place < len(statement) and statement[place].text != ")":
            place += 1
        place += 1
    while place < len(statement) and statement[place].text.lower() in _OPTIONS:
        place += 1
    return statement[place:]


def _are_options(statement: Sequence[Token]) -> bool:
    """Whether the bracket holds options, not the query itself."""
    inside = statement[2].text.lower() if len(statement) > 2 else ""
    return inside not in {"select", "with", "values", "table", "("}
