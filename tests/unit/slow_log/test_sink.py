"""The log and the callbacks with their threads; what they wait for is polled."""

from __future__ import annotations

import json
import resource
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.model.slow_query import SlowQuery
from exporter.slow_log import callbacks, worker
from exporter.slow_log.callbacks import Callback, find_callbacks
from exporter.slow_log.file import BURST, NAME, LogFile
from exporter.slow_log.sink import SlowLog
from tests.unit.slow_log.queries import slow, statement


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "it did not come about"
        sleep(0.002)


def counts(log: SlowLog) -> dict[tuple[str, ...], Any]:
    """Name and labels of each sample -> its value."""
    return {
        (column.metric.name.removeprefix("exporter_slow_query_"), *row): value
        for table in log.tables()
        for column in table.columns
        for row, value in zip(table.rows, column.values, strict=True)
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / NAME
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def texts(folder: Path) -> list[str]:
    return [line["text"] for line in lines(folder)]


@pytest.fixture
async def log() -> AsyncIterator[SlowLog]:
    log = SlowLog(())
    yield log
    await log.close()


def _has(folder: Path, expected: list[str]) -> bool:
    return texts(folder) == expected


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "slow query" in thread.name}


async def test_off_it_has_no_thread_and_says_nothing(log: SlowLog) -> None:
    log.configure(None)
    log.take(slow())

    assert threads() == set()
    assert log.tables() == []


async def test_what_comes_is_written_before_the_end(tmp_path: Path) -> None:
    log = SlowLog(())
    log.configure(str(tmp_path))
    for number in range(100):
        log.take(slow(text=str(number)))
    log.take(statement("a", calls=2, text="first"))
    log.take(statement("a", calls=3, text="waits for its minute"))
    await log.close()

    assert texts(tmp_path) == [*map(str, range(100)), "first", "waits for its minute"]
    assert counts(log) == {
        ("log_up",): 1,
        ("log_lines_total",): 102,
        ("log_dropped_total", "busy"): 0,
        ("log_dropped_total", "rate"): 0,
        ("log_dropped_total", "error"): 0,
    }
    assert threads() == set()


async def test_another_folder_and_none_at_all(log: SlowLog, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        log.configure(str(folder))
        log.take(slow(text=folder.name))
        until(partial(_has, folder, [folder.name]))
    log.configure(None)
    log.take(slow(text="nowhere"))

    assert log.tables() == []
    assert [texts(folder) for folder in folders] == [["one"], ["two"]]


async def test_a_folder_that_comes_and_goes_is_two_lines_of_the_log(log: SlowLog, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    with capture_logs() as said:
        log.configure(str(folder))
        until(lambda: counts(log).get(("log_up",)) == 0)
        for _ in range(3):
            log.take(slow())
        until(lambda: counts(log)["log_dropped_total", "error"] == 3)
        folder.mkdir()
        log.take(slow(text="written"))
        until(lambda: counts(log)["log_up",] == 1)

    assert [(line["event"], line.get("reason")) for line in said] == [
        ("slow query log can't be written", "No such file or directory"),
        ("slow query log is written", None),
    ]
    assert texts(folder) == ["written"]


async def test_it_comes_back_by_itself(log: SlowLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    log.configure(str(tmp_path / "logs"))
    until(lambda: counts(log).get(("log_up",)) == 0)
    (tmp_path / "logs").mkdir()

    until(lambda: counts(log)["log_up",] == 1)


async def test_a_full_disk_is_counted_and_leaves_whole_lines(log: SlowLog, tmp_path: Path) -> None:
    log.configure(str(tmp_path))
    log.take(slow(text="fits"))
    until(lambda: texts(tmp_path) == ["fits"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = (tmp_path / NAME).stat().st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        log.take(slow(text="x" * 1000))
        until(lambda: counts(log)["log_up",] == 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.take(slow(text="fits again"))
    until(lambda: counts(log)["log_up",] == 1)

    assert texts(tmp_path) == ["fits", "fits again"]
    assert counts(log)["log_dropped_total", "error"] == 1


async def test_more_lines_than_may_be_written_are_counted(log: SlowLog, tmp_path: Path) -> None:
    log.configure(str(tmp_path))
    for number in range(900):
        log.take(slow(text=str(number)))
    written, left_out = ("log_lines_total",), ("log_dropped_total", "rate")
    until(lambda: (seen := counts(log)).get(written, 0) + seen.get(left_out, 0) == 900)

    assert BURST <= counts(log)[written] <= BURST + 50
    assert len(lines(tmp_path)) == counts(log)[written]


async def test_a_disk_that_hangs_keeps_nobody_waiting(log: SlowLog, tmp_path: Path) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_file: LogFile, _query: SlowQuery) -> None:
        hangs.set()
        goes_on.wait(10)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LogFile, "write", hang)
        log.configure(str(tmp_path))
        log.take(slow())
        assert hangs.wait(5)
        started = monotonic()
        for _ in range(worker.WAITING + 30):
            log.take(slow())
        assert monotonic() - started < 1
        assert counts(log)["log_dropped_total", "busy"] == 30
        goes_on.set()


def told(call: Callable[[SlowQuery], object], name: str = "theirs") -> tuple[SlowLog, Callback]:
    callback = Callback(name, call)
    log = SlowLog([callback])
    log.configure(None)
    return log, callback


async def test_a_callback_is_told_of_each() -> None:
    heard: list[SlowQuery] = []
    log, _ = told(heard.append)
    log.take(slow(text="one"))
    log.take(slow(text="two"))
    await log.close()

    assert [query.text for query in heard] == ["one", "two"]
    assert counts(log)["callback_calls_total", "theirs", "ok"] == 2


async def test_one_that_fails_is_said_once_and_once_that_it_works_without_its_words() -> None:
    def fails(query: SlowQuery) -> None:
        if query.text != "well":
            raise (
                SystemExit("https://hooks.example/hunter2") if query.text == "exit" else ValueError("hunter2")
            )

    with capture_logs() as said:
        log, callback = told(fails)
        for text in ("bad", "bad", "exit", "well", "well"):
            log.take(slow(text=text))
        await log.close()

    assert [line["event"] for line in said] == [
        "slow query callback fails",
        "slow query callback works again",
    ]
    assert said[0]["reason"].startswith("ValueError in fails, line ")
    assert "hunter2" not in str(said)
    assert (callback.ok, callback.failed) == (2, 3)


async def test_one_that_hangs_hurts_neither_the_log_nor_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "LATE_SECONDS", 0.05)
    monkeypatch.setattr("exporter.slow_log.sink.ENDING_SECONDS", 0.3)
    hanging, heard = threading.Event(), list[SlowQuery]()
    callback = Callback("hangs", lambda _query: hanging.wait(20))
    log = SlowLog([callback, Callback("well", heard.append)])
    log.configure(str(tmp_path))
    with capture_logs() as said:
        log.take(slow())
        until(lambda: len(heard) == 1)
        until(callback._late)
        for _ in range(20):
            log.take(slow())
        until(lambda: len(heard) == len(lines(tmp_path)) == 21)
        started = monotonic()
        await log.close()
        took = monotonic() - started
    hanging.set()

    assert took < 1
    assert counts(log)["callback_dropped_total", "hangs"] == 20
    assert [line["reason"] for line in said if line["event"] == "slow query callback fails"] == [
        "has not returned for 0.05 s"
    ]


def takes_one(query: SlowQuery) -> None:
    """What an extension may have."""


async def coroutine(query: SlowQuery) -> None:
    """What it may not."""


NOTHING_TO_CALL = 42


def test_entry_points_that_are_not_what_they_should_be_are_left_out() -> None:
    here = __name__
    given = {
        "good": f"{here}:takes_one",
        "coroutine": f"{here}:coroutine",
        "missing": "no_such_package_anywhere:function",
        "number": f"{here}:NOTHING_TO_CALL",
    }
    with capture_logs() as said:
        found = find_callbacks([EntryPoint(n, v, callbacks.GROUP) for n, v in given.items()])

    assert [callback.name for callback in found] == ["good"]
    assert [line["callback"] for line in said] == ["coroutine", "missing", "number"]
