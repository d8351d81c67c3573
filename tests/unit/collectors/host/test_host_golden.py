"""Each collector over the recorded machine gives the recorded page, and only what it declares."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import Metric
from exporter.model.table import Table
from exporter.sources.host.fake import FakeHost
from tests.record_host import ALL_NAMES, GOLDEN, LACKING, NAMES, RECORDED, collect, page, spec

RECORDING = min(RECORDED.iterdir())


def metrics(tables: Sequence[Table]) -> list[Metric]:
    return [column.metric for table in tables for column in table.columns]


def test_there_is_a_golden_page_for_each_collector():
    assert sorted(file.stem for file in GOLDEN.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_page_is_the_golden_one(name):
    assert page(collect(name, FakeHost(RECORDING))).decode() == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", sorted(LACKING))
def test_what_the_recorded_machine_has_not_is_skipped(name):
    with pytest.raises(Skip) as caught:
        collect(name, FakeHost(RECORDING))
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_is_declared(name):
    declared = {metric for metric in spec(name).metrics if not metric.is_pattern}
    patterns = [metric for metric in spec(name).metrics if metric.is_pattern]
    for metric in metrics(collect(name, FakeHost(RECORDING))):
        matching = [
            pattern
            for pattern in patterns
            if re.fullmatch(re.sub("<[a-z]+>", "[a-zA-Z0-9_]+", pattern.name), metric.name)
            and pattern.kind is metric.kind
        ]
        assert metric in declared or matching, metric


@pytest.mark.parametrize("name", NAMES)
def test_metrics_are_made_once(name):
    async def two_runs() -> tuple[Sequence[Table], Sequence[Table]]:
        run = spec(name).build(FakeHost(RECORDING))
        return await run(Deadline.after(5)), await run(Deadline.after(5))

    first, second = asyncio.run(two_runs())
    assert [id(m) for m in metrics(first)] == [id(m) for m in metrics(second)]


@pytest.mark.parametrize("name", ALL_NAMES)
def test_declares_what_people_read(name):
    declared = spec(name)
    assert declared.help.endswith(".")
    assert declared.docs
    assert declared.explain(None)
    for metric in declared.metrics:
        assert metric.help.endswith("."), metric
        assert "\n" not in metric.help, metric


def test_recording_holds_no_name_of_the_machine():
    text = "".join(file.read_text(errors="replace") for file in files(RECORDING))
    assert not re.search(r"/(mnt|home|root|srv|media|work)/", text)


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]
