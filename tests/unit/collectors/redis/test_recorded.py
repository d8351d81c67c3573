"""All collectors on what real servers have answered: see `tests/record_redis.py`."""

from __future__ import annotations

from contextlib import suppress

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Skip
from exporter.sources.redis.fake import FakeRedis
from tests.replay_redis import RECORDINGS, WRITTEN, collectors, golden, page, played, tables


@pytest.mark.parametrize("recording", [*RECORDINGS, *WRITTEN])
async def test_the_page_is_as_recorded(recording: str) -> None:
    written = golden(recording).read_text()
    assert await page(played(recording)) == written, "if it is meant: python -m tests.record_redis --golden"


@pytest.mark.parametrize("name", collectors())
async def test_a_server_that_knows_nothing_breaks_no_collector(name: str) -> None:
    with suppress(Skip):
        await collectors()[name].build(FakeRedis())(Deadline.after(1))


@pytest.mark.parametrize("recording", [*RECORDINGS, *WRITTEN])
async def test_all_that_is_shown_is_declared(recording: str) -> None:
    declared = {m for spec in collectors().values() for m in spec.metrics}
    patterns = {m.name.split("<")[0] for m in declared if m.is_pattern}
    for table in await tables(played(recording)):
        for column in table.columns:
            known = column.metric in declared or column.metric.name.startswith(tuple(patterns))
            assert known, column.metric
