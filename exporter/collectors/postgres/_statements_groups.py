"""Statements by what they do to which table: `SELECT` of `orders`. No I/O.

A statement belongs to the first table that stands in its text; with a text that is not known yet to the group
`unknown` of its database. At most `size` groups have rows of their own, the others are in the row `other` of
their database. So each call is counted once, and the sum over all rows grows by what really happened.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.collectors.postgres._statements import Growth, Reading, Statement, added, numbers
from exporter.collectors.postgres._statements_estimate import Moments, percentile
from exporter.collectors.postgres._statements_sticky import LIFETIME, Sticky
from exporter.collectors.postgres._statements_texts import Known
from exporter.collectors.postgres._statements_top import OTHER, REMEMBERED
from exporter.facts.pg_stat_statements import INDEX, UNKNOWN

LOOK_OVER = 20
"""Readings after which the longest calls are looked for among all entries: some are gone by then."""
WINDOW = 4
"""Readings whose calls the mean and the percentile are of: two minutes."""
SHARE = 0.95
CALLS, TIME, ROWS = INDEX["calls"], INDEX["total_exec_time"], INDEX["rows"]


class Group(NamedTuple):
    """What a row stands for."""

    datname: str
    operation: str
    table: str


class Counted(NamedTuple):
    """What a group has counted since this process began; times in milliseconds.

    Attributes:
        slow: calls between two readings in which a call of their statement took that long in the mean.
    """

    calls: float = 0.0
    ms: float = 0.0
    rows: float = 0.0
    slow: float = 0.0

    def plus(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(*added(self, other))


class Lately(NamedTuple):
    """What a group's calls took; None where there were none.

    Attributes:
        mean_ms: a call of the last two minutes.
        p95_ms: an estimate: 95 of 100 calls of the last two minutes took less.
        max_ms: the longest since the extension counts the statements that it has.
    """

    mean_ms: float | None
    p95_ms: float | None
    max_ms: float | None


class Groups:
    """Counters and gauges of the groups.

    Args:
        size: groups with rows of their own.
        slow_seconds: the mean of a call from which a statement is slow.
        known: what is known of each statement; looked at anew each time.
    """

    def __init__(self, size: int, slow_seconds: float, known: Mapping[Statement, Known]) -> None:
        self._size = size
        self._slow_ms = slow_seconds * 1000
        self._known = known
        self._sticky: Sticky[Group] = Sticky(size)
        self._shown: dict[Group, Counted] = {}
        self._left: dict[Group, Counted] = {}
        self._rest: dict[Group, Counted] = {}
        self._window: deque[Mapping[Group, Sequence[Moments]]] = deque(maxlen=WINDOW)
        self._longest: dict[Group, float] = {}
        self._readings = 0

    def add(self, reading: Reading, grown: Iterable[Growth]) -> None:
        """Counts what has been counted, and chooses anew who is shown.

        What a group counts in the reading with which it comes or goes is in the row `other`: so its own row
        has been seen with all that it holds when it goes, and begins where it was left.
        """
        self._sticky.fade()
        by_group = [(self._group(growth.statement), growth) for growth in grown]
        for group, growth in by_group:
            if group.operation != UNKNOWN:
                self._sticky.add(group, growth.by[TIME])
        entering = self._leave()
        window: defaultdict[Group, list[Moments]] = defaultdict(list)
        for group, growth in by_group:
            window[group].append(Moments(growth.by[CALLS], growth.by[TIME], growth.square))
            self._count(group, self._counted(growth))
            self._longest[group] = max(self._longest.get(group, 0.0), growth.longest)
        self._window.append(window)
        self._enter(entering)
        if self._readings % LOOK_OVER == 0:
            self._look_over(reading)
        self._readings += 1
        self._drop(reading)

    def settle(self, reading: Reading) -> None:
        """More texts are known than when this reading was added: groups of them get rows while there is room.

        They begin with 0, before they count anything.
        """
        for key, counters in reading.entries.items():
            group = self._group(reading.statement(key))
            if group.operation != UNKNOWN:
                self._sticky.add(group, numbers(counters)[TIME] * LIFETIME)
        self._enter(self._leave())
        self._look_over(reading)
        self._drop(reading)

    def rows(self) -> list[tuple[Group, Counted, Lately]]:
        """The groups that are shown, then the rows `unknown` and `other` of each database."""
        shown = [(group, counted, self._lately(group)) for group, counted in self._shown.items()]
        rest = [(group, counted, Lately(None, None, None)) for group, counted in self._rest.items()]
        return [*shown, *rest]

    def _group(self, statement: Statement) -> Group:
        known = self._known.get(statement)
        if known is None:
            return Group(statement.owner.datname, UNKNOWN, UNKNOWN)
        return Group(statement.owner.datname, known.operation, known.tables[0] if known.tables else "")

    def _counted(self, growth: Growth) -> Counted:
        calls, time, rows = (growth.by[i] for i in (CALLS, TIME, ROWS))
        return Counted(calls, time, rows, calls if calls and time / calls >= self._slow_ms else 0.0)

    def _count(self, group: Group, counted: Counted) -> None:
        if group in self._shown:
            self._shown[group] = self._shown[group].plus(counted)
            return
        rest = group if group.operation == UNKNOWN else Group(group.datname, OTHER, OTHER)
        self._rest[rest] = self._rest.get(rest, Counted()).plus(counted)

    def _look_over(self, reading: Reading) -> None:
        """Finds the longest call of each group."""
        longest: dict[Group, float] = {}
        for key, moments in reading.moments.items():
            group = self._group(reading.statement(key))
            longest[group] = max(longest.get(group, 0.0), numbers(moments)[1])
        self._longest = longest

    def _drop(self, reading: Reading) -> None:
        """What belongs to databases that are gone; the others have rows for the rest."""
        for datname in {group.datname for group in self._longest}:
            for name in (UNKNOWN, OTHER):
                self._rest.setdefault(Group(datname, name, name), Counted())
        databases = {UNKNOWN, *reading.databases.values()}
        for groups in (self._shown, self._left, self._rest, self._longest):
            for group in [group for group in groups if group.datname not in databases]:
                del groups[group]

    def _leave(self) -> list[Group]:
        """Takes the rows away that others get; who gets one."""
        entering, leaving = self._sticky.choose(self._shown)
        for group in leaving:
            self._left[group] = self._shown.pop(group)
        return entering

    def _enter(self, entering: Iterable[Group]) -> None:
        for group in entering:
            self._shown[group] = self._left.pop(group, Counted())
        for group in list(self._left)[: -self._size * REMEMBERED]:
            del self._left[group]

    def _lately(self, group: Group) -> Lately:
        moments = [one for part in self._window for one in part.get(group, ())]
        calls = sum(one.calls for one in moments)
        mean = sum(one.total for one in moments) / calls if calls else None
        return Lately(mean, percentile(moments, SHARE), self._longest.get(group))
