"""Counters made of an imagined pg_stat_statements that runs, forgets and restarts at random."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exporter.collectors.postgres._statements import (
    Owner,
    Reading,
    Statement,
    Totals,
    growth,
    merged,
    numbers,
)
from exporter.collectors.postgres._statements_top import Top
from tests.examples import examples

WEB = Owner("app", "web")
JOB = Owner("app", "job")
USERS = {"10": "web", "11": "job"}


@dataclass
class Live:
    """One entry of the imagined extension."""

    since: int
    calls: int = 0
    time: float = 0.0


class Extension(RuleBasedStateMachine):
    """Runs, evicts, resets and restarts at random, and reads in between."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[Owner, str, str], Live] = {}
        self.clock = count()
        self.life = 1
        self.before: Reading | None = None
        self.totals = Totals(2)
        self.top = Top(1, 2, time=1)
        self.happened: Counter[Owner] = Counter()
        self.lost = False
        self.shown: dict[Statement, float] = {}
        self.last_shown: dict[Statement, float] = {}
        self.increase: defaultdict[Owner, float] = defaultdict(float)

    @initialize(since=st.booleans(), toplevel=st.booleans())
    def version(self, since: bool, toplevel: bool) -> None:
        self.since, self.toplevel = since, toplevel

    @rule(
        owner=st.sampled_from([WEB, JOB]),
        queryid=st.sampled_from("abc"),
        level=st.sampled_from("tf"),
        calls=st.integers(1, 50),
    )
    def run(self, owner: Owner, queryid: str, level: str, calls: int) -> None:
        live = self.entries.setdefault((owner, queryid, level), Live(next(self.clock)))
        live.calls += calls
        live.time += calls * 0.5
        if self.before is not None:
            self.happened[owner] += calls

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def evict(self, data: st.DataObject) -> None:
        del self.entries[data.draw(st.sampled_from(sorted(self.entries)))]
        self.lost = True

    @rule()
    def reset(self) -> None:
        self.entries.clear()
        self.lost = True

    @rule(crash=st.booleans())
    def restart(self, crash: bool) -> None:
        self.life += 1
        self.lost = True
        if crash:
            self.entries.clear()

    @rule(calls=st.integers(100, 1000))
    def failover(self, calls: int) -> None:
        """To a server that has done more than this one."""
        self.life += 1
        self.lost = True
        for live in self.entries.values():
            live.calls += calls
            live.time += calls * 0.5

    @rule()
    def read(self) -> None:
        now = self.reading()
        grown = growth(self.before, now)
        earlier = dict(self.totals.rows())
        self.totals.add(now, grown)
        for owner, values in earlier.items():
            pairs = zip(dict(self.totals.rows())[owner], values, strict=True)
            assert all(new >= old for new, old in pairs), "a total fell"
        self.top.add(now, grown)
        self.follow()
        self.before = now

    def reading(self) -> Reading:
        rows = []
        for (owner, queryid, level), live in self.entries.items():
            user = "10" if owner == WEB else "11"
            rest = f"{level if self.toplevel else ''},{live.since if self.since else ''}"
            rows.append((f"({queryid},{user},5,{rest})", f"({live.calls},{live.time})"))
        entries, shared = merged(rows)
        return Reading(str(self.life), entries, {"5": "app"}, USERS, shared)

    def follow(self) -> None:
        """Adds up what a reader of the page sees: the increase of each series since its last sample."""
        rows = {statement: values[0] for statement, values in self.top.rows()}
        for statement, value in rows.items():
            old = self.last_shown.get(statement)
            if old is not None:
                assert value >= old or statement not in self.shown, "a shown series fell"
                self.increase[statement.owner] += max(value - old, 0)
        self.last_shown.update(rows)
        self.shown = rows

    @invariant()
    def nothing_is_counted_that_did_not_happen(self) -> None:
        for owner, (calls, time) in self.totals.rows():
            assert calls <= self.happened[owner]
            assert time == pytest.approx(calls * 0.5)

    @invariant()
    def without_a_loss_all_that_was_read_is_counted(self) -> None:
        if not self.lost and self.before is not None:
            seen = sum(numbers(counters)[0] for counters in self.before.entries.values())
            unread = sum(live.calls for live in self.entries.values()) - seen
            counted = sum(values[0] for _, values in self.totals.rows())
            assert counted == sum(self.happened.values()) - unread

    @invariant()
    def the_series_of_the_statements_and_the_others_give_the_totals(self) -> None:
        if not self.lost:
            totals = {owner: values[0] for owner, values in self.totals.rows()}
            born = {owner: total - self.increase[owner] for owner, total in totals.items()}
            assert all(missing >= 0 for missing in born.values()), "a call was counted twice"


TestExtension = Extension.TestCase
TestExtension.settings = examples(200, stateful_step_count=30)
