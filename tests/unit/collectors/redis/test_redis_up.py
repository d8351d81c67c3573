from __future__ import annotations

import pytest

from exporter.collectors.redis.redis_up import COLLECTOR, UP
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused, SourceError, Unavailable
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run


async def test_up_is_1_with_the_time_of_the_connection(run: Run) -> None:
    found = await run("redis_up", FakeRedis())
    assert found == {
        "redis_up": {(): 1},
        "redis_exporter_last_scrape_connect_time_seconds": {(): 0.001},
    }


async def test_a_server_that_is_down_or_refuses_info_is_not_up() -> None:
    down, refusing = FakeRedis(), FakeRedis(info=None)
    down.down = Unavailable("no")
    for server, error in ((down, Unavailable), (refusing, Refused)):
        with pytest.raises(SourceError) as caught:
            await COLLECTOR.build(server)(Deadline.after(1))
        assert isinstance(caught.value, error)
    (fallback,) = COLLECTOR.fallback
    assert [(column.metric, column.values) for column in fallback.columns] == [(UP, (0,))]
