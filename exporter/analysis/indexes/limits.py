"""A LIMIT with its number put back: pg_stat_statements has taken it out, and it decides over plans.

For `LIMIT $1` the planner expects a tenth of all rows, where people want twenty.
"""

from __future__ import annotations

from math import ceil

from exporter.facts.statement import Statement
from exporter.sql.tokens import Kind, Token, tokens

FEWEST = 20
MOST = 10_000


def limited(statement: Statement) -> str:
    """The text to be planned: its outermost LIMIT has as many rows as a call gave on average.

    At least 20: a call that found fewer rows than it wanted has read all there was.
    """
    return with_limit(statement.raw, wanted_rows(statement))


def wanted_rows(statement: Statement) -> int:
    """How many rows a call wants, as far as what it got tells that."""
    counted = statement.counters
    got = ceil(counted.rows / counted.calls) if counted.calls else 0
    return min(max(got, FEWEST), MOST)


def with_limit(text: str, rows: int) -> str:
    """The text with `LIMIT coalesce(20, $1)` for `LIMIT $1` outside of all brackets.

    The parameter stays, as its number must not be missing; the planner sees that it does not matter.
    """
    found = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    depth = 0
    for place, token in enumerate(found[:-1]):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and (parameter := _parameter(found, place)) is not None:
            end = parameter.start + len(parameter.text)
            return f"{text[: parameter.start]}(coalesce({rows}, {parameter.text})){text[end:]}"
    return text


def _parameter(found: list[Token], place: int) -> Token | None:
    words = [token.text.lower() for token in found[place : place + 2]]
    if words[0] == "limit":
        after = found[place + 1]
    elif words[0] == "fetch" and words[1] in {"first", "next"} and place + 2 < len(found):
        after = found[place + 2]
    else:
        return None
    return after if after.kind is Kind.PARAMETER else None
