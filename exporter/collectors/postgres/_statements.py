"""Counters of pg_stat_statements that only grow, whatever the extension forgets. No I/O.

The extension evicts entries when it is full, is reset, and is lost in a crash: a sum over its entries falls
and jumps. So what is exported is the sum of what was counted between one reading and the next.

- An entry that was not there before is new: all that it has counted happened since.
- An entry that has less than before was evicted or reset and came back: the same. From version 1.11 its key
  holds the time since when it counts, so that is certain.
- The first reading of a life is where counting starts: what lies before it counts nothing. A life ends with a
  restart, a failover, another version of the extension or other rights: then entries can't be compared.
- Entries that can't be told apart (an extension older than 1.9 hides `toplevel`) are added up; where such
  a sum falls nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.facts.pg_stat_statements import UNKNOWN


class Owner(NamedTuple):
    """Whose statements: the labels of a row of totals."""

    datname: str
    user: str


class Statement(NamedTuple):
    """What a series stands for: all entries with these labels."""

    owner: Owner
    queryid: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What pg_stat_statements held at one time, as the server wrote it.

    Entries stay text: most are as they were in the last reading, which a comparison shows, and only the
    others are taken apart.

    Attributes:
        life: differs where entries can't be compared: from server to server, after a start, and so on.
        entries: the counters of each entry, `(12,0.25,7)`, by its key: `(queryid,userid,dbid,...)`.
        databases: names by oid.
        users: names by oid.
        shared: keys that stand for several entries.
        moments: of each entry, by its key: the sum of the squares of its calls' milliseconds, which can be
            added up and subtracted but for the last digits, and the longest of them: `(3.5,0.9)`.
        at: Unix time.
        clock: seconds on a clock that is never set.
    """

    life: str
    entries: Mapping[str, str]
    databases: Mapping[str, str]
    users: Mapping[str, str]
    shared: frozenset[str] = frozenset()
    moments: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0
    clock: float = 0.0

    def statement(self, key: str) -> Statement:
        """The statement that an entry belongs to."""
        queryid, user, database = key.strip("()").split(",", 3)[:3]
        owner = Owner(self.databases.get(database, UNKNOWN), self.users.get(user, UNKNOWN))
        return Statement(owner, queryid)

    def continues(self, before: Reading | None) -> bool:
        """Whether what lies between an earlier reading and this one can be told."""
        return before is not None and before.life == self.life

    def those_of(self, statements: Iterable[Statement]) -> Iterator[tuple[Statement, str]]:
        """The entries of these statements: the counters of each."""
        wanted = set(statements)
        queryids = {statement.queryid for statement in wanted}
        for key, counters in self.entries.items():
            if key[1 : key.index(",")] in queryids and (statement := self.statement(key)) in wanted:
                yield statement, counters


def merged(entries: Iterable[tuple[str, str]]) -> tuple[dict[str, str], frozenset[str]]:
    """Entries by key, those with the same key added up, and the keys that stand for several."""
    found: dict[str, str] = {}
    shared = set()
    for key, counters in entries:
        if key in found:
            shared.add(key)
            total = added(numbers(found[key]), numbers(counters))
            found[key] = f"({','.join(map(repr, total))})"
        else:
            found[key] = counters
    return found, frozenset(shared)


def merged_moments(moments: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Moments by key: of entries with the same key the sum of the squares, and the longest call of all."""
    found: dict[str, str] = {}
    for key, text in moments:
        if key in found:
            (ours, longest), (theirs, other) = numbers(found[key]), numbers(text)
            found[key] = f"({ours + theirs!r},{max(longest, other)!r})"
        else:
            found[key] = text
    return found


class Growth(NamedTuple):
    """What an entry has counted since the last reading.

    Attributes:
        by: how much each of its counters grew.
        square: the sum of the squares of these calls' milliseconds.
        toplevel: False for what functions and triggers ran; an extension older than 1.9 does not tell.
        longest: milliseconds of the longest call since the extension counts the entry.
    """

    statement: Statement
    by: Sequence[float]
    square: float = 0.0
    toplevel: bool = True
    longest: float = 0.0


def is_toplevel(key: str) -> bool:
    """What the key of an entry tells of it."""
    return key.strip("()").split(",")[3:4] != ["f"]


def numbers(counters: str) -> list[float]:
    """The counters of an entry."""
    return list(map(float, counters[1:-1].split(",")))


def added(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Two rows of counters added up."""
    return [a + b for a, b in zip(ours, theirs, strict=True)]


def growth(before: Reading | None, now: Reading) -> list[Growth]:
    """What has been counted between two readings, entry by entry, where there was anything."""
    return list(_growth(before, now)) if before is not None and now.continues(before) else []


def _growth(before: Reading, now: Reading) -> Iterator[Growth]:
    known = before.entries
    for key, counters in now.entries.items():
        then = known.get(key)
        if then == counters:
            continue
        by = values = numbers(counters)
        earlier: Reading | None = None
        if then is not None:
            by = [new - old for new, old in zip(values, numbers(then), strict=True)]
            earlier = before
            if min(by) < 0:
                if key in now.shared or key in before.shared:
                    continue
                by, earlier = values, None
        square, longest = _moments(now, key)
        if earlier is not None:  # rounding may take a little from a sum of squares; nothing else does
            square = max(0.0, square - _moments(earlier, key)[0])
        yield Growth(now.statement(key), by, square, is_toplevel(key), longest)


def _moments(reading: Reading, key: str) -> Sequence[float]:
    return numbers(reading.moments.get(key, "(0,0)"))


@dataclass(slots=True)
class Totals:
    """Sums by database and user; they begin with 0 and never fall.

    Args:
        width: how many counters an entry has.
    """

    width: int
    _totals: dict[Owner, list[float]] = field(default_factory=dict)
    _life: str = ""

    def add(self, reading: Reading, grown: Iterable[Growth]) -> None:
        """Adds what has been counted; the rows of databases and users that are gone are dropped."""
        databases = {UNKNOWN, *reading.databases.values()}
        users = {UNKNOWN, *reading.users.values()}
        for owner in list(self._totals):
            if owner.datname not in databases or owner.user not in users:
                del self._totals[owner]
        if reading.life != self._life:
            self._life = reading.life
            for owner in dict.fromkeys(reading.statement(key).owner for key in reading.entries):
                self._totals.setdefault(owner, [0.0] * self.width)
        for growth in grown:
            owner = growth.statement.owner
            self._totals[owner] = added(self._totals.get(owner) or [0.0] * self.width, growth.by)

    def rows(self) -> list[tuple[Owner, Sequence[float]]]:
        """The totals, in the order in which they were first seen."""
        return list(self._totals.items())
