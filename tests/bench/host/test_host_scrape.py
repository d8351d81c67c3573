"""What a run of each of the host's collectors costs on this machine, and of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporter.expose.text import TextEncoder
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.table import Table
from exporter.sources.host import Host
from tests.record_host import NAMES, spec


@dataclass
class Machine:
    """This machine with its collectors, on a loop that goes on from run to run as the daemon's does."""

    loop: asyncio.AbstractEventLoop
    collectors: dict[str, Collect]

    def run(self, *names: str) -> list[Table]:
        async def all_of_them() -> list[Table]:
            return [table for name in names for table in await self.collectors[name](Deadline.after(5))]

        return self.loop.run_until_complete(all_of_them())


@pytest.fixture
def machine() -> Iterator[Machine]:
    host = Host()
    with asyncio.Runner() as runner:
        yield Machine(runner.get_loop(), {name: spec(name).build(host) for name in NAMES})
        runner.run(host.close())


@pytest.mark.parametrize("name", NAMES)
def test_collector(name: str, machine: Machine, benchmark: BenchmarkFixture):
    assert benchmark(machine.run, name)


def test_all_collectors_and_the_page(machine: Machine, benchmark: BenchmarkFixture):
    encoder = TextEncoder()
    assert benchmark(lambda: encoder.encode(machine.run(*NAMES)))
