"""A file system that does not answer: others are, in time, and the processes left behind are counted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from exporter.collectors.host import filesystem
from exporter.model.deadline import Deadline
from exporter.model.errors import Unavailable
from exporter.sources.host import Host, HostOptions, Space, Statvfs, statvfs, statvfs_helper
from exporter.sources.host.statvfs import COMMAND, MAX_ABANDONED, TIMED_OUT
from tests.record_host import page

pytestmark = pytest.mark.live

# The real helper, whose call blocks for every path with `dead` in it, as for a mount without a server.
DEAD_SERVER = f"""
import runpy, posix, time
real = posix.statvfs
def blocking(path):
    if b"dead" in path:
        time.sleep(600)
    return real(path)
posix.statvfs = blocking
runpy.run_path({statvfs_helper.__file__!r}, run_name="__main__")
"""
WITH_DEAD_SERVER = (sys.executable, "-I", "-c", DEAD_SERVER)

Make = Callable[..., Statvfs]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Makes what asks, with mounts that may be dead and half a second of patience."""
    made = []

    def statvfs(timeout: float = 0.5, **kwargs) -> Statvfs:
        made.append(Statvfs(timeout, **{"command": WITH_DEAD_SERVER, **kwargs}))
        return made[-1]

    yield statvfs
    for each in made:
        pids = each.processes
        await each.close()
        assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_says_what_the_system_says(make, tmp_path):
    paths = [b"/", os.fsencode(tmp_path), b"/proc", b"/no/such/path"]
    answers = await make(command=COMMAND).ask(paths, Deadline.after(5))
    told = os.statvfs("/")
    space = answers[b"/"]
    assert isinstance(space, Space)
    assert (space.size, space.files) == (told.f_blocks * told.f_frsize, told.f_files)
    assert space.available <= space.free <= space.size
    assert answers[b"/proc"] == Space(0, 0, 0, 0, 0)
    assert answers[b"/no/such/path"] == "no such file or directory"


async def test_dead_mount_costs_only_its_own_answer(make):
    asking = make()
    first = await asking.ask([b"/a-dead-one", b"/", b"/proc"], Deadline.after(5))
    assert first[b"/a-dead-one"] == TIMED_OUT
    assert isinstance(first[b"/"], Space)
    assert isinstance(first[b"/proc"], Space)

    started = time.monotonic()
    second = await asking.ask([b"/a-dead-one", b"/", b"/proc"], Deadline.after(5))
    assert second == first | {b"/": second[b"/"], b"/proc": second[b"/proc"]}
    assert time.monotonic() - started < 0.4, "a mount that hung is left alone for a while"
    assert len(asking.processes) == 1


async def test_deadline_holds_whatever_the_patience(make):
    asking = make(timeout=30)
    started = time.monotonic()
    answers = await asking.ask([b"/a-dead-one", b"/b-dead-one", b"/"], Deadline.after(1.5))
    assert time.monotonic() - started < 1.5
    assert answers[b"/a-dead-one"] == TIMED_OUT
    assert isinstance(answers[b"/"], Space)


async def test_stopped_process_is_replaced(make):
    asking = make()
    await asking.ask([b"/"], Deadline.after(5))
    (pid,) = asking.processes
    os.kill(pid, signal.SIGSTOP)
    answers = await asking.ask([b"/", b"/proc"], Deadline.after(5))
    assert answers[b"/"] == TIMED_OUT
    assert isinstance(answers[b"/proc"], Space)
    await asyncio.sleep(0.2)
    assert not alive(pid)


async def test_process_that_was_killed_is_replaced_at_once(make):
    asking = make()
    await asking.ask([b"/"], Deadline.after(5))
    os.kill(asking.processes[0], signal.SIGKILL)
    assert isinstance((await asking.ask([b"/"], Deadline.after(5)))[b"/"], Space)


async def test_processes_that_nothing_ends_are_bounded(make, monkeypatch):
    """As in the kernel: a kill that does not work, for as long as the server is away."""
    monkeypatch.setattr(statvfs, "RETRY_SECONDS", 0.0)
    asking = make(timeout=0.4, kill=lambda _helper: None)
    dead = [f"/dead-{n}".encode() for n in range(6)]
    first = await asking.ask([b"/", *dead, b"/proc"], Deadline.after(10))
    assert first == {b"/": first[b"/"], **dict.fromkeys(dead[:MAX_ABANDONED], TIMED_OUT)}
    assert len(asking.processes) == MAX_ABANDONED

    for _ in range(3):
        started = time.monotonic()
        again = await asking.ask([b"/", *dead, b"/proc"], Deadline.after(10))
        assert time.monotonic() - started < 1
        assert again.keys() == first.keys(), "what answered before, and nothing that might hang as well"
        assert isinstance(again[b"/"], Space)
        assert len(asking.processes) == MAX_ABANDONED + 1

    for pid in asking.processes:
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.3)
    answers = await asking.ask([b"/dead-0", b"/proc"], Deadline.after(10))
    assert answers[b"/dead-0"] == TIMED_OUT, "it is tried again once its process is gone"
    assert isinstance(answers[b"/proc"], Space)


async def test_server_that_comes_back_is_asked_again(make, monkeypatch, tmp_path):
    monkeypatch.setattr(statvfs, "RETRY_SECONDS", 0.0)
    gone = DEAD_SERVER.replace('b"dead" in path', f"not posix.access({str(tmp_path / 'back')!r}, 0)")
    asking = make(timeout=0.3, command=(sys.executable, "-I", "-c", gone))
    assert (await asking.ask([b"/"], Deadline.after(5)))[b"/"] == TIMED_OUT
    (tmp_path / "back").touch()
    await asyncio.sleep(0.2)
    assert isinstance((await asking.ask([b"/"], Deadline.after(5)))[b"/"], Space)


async def test_run_that_is_given_up_leaves_no_answers_behind(make):
    asking = make(timeout=5)
    run = asyncio.create_task(asking.ask([b"/proc", b"/a-dead-one"], Deadline.after(5)))
    await asyncio.sleep(0.4)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    answers = await asking.ask([b"/"], Deadline.after(5))
    space = answers[b"/"]
    assert isinstance(space, Space)
    assert space.size > 0, "this is the answer to /proc"


async def test_callers_at_the_same_time_get_their_own_answers(make):
    asking = make()
    runs = [asking.ask([b"/"] if n % 2 else [b"/proc"], Deadline.after(5)) for n in range(8)]
    for n, answers in enumerate(await asyncio.gather(*runs)):
        assert (Space(0, 0, 0, 0, 0) in answers.values()) is (n % 2 == 0)


async def test_process_that_can_not_be_started_says_so(make):
    with pytest.raises(Unavailable, match="can't start /no/such/python"):
        await make(command=("/no/such/python",)).ask([b"/"], Deadline.after(5))


async def test_process_that_ends_by_itself_is_not_started_for_ever(make):
    started = time.monotonic()
    assert await make(command=(sys.executable, "-I", "-S", "-c", "")).ask([b"/"], Deadline.after(20)) == {}
    assert time.monotonic() - started < 5


def test_process_ends_with_the_daemon():
    helper = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = helper.communicate(b"/".hex().encode() + b"\n", timeout=10)
    assert len(out.split()) == 6
    assert helper.returncode == 0


def own_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


async def test_process_is_small(make):
    asking = make(command=COMMAND)
    await asking.ask([b"/"], Deadline.after(5))
    assert own_kilobytes(asking.processes[0]) < 5000


async def test_collector_shows_the_dead_mount_and_all_others(make, tmp_path):
    proc = tmp_path / "1"
    proc.mkdir()
    (tmp_path / "dead").mkdir()
    lines = [f"1 0 0:9 / {tmp_path}/dead rw - nfs4 server:/export rw", "2 0 8:1 / / rw - ext4 /dev/sda1 rw"]
    (proc / "mountinfo").write_text("\n".join(lines))
    host = Host(HostOptions(procfs=str(tmp_path)), make())
    started = time.monotonic()
    text = page(await filesystem.build(host)(Deadline.after(4))).decode()
    assert time.monotonic() - started < 4
    errors = [line for line in text.splitlines() if line.startswith("node_filesystem_device_error{")]
    assert sorted(line.rpartition(" ")[2] for line in errors) == ["0", "1"]
    assert 'device_error="mountpoint timeout"} 1' in text
    assert "node_filesystem_size_bytes{" in text
