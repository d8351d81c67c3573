"""The statements that take most time just now, and one row for all others. No I/O.

Membership is sticky, so that series last: a statement is replaced only by one that took clearly longer in the
last minutes. What a statement counts while it has no series of its own goes to the row `other` of its
database and user, and its own series continues where it was left: so each call is counted once, and the sum
over all series grows by what really happened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from exporter.collectors.postgres._statements import Growth, Reading, Statement, Totals, added, numbers
from exporter.collectors.postgres._statements_sticky import LIFETIME, Sticky

OTHER = "other"
"""The label `queryid` of the row for all others."""
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
    _sticky: Sticky[Statement] = field(init=False)
    _begun: bool = False

    def __post_init__(self) -> None:
        self._others = Totals(self.width)
        self._sticky = Sticky(self.size)

    def add(self, reading: Reading, grown: Sequence[Growth]) -> None:
        """Counts what has been counted, and chooses anew who is shown.

        What a statement counts in the reading with which it comes or goes is in the row of the others: so its
        own row has been seen with all that it holds when it goes.
        """
        self._fade(reading)
        for growth in grown:
            self._sticky.add(growth.statement, growth.by[self.time])
        entering, leaving = self._sticky.choose(self._shown)
        for statement in leaving:
            self._left[statement] = self._shown.pop(statement)
        others = []
        for growth in grown:
            if (values := self._shown.get(growth.statement)) is not None:
                self._shown[growth.statement] = added(values, growth.by)
            else:
                others.append(growth)
        self._others.add(reading, others)
        self._enter(entering, reading)

    def rows(self) -> list[tuple[Statement, Sequence[float]]]:
        """The shown statements, then the row of the others for each database and user."""
        others = [(Statement(owner, OTHER), values) for owner, values in self._others.rows()]
        return [*self._shown.items(), *others]

    @property
    def shown(self) -> Collection[Statement]:
        """The statements that have series of their own."""
        return self._shown.keys()

    def _fade(self, reading: Reading) -> None:
        if not self._begun:
            self._begun = True
            for key, counters in reading.entries.items():
                self._sticky.add(reading.statement(key), numbers(counters)[self.time] * LIFETIME)
            return
        self._sticky.fade()
        idle = self._shown.keys() - self._sticky.weights.keys()
        for statement in idle - {statement for statement, _ in reading.those_of(idle)}:
            del self._shown[statement]

    def _enter(self, entering: Sequence[Statement], reading: Reading) -> None:
        """Shows statements: where they were left, else with all that the extension has of them."""
        for statement in entering:
            self._shown[statement] = self._left.pop(statement, [])
        fresh = {statement for statement in entering if not self._shown[statement]}
        self._shown |= {statement: [0.0] * self.width for statement in fresh}
        for statement, counters in reading.those_of(fresh):
            self._shown[statement] = added(self._shown[statement], numbers(counters))
        for statement in list(self._left)[: -self.size * REMEMBERED]:
            del self._left[statement]
