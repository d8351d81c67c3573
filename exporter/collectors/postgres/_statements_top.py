"""The statements that take most time just now, and one row for all others. No I/O.

Membership is sticky, so that series last: a statement is replaced only by one that took clearly longer in the
last minutes. What a statement counts while it has no series of its own goes to the row `other` of its
database and user, and its own series continues where it was left: so each call is counted once, and the sum
over all series grows by what really happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

from exporter.collectors.postgres._statements import Growth, Reading, Statement, Totals, added, numbers

OTHER = "other"
"""The label `queryid` of the row for all others."""
FADE = 0.9
"""What is left of a statement's weight, the time that it took, from one reading to the next."""
CLEARLY = 2.0
"""How many times the weight of the lightest shown statement makes another one take its place."""
LIFETIME = 1e-12
"""The weight of time that lies before the first reading: it decides where nothing else is known."""
FORGOTTEN = 1e-6
"""Below this weight a statement is as good as one that has done nothing."""
REMEMBERED = 10
"""How many times as many statements as are shown have their values kept for their return."""


@dataclass(slots=True)
class Top:
    """The values of `size` statements, and of the others.

    Args:
        size: statements with series of their own.
        width: how many counters an entry has.
        time: which of them is the time that decides.
    """

    size: int
    width: int
    time: int
    _others: Totals = field(init=False)
    _shown: dict[Statement, list[float]] = field(default_factory=dict)
    _left: dict[Statement, list[float]] = field(default_factory=dict)
    _weights: dict[Statement, float] = field(default_factory=dict)
    _begun: bool = False

    def __post_init__(self) -> None:
        self._others = Totals(self.width)

    def add(self, reading: Reading, grown: Iterable[Growth]) -> None:
        """Counts what has been counted, then chooses anew who is shown."""
        self._fade(reading)
        others = []
        for growth in grown:
            statement = growth.statement
            self._weights[statement] = self._weights.get(statement, 0.0) + growth.by[self.time]
            if (values := self._shown.get(statement)) is not None:
                self._shown[statement] = added(values, growth.by)
            else:
                others.append(growth)
        self._others.add(reading, others)
        self._choose(reading)

    def rows(self) -> list[tuple[Statement, Sequence[float]]]:
        """The shown statements, then the row of the others for each database and user."""
        others = [(Statement(owner, OTHER), values) for owner, values in self._others.rows()]
        return [*self._shown.items(), *others]

    def _fade(self, reading: Reading) -> None:
        if not self._begun:
            self._begun = True
            for key, counters in reading.entries.items():
                weight = numbers(counters)[self.time] * LIFETIME
                statement = reading.statement(key)
                self._weights[statement] = self._weights.get(statement, 0.0) + weight
            return
        self._weights = {s: weight * FADE for s, weight in self._weights.items() if weight > FORGOTTEN}
        idle = self._shown.keys() - self._weights.keys()
        for statement in idle - {statement for statement, _ in reading.those_of(idle)}:
            del self._shown[statement]

    def _choose(self, reading: Reading) -> None:
        weights = self._weights
        hidden = [statement for statement in weights if statement not in self._shown]
        heaviest = nlargest(self.size, hidden, key=weights.__getitem__)
        entering = heaviest[: self.size - len(self._shown)]
        lightest = sorted(self._shown, key=lambda statement: weights.get(statement, 0.0))
        for newcomer, leaving in zip(heaviest[len(entering) :], lightest, strict=False):
            if weights[newcomer] <= max(CLEARLY * weights.get(leaving, 0.0), FORGOTTEN):
                break
            self._left[leaving] = self._shown.pop(leaving)
            entering.append(newcomer)
        self._enter(entering, reading)
        for statement in list(self._left)[: -self.size * REMEMBERED]:
            del self._left[statement]

    def _enter(self, entering: Sequence[Statement], reading: Reading) -> None:
        """Shows statements: where they were left, else with all that the extension has of them."""
        for statement in entering:
            self._shown[statement] = self._left.pop(statement, [])
        fresh = {statement for statement in entering if not self._shown[statement]}
        self._shown |= {statement: [0.0] * self.width for statement in fresh}
        for statement, counters in reading.those_of(fresh):
            self._shown[statement] = added(self._shown[statement], numbers(counters))
