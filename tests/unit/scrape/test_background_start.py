"""When a background collector runs first: put off, so that many targets do not connect at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

import pytest

from exporter.model.collector import CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.metric import gauge
from exporter.model.snapshot import State
from exporter.model.table import Table, single
from exporter.scrape.engine import Engine

SIZE = gauge("test_size", "Size.")


class Collectors:
    """Two background collectors of one period, and when each of them ran."""

    def __init__(self) -> None:
        self.ran: list[float] = []
        spec = CollectorSpec(
            help="x", source="x", metrics=(SIZE,), build=lambda _source: self.collect, every_seconds=60.0
        )
        self.engine = Engine([Named(name, "x", spec) for name in ("a", "b")], {"x": object()})

    async def collect(self, _deadline: Deadline) -> Sequence[Table]:
        self.ran.append(monotonic())
        return [single({SIZE: 1})]


async def test_it_waits_for_its_turn() -> None:
    made = Collectors()
    began = monotonic()
    made.engine.start(after=0.1)
    await asyncio.sleep(0.05)
    before = len(made.ran)
    await asyncio.sleep(0.15)
    await made.engine.stop()

    assert before == 0
    assert [at - began for at in made.ran] == pytest.approx([0.1, 0.1], abs=0.04)


async def test_a_scrape_before_that_has_no_result_and_does_not_wait_for_one() -> None:
    made = Collectors()
    made.engine.start(after=30.0)
    began = monotonic()
    snapshot = await made.engine.scrape(Deadline.after(2.0))
    took = monotonic() - began
    await made.engine.stop()

    assert [outcome.state for outcome in snapshot.outcomes] == [State.SKIPPED, State.SKIPPED]
    assert took < 0.1
    assert made.ran == []


async def test_the_next_run_is_a_period_after_the_first() -> None:
    made = Collectors()
    made.engine.start(after=0.05)
    await asyncio.sleep(0.1)
    pauses = [background._pause(0.0) for background in made.engine._background.values()]
    await made.engine.stop()

    assert pauses == pytest.approx([59.95, 59.95], abs=0.04)
