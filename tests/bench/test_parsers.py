"""What it takes to read /proc and INFO, from recordings: no server, no disk but the page cache."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.sources.host.fake import FakeHost
from exporter.sources.redis.info import Info
from tests import record_host, replay_redis

Run = Callable[[Collect], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a collector once, on a loop that goes on from run to run as the daemon's does."""
    with asyncio.Runner() as runner:

        async def once(collect: Collect) -> object:
            try:
                return await collect(Deadline.after(5))
            except Skip:
                return ()

        yield lambda collect: runner.get_loop().run_until_complete(once(collect))


@pytest.mark.parametrize("version", replay_redis.RECORDINGS)
def test_info(version: str, benchmark: BenchmarkFixture) -> None:
    text = replay_redis.info_text(version)
    info = benchmark(Info, text)

    assert info.number("uptime_in_seconds") is not None


def test_all_of_redis(run: Run, benchmark: BenchmarkFixture) -> None:
    collectors = [spec.build(replay_redis.played("7.0")) for spec in replay_redis.collectors().values()]

    assert all(benchmark(lambda: [run(collect) is not None for collect in collectors]))


def test_all_of_proc(run: Run, benchmark: BenchmarkFixture) -> None:
    recording = next(record_host.RECORDED.iterdir())
    host = FakeHost(recording)
    collectors = [record_host.spec(name).build(host) for name in record_host.NAMES]

    assert all(benchmark(lambda: [run(collect) is not None for collect in collectors]))
