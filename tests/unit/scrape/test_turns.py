"""Targets take turns: no more than so many at a time, and nobody waits for long."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from exporter.model.deadline import Deadline
from exporter.scrape.turns import SHARE, NoTurnError, Turns


async def test_no_more_than_so_many_run_and_all_get_their_turn() -> None:
    turns = Turns(3)
    running = most = done = 0

    async def work() -> None:
        nonlocal running, most, done
        async with turns.one(Deadline.after(5)):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            done += 1

    await asyncio.gather(*(work() for _ in range(10)))

    assert (most, done) == (3, 10)


async def test_who_waits_too_long_is_refused_while_there_is_time_to_say_so() -> None:
    turns = Turns(1)
    async with turns.one(Deadline.after(1)):
        began = monotonic()
        with pytest.raises(NoTurnError, match="1 targets were still busy"):
            async with turns.one(Deadline.after(0.5)):
                pytest.fail("there was no turn")
        took = monotonic() - began

    assert took == pytest.approx(0.5 * SHARE, abs=0.1)
    async with turns.one(Deadline.after(0.5)):
        pass  # the refused one has left nothing behind


async def test_a_turn_is_free_again_whatever_became_of_the_work() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="broken"):
        async with turns.one(Deadline.after(1)):
            raise ValueError("broken")

    async with turns.one(Deadline.after(0.1)):
        pass
