"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

import pytest

from exporter.cli._systemd import Supervisor, beside, supervisor


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(5)
        yield made


def heard(listening: socket.socket) -> str:
    """The next message."""
    return listening.recv(4096).decode()


async def test_it_serves_then_lives_then_ends(listening: socket.socket) -> None:
    telling = asyncio.create_task(Supervisor(listening.getsockname(), 0.03).keep_told("serving on :9188"))
    told = [await asyncio.to_thread(heard, listening) for _ in range(4)]
    telling.cancel()
    with suppress(asyncio.CancelledError):
        await telling
    while (last := heard(listening)) == "WATCHDOG=1":
        pass

    assert told == ["READY=1\nSTATUS=serving on :9188", *["WATCHDOG=1"] * 3]
    assert last == "STOPPING=1"


async def test_an_event_loop_that_hangs_is_silent(listening: socket.socket) -> None:
    telling = asyncio.create_task(Supervisor(listening.getsockname(), 0.03).keep_told("serving"))
    for _ in range(2):
        await asyncio.to_thread(heard, listening)

    until = monotonic() + 0.15
    while monotonic() < until:  # nothing else runs, as if a collector computed for ever
        pass
    listening.setblocking(False)
    late = 0
    with suppress(BlockingIOError):
        while heard(listening):
            late += 1
    telling.cancel()

    assert late <= 1


def test_an_abstract_socket_is_found() -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as made:
        made.bind(f"\0datastack-test-{os.getpid()}")
        made.settimeout(5)
        Supervisor(f"@datastack-test-{os.getpid()}").tell("READY=1")

        assert heard(made) == "READY=1"


def test_a_supervisor_that_does_not_read_holds_nothing_up(listening: socket.socket) -> None:
    started = monotonic()
    for _ in range(5000):
        Supervisor(listening.getsockname()).tell("WATCHDOG=1")

    assert monotonic() - started < 5


def test_a_supervisor_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Supervisor(str(tmp_path / "gone")).tell("READY=1")


def test_where_nobody_asks_nothing_runs() -> None:
    assert beside({}, "serving") == ()
    assert beside({"NOTIFY_SOCKET": ""}, "serving") == ()
    assert beside({"NOTIFY_SOCKET": "vsock:2:1234"}, "serving") == ()
    assert len(beside({"NOTIFY_SOCKET": "/run/systemd/notify"}, "serving")) == 1


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(given: dict[str, str], seconds: float | None) -> None:
    assert supervisor({"NOTIFY_SOCKET": "/n", **given}) == Supervisor("/n", seconds)
