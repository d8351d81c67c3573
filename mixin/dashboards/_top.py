"""Tables of the largest of many: each column holds the same few rows."""

from __future__ import annotations


def among(expr: str, chosen: str, *labels: str) -> str:
    """What an expression has of the series that another one chose, by a `topk` most often.

    Args:
        expr: of a column.
        chosen: whose series stay, matched by target and `labels`.
        labels: those that name a row within a target.
    """
    return f"({expr}) and on ({', '.join(['job', 'instance', 'target', *labels])}) {chosen}"
