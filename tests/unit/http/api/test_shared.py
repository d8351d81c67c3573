"""What is costly is read once for all, and no longer than somebody wants it."""

from __future__ import annotations

import asyncio

import pytest

from exporter.http.api.problems import ApiError
from exporter.http.api.shared import AT_ONCE, MOST_KEPT, Shared


class Reading:
    """Something to be read; it counts how often, and how many at a time."""

    def __init__(self, seconds: float = 0.02) -> None:
        self._seconds = seconds
        self.begun = self.running = self.most = self.given_up = 0

    async def __call__(self) -> int:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.running -= 1
        return self.begun


async def test_it_is_read_once_for_all_who_ask() -> None:
    shared, reading = Shared(), Reading()
    assert await asyncio.gather(*(shared.get("a", reading, 60, 1) for _ in range(50))) == [1] * 50
    assert await shared.get("a", reading, 60, 1) == 1
    assert await shared.get("b", reading, 60, 1) == 2


async def test_it_is_forgotten_in_time() -> None:
    shared, reading = Shared(), Reading(0)
    assert await shared.get("a", reading, 0.02, 1) == 1
    await asyncio.sleep(0.05)
    assert not shared._readings  # and its memory is free
    assert await shared.get("a", reading, 0.02, 1) == 2


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    shared = Shared()

    async def failing() -> int:
        await asyncio.sleep(0.01)
        raise ApiError(502, "no")

    found = await asyncio.gather(*(shared.get("a", failing, 60, 1) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [ApiError] * 3
    assert await shared.get("a", Reading(), 60, 1) == 1


async def test_who_leaves_last_ends_it() -> None:
    shared, reading = Shared(), Reading(5)
    waiting = [asyncio.create_task(shared.get("a", reading, 60, 10)) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert reading.running == 1
    waiting[1].cancel()
    await asyncio.sleep(0.01)
    assert (reading.running, reading.given_up) == (0, 1)
    assert not shared._readings


async def test_who_can_not_wait_is_told() -> None:
    shared, reading = Shared(), Reading(5)
    with pytest.raises(ApiError) as told:
        await shared.get("a", reading, 60, 0.02)
    assert told.value.status == 503
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert reading.running == 0


async def test_a_bounded_number_side_by_side_and_kept() -> None:
    shared, reading = Shared(), Reading(0.001)
    await asyncio.gather(*(shared.get(number, reading, 60, 5) for number in range(3 * MOST_KEPT)))
    assert reading.most == AT_ONCE
    assert len(shared._readings) <= MOST_KEPT
