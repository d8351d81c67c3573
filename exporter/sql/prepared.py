"""What PREPARE prepares: pg_stat_statements counts what EXECUTE runs under the text of the PREPARE.

Source: https://www.postgresql.org/docs/current/sql-prepare.html
"""

from __future__ import annotations

from collections.abc import Sequence

from exporter.sql.tokens import Token


def after_prepare(statement: Sequence[Token]) -> Sequence[Token]:
    """The statement after `PREPARE name (types) AS`; empty if it is no PREPARE or ends there.

    Args:
        statement: the tokens of one statement, without comments.
    """
    if len(statement) < 4 or statement[0].text.lower() != "prepare":
        return ()
    place = 2
    depth = 0
    while place < len(statement) and (depth or statement[place].text == "("):
        depth += (statement[place].text == "(") - (statement[place].text == ")")
        place += 1
    if place >= len(statement) or statement[place].text.lower() != "as":
        return ()
    return statement[place + 1 :]
