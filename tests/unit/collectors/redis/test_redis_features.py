from __future__ import annotations

import pytest

from exporter.model.errors import Reason, Refused
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

FEATURE = "redis_feature_available"


async def test_what_was_asked_is_told_and_nothing_is_asked_for_it(run: Run) -> None:
    server = FakeRedis("a:1", {("CONFIG", "GET", "maxmemory"): [], ("SLOWLOG", "LEN"): 1})
    server.asked += [("CONFIG", "GET", "maxmemory"), ("LATENCY", "HISTOGRAM"), ("FT._LIST",)]
    asked = list(server.asked)
    found = await run("redis_features", server)
    assert found[FEATURE] == {("info",): 1, ("config",): 1, ("latency_histogram",): 0, ("search",): 0}
    assert server.asked == asked


async def test_where_info_is_refused_the_rest_is_told(run: Run) -> None:
    server = FakeRedis(
        None, {("SLOWLOG", "GET", "1"): [], ("MEMORY", "STATS"): Refused("no", Reason.PERMISSION)}
    )
    server.asked += [("SLOWLOG", "GET", "1"), ("MEMORY", "STATS")]
    assert (await run("redis_features", server))[FEATURE] == {("memory_stats",): 0, ("slowlog",): 1}


async def test_a_server_that_lets_nothing_pass_is_a_failure(run: Run) -> None:
    with pytest.raises(Refused):
        await run("redis_features", FakeRedis(None))
