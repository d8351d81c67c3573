"""Numbers and lists of names in sentences."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 10


def few(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def count(number: int, noun: str) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
