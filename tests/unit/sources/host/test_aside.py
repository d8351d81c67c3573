"""What may wait in the kernel is read in a thread, and left alone when it is late."""

from __future__ import annotations

import threading
import time

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip
from exporter.sources.host import Aside


async def test_gives_what_the_function_gives():
    aside = Aside("/x")
    assert await aside.run(lambda: threading.current_thread().daemon, Deadline.after(5)) is True
    assert await aside.run(lambda: 2, Deadline.after(5)) == 2


async def test_raises_what_the_function_raises():
    def fail() -> None:
        raise Skip(Reason.UNSUPPORTED, "none here")

    with pytest.raises(Skip, match="none here"):
        await Aside("/x").run(fail, Deadline.after(5))


async def test_late_one_is_left_alone_and_not_asked_twice():
    aside, answered = Aside("/slow"), threading.Event()
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="/slow"):
        await aside.run(lambda: answered.wait(10), Deadline.after(0.1))
    with pytest.raises(Skip) as caught:
        await aside.run(lambda: 1, Deadline.after(5))
    assert caught.value.reason is Reason.BUSY
    assert time.monotonic() - started < 1
    answered.set()
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            assert await aside.run(lambda: 1, Deadline.after(5)) == 1
        except Skip:
            continue
        return
    pytest.fail("it stays busy")
