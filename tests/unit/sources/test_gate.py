"""The gate with attempts that the tests end by hand: real waiting is some hundredths of a second."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError, Unavailable
from exporter.sources.gate import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Gate

GRACE = 0.03


class Door:
    """What the gate opens: each attempt waits for the test to end it."""

    def __init__(self) -> None:
        self.attempts: list[asyncio.Future[str]] = []
        self.cancelled = 0
        self.slept: list[float] = []
        self.now = 0.0

    async def __call__(self) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.attempts.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def gate(self, **options: Any) -> Gate[str]:
        return Gate(
            self,
            "thing at place",
            grace_seconds=GRACE,
            clock=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: 1.0,
            **options,
        )


@pytest.fixture
def door() -> Door:
    return Door()


async def begun(door: Door, attempts: int = 1) -> None:
    """Lets tasks run until that many attempts have begun."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(door.attempts) == attempts


async def fails(gate: Gate[str], seconds: float = 1.0) -> tuple[SourceError, float]:
    """The error of one call, and how long it took."""
    started = monotonic()
    with pytest.raises(SourceError) as caught:
        await gate.enter(Deadline.after(seconds))
    return caught.value, monotonic() - started


async def refuse(door: Door, gate: Gate[str], error: Exception) -> SourceError:
    """One call whose attempt fails at once."""
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door, len(door.attempts) + 1)
    door.attempts[-1].set_exception(error)
    with pytest.raises(SourceError) as caught:
        await call
    return caught.value


async def hang(door: Door, **options: Any) -> Gate[str]:
    """A gate whose first caller has just given up."""
    gate: Gate[str] = Gate(door, "thing at place", grace_seconds=GRACE, **options)
    error, _ = await fails(gate, 2 * GRACE)
    assert isinstance(error, Unavailable)
    assert gate.hanging
    assert gate.outstanding
    return gate


async def test_all_who_wait_share_one_attempt_and_what_it_opened_is_kept(door: Door) -> None:
    gate = door.gate()
    calls = [asyncio.create_task(gate.enter(Deadline.after(1))) for _ in range(5)]
    await begun(door)
    door.attempts[0].set_result("open")
    assert await asyncio.gather(*calls) == ["open"] * 5
    assert await gate.enter(Deadline.after(0)) == "open"
    await begun(door)


async def test_a_cancelled_caller_leaves_the_attempt_to_the_others(door: Door) -> None:
    gate = door.gate()
    first, second = (asyncio.create_task(gate.enter(Deadline.after(1))) for _ in range(2))
    await begun(door)
    first.cancel()
    await begun(door)
    door.attempts[0].set_result("open")
    assert await second == "open"
    assert first.cancelled()
    assert door.cancelled == 0


async def test_what_opens_after_all_have_left_is_there_for_the_next(door: Door) -> None:
    gate = await hang(door)
    door.attempts[0].set_result("open")
    await begun(door)
    assert await gate.enter(Deadline.after(0)) == "open"
    assert not gate.hanging


async def test_while_it_hangs_newcomers_wait_the_grace_and_start_nothing(door: Door) -> None:
    gate = await hang(door)
    errors = [await fails(gate) for _ in range(3)]
    assert all(GRACE * 0.9 < seconds < 5 * GRACE for _, seconds in errors)
    assert {str(error) for error, _ in errors} == {"thing at place: no connection after 0.1 s"}
    await begun(door, 1)


async def test_a_newcomer_during_the_grace_gets_what_opens(door: Door) -> None:
    gate = await hang(door)
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door)
    door.attempts[0].set_result("open")
    assert await call == "open"


async def test_a_caller_in_a_hurry_does_not_declare_it_hanging(door: Door) -> None:
    gate: Gate[str] = Gate(door, "thing at place")
    error, _ = await fails(gate, 0.01)
    assert isinstance(error, Unavailable)
    assert not gate.hanging
    gate.close()


async def test_a_use_that_hangs_closes_the_gate_and_gives_its_error_to_newcomers(door: Door) -> None:
    gate: Gate[str] = Gate(door, "thing at place", grace_seconds=GRACE)
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door)
    door.attempts[0].set_result("open")
    value = await call
    assert gate.lost(value, hanging=Unavailable("silent"))
    error, seconds = await fails(gate)
    assert str(error) == "silent"
    assert seconds < 5 * GRACE
    await begun(door, 2)
    door.attempts[1].set_result("again")
    await begun(door, 2)
    assert await gate.enter(Deadline.after(0)) == "again"
    gate.close()


async def test_a_late_report_does_not_throw_the_new_one_away(door: Door) -> None:
    gate = door.gate()
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door)
    door.attempts[0].set_result("old")
    old = await call
    gate.lost(old)
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door, 2)
    door.attempts[1].set_result("new")
    await call
    assert not gate.lost(old, hanging=Unavailable("late"))
    assert await gate.enter(Deadline.after(0)) == "new"


async def test_an_attempt_over_its_time_is_cancelled_and_the_next_call_starts_another(door: Door) -> None:
    gate = await hang(door, attempt_seconds=3 * GRACE)
    await asyncio.sleep(3 * GRACE)
    assert door.cancelled == 1
    assert not gate.outstanding
    error, seconds = await fails(gate)
    assert str(error) == "thing at place: no answer within 0.09 s"
    assert seconds < 5 * GRACE
    await begun(door, 2)
    gate.close()


async def test_failures_are_kept_apart_by_a_growing_pause_that_callers_wait_for(door: Door) -> None:
    gate = door.gate()
    for _ in range(8):
        error = await refuse(door, gate, Unavailable("refused"))
        assert str(error) == "refused"
    doubling = [FIRST_PAUSE_SECONDS * 2**n for n in range(7)]
    assert door.slept == pytest.approx([min(pause, LONGEST_PAUSE_SECONDS) for pause in doubling])
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door, 9)
    door.attempts[-1].set_result("open")
    assert await call == "open"


async def test_success_ends_the_pauses(door: Door) -> None:
    gate = door.gate()
    await refuse(door, gate, Unavailable("refused"))
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door, 2)
    door.attempts[-1].set_result("open")
    gate.lost(await call)
    await refuse(door, gate, Unavailable("refused"))
    await refuse(door, gate, Unavailable("refused"))
    assert door.slept == [FIRST_PAUSE_SECONDS] * 2


async def test_the_jitter_shortens_a_pause_by_half_at_most(door: Door) -> None:
    gate: Gate[str] = Gate(door, "thing", clock=lambda: 0.0, sleep=door.sleep, jitter=lambda: 0.0)
    await refuse(door, gate, Unavailable("refused"))
    await refuse(door, gate, Unavailable("refused"))
    assert door.slept == [FIRST_PAUSE_SECONDS / 2]


async def test_a_deadline_within_the_pause_gives_the_reason_and_no_verdict(door: Door) -> None:
    gate: Gate[str] = Gate(door, "thing", grace_seconds=GRACE, jitter=lambda: 1.0)
    for _ in range(3):
        await refuse_slowly(door, gate)
    error, seconds = await fails(gate, 2 * GRACE)
    assert str(error) == "refused"
    assert seconds < LONGEST_PAUSE_SECONDS
    assert not gate.hanging
    gate.close()


async def refuse_slowly(door: Door, gate: Gate[str]) -> None:
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    count = len(door.attempts)
    while len(door.attempts) == count:  # noqa: ASYNC110  the gate sleeps in real time here
        await asyncio.sleep(0.005)
    door.attempts[-1].set_exception(Unavailable("refused"))
    with pytest.raises(Unavailable, match="refused"):
        await call


async def test_a_failure_by_itself_ends_the_hanging(door: Door) -> None:
    gate = await hang(door)
    door.attempts[0].set_exception(Unavailable("reset by peer"))
    await begun(door)
    assert not gate.hanging
    gate.close()


async def test_a_refusal_keeps_its_reason(door: Door) -> None:
    error = await refuse(door, door.gate(), Refused("no login", Reason.PERMISSION))
    assert isinstance(error, Refused)
    assert error.reason is Reason.PERMISSION


@pytest.mark.parametrize("raised", [TimeoutError("timed out"), ConnectionResetError("reset")])
async def test_an_error_of_the_system_becomes_unavailable(door: Door, raised: OSError) -> None:
    gate = door.gate()
    error = await refuse(door, gate, raised)
    assert isinstance(error, Unavailable)
    assert str(error) == f"thing at place: {raised}"
    assert not gate.hanging


async def test_a_bug_in_the_attempt_reaches_the_caller(door: Door) -> None:
    gate = door.gate()
    with pytest.raises(ZeroDivisionError):
        await refuse(door, gate, ZeroDivisionError())
    assert not gate.outstanding


async def test_closing_ends_the_attempt_and_its_callers_and_gives_back_what_is_open(door: Door) -> None:
    gate = door.gate()
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door)
    assert gate.close() is None
    with pytest.raises(Unavailable, match="closed"):
        await call
    assert door.cancelled == 1
    with pytest.raises(Unavailable, match="closed"):
        await gate.enter(Deadline.after(1))

    gate = door.gate()
    call = asyncio.create_task(gate.enter(Deadline.after(1)))
    await begun(door, 2)
    door.attempts[1].set_result("open")
    await call
    assert gate.close() == "open"


async def test_scraped_for_a_long_time_while_hanging_it_gathers_nothing(door: Door) -> None:
    gate: Gate[str] = Gate(door, "thing", attempt_seconds=0.01, grace_seconds=0.001)
    before = len(asyncio.all_tasks())
    for _ in range(300):
        with pytest.raises(Unavailable):
            await gate.enter(Deadline.after(0.002))
        assert len(asyncio.all_tasks()) <= before + 1
    assert sum(not attempt.done() for attempt in door.attempts) <= 1
    gate.close()
