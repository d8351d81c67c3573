"""A statement of the carrier's application, what is true of it, and the values that it is asked with."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from exporter.analysis.finding import Kind
from exporter.sql.normal import fingerprint

Values = Callable[[random.Random], tuple[Any, ...]]
Wanted = tuple[str, str]
"""A table, and what stands after it in CREATE INDEX."""

CALLS = 6
"""Of most statements: five are the least that the analysis takes for an application's."""


def nothing(_: random.Random) -> tuple[Any, ...]:
    """No values."""
    return ()


def whole(*most: int) -> Values:
    """A number from 1 up to each of these."""
    return lambda chance: tuple(chance.randint(1, each) for each in most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement.

    Attributes:
        name: what is particular about it.
        sql: with %s for each value.
        values: what is asked for.
        wanted: indexes that are right, the best first; empty if it wants none.
        together: whether it wants all of them.
        kind: which finding names the wanted index.
        rules: the anti-patterns that it is.
        calls: how often it is sent.
        server: text that the server runs by itself for it, with values: that is what wants the index.
    """

    name: str
    sql: str
    values: Values = nothing
    wanted: Sequence[Wanted] = ()
    together: bool = False
    kind: Kind = Kind.MISSING_INDEX
    rules: frozenset[str] = frozenset()
    calls: int = CALLS
    server: str = ""

    @property
    def id(self) -> str:
        """As its key has it, from 18 on too."""
        return _id(self.server or self.sql)


@cache
def _id(sql: str) -> str:
    return fingerprint(sql.replace("%s", "$1").replace("%%", "%"))


def rules(*names: str) -> frozenset[str]:
    """A set of rules."""
    return frozenset(names)


def hexadecimal(chance: random.Random, most: int = 256) -> str:
    """Three digits, as md5 has them somewhere."""
    return f"{chance.randrange(most):03x}"


def at(chance: random.Random, days: int = 100) -> datetime:
    """A time in the first days of 2025."""
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(24 * days))


def span(days: int, hours: int = 12) -> Values:
    """A stretch of so many hours."""

    def values(chance: random.Random) -> tuple[Any, ...]:
        begin = at(chance, days)
        return begin, begin + timedelta(hours=hours)

    return values


def day(chance: random.Random) -> date:
    """A day of 2025."""
    return date(2025, 1, 1) + timedelta(days=chance.randrange(300))
