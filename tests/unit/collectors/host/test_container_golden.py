"""The captured container gives the captured pages, and only what is declared."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

from exporter.model.deadline import Deadline
from exporter.model.table import Table
from tests.record_container import GOLDEN, RECORDED, Recorded
from tests.record_host import OF_PROCESSES, collect, page, spec

(RECORDING,) = RECORDED.iterdir()
NAMES = sorted(OF_PROCESSES)


def test_there_is_a_golden_page_for_each():
    assert sorted(file.stem for file in GOLDEN.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_page_is_the_golden_one(name):
    assert page(collect(name, Recorded(RECORDING))).decode() == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_declared_is_there_and_nothing_else(name):
    given = [column.metric for table in collect(name, Recorded(RECORDING)) for column in table.columns]
    assert set(given) == set(spec(name).metrics)


@pytest.mark.parametrize("name", NAMES)
def test_metrics_are_made_once(name):
    async def two_runs() -> list[Sequence[Table]]:
        run = spec(name).build(Recorded(RECORDING))
        return [await run(Deadline.after(5)) for _ in range(2)]

    first, second = (
        [id(column.metric) for table in tables for column in table.columns]
        for tables in asyncio.run(two_runs())
    )
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_declares_what_people_read(name):
    declared = spec(name)
    assert declared.help.endswith(".")
    assert declared.docs
    assert declared.explain(None)
    for metric in declared.metrics:
        assert metric.help.endswith("."), metric
        assert "\n" not in metric.help, metric


def test_recording_holds_no_name_of_the_machine():
    assert not re.search(r"/(mnt|home|root|media|work|tmp)/", RECORDING.read_text())
