"""One report of a statement in a minute, however often it is read. Pure.

A statement that is slow for hours would be a line for each reading. So the first reading that shows it is
reported at once, and what the next ones count is added up and reported a minute later: no call is lost.
Running queries and calls of Redis are reported as they come: each is one event.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from exporter.model.slow_query import SlowKind, SlowQuery

SECONDS = 60.0
"""The least time between two reports of one statement."""
STATEMENTS = 1_000
"""Statements that are followed; beyond that the one whose report is oldest is reported early."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Followed:
    reported: float
    waiting: SlowQuery | None = None


@dataclass(slots=True)
class Minutes:
    """What has been reported, and what waits; times are of one clock, in seconds."""

    _followed: OrderedDict[Key, _Followed] = field(default_factory=OrderedDict)

    def take(self, query: SlowQuery, now: float) -> Iterator[SlowQuery]:
        """Gives what is to be reported now that this one has come."""
        if query.kind is not SlowKind.STATEMENT:
            yield query
            return
        key = (query.target, query.server, query.datname, query.user, query.queryid or query.id)
        followed = self._followed.get(key)
        if followed is not None:
            followed.waiting = query if followed.waiting is None else together(followed.waiting, query)
            yield from self.due(now)
            return
        self._followed[key] = _Followed(now)
        if len(self._followed) > STATEMENTS:
            _, oldest = self._followed.popitem(last=False)
            if oldest.waiting is not None:
                yield oldest.waiting
        yield query

    def due(self, now: float) -> Iterator[SlowQuery]:
        """Gives what has waited long enough; forgets statements that are slow no longer."""
        while (at := self.next_at()) is not None and at <= now:
            key, followed = self._followed.popitem(last=False)
            if followed.waiting is not None:
                yield followed.waiting
                self._followed[key] = _Followed(now)

    def all(self) -> Iterator[SlowQuery]:
        """Gives all that waits."""
        for followed in self._followed.values():
            if followed.waiting is not None:
                yield followed.waiting
        self._followed.clear()

    def next_at(self) -> float | None:
        """When `due` has something to do; None while nothing is followed."""
        first = next(iter(self._followed.values()), None)
        return None if first is None else first.reported + SECONDS


def together(one: SlowQuery, later: SlowQuery) -> SlowQuery:
    """Two readings of a statement as one: the later one's words, the calls and the mean of both."""
    calls = one.calls + later.calls
    seconds = (one.calls * one.seconds + later.calls * later.seconds) / calls if calls else later.seconds
    return replace(later, calls=calls, seconds=seconds, since=one.since, text=later.text or one.text)
