from __future__ import annotations

import pytest

from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis import Reply
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run


def server(length: Reply, newest: Reply) -> FakeRedis:
    return FakeRedis("", {("SLOWLOG", "LEN"): length, ("SLOWLOG", "GET", "1"): newest})


async def test_length_id_and_seconds_of_the_newest_entry(run: Run) -> None:
    entry: Reply = [14, 1700000000, 20500, ["SET", "secret"], "127.0.0.1:1", "name"]
    assert await run("redis_slowlog", server(128, [entry])) == {
        "redis_slowlog_length": {(): 128},
        "redis_slowlog_last_id": {(): 14},
        "redis_last_slow_execution_duration_seconds": {(): 0.0205},
    }


async def test_an_empty_log_is_zero_as_upstream_has_it(run: Run) -> None:
    found = await run("redis_slowlog", server(0, []))
    assert found["redis_slowlog_last_id"] == {(): 0}
    assert found["redis_last_slow_execution_duration_seconds"] == {(): 0}


async def test_an_entry_of_another_shape_is_unknown_not_zero(run: Run) -> None:
    found = await run("redis_slowlog", server(1, [["14"]]))
    assert found["redis_slowlog_last_id"] == {(): None}


@pytest.mark.parametrize(
    ("reason", "error"),
    [(Reason.PERMISSION, Skip), (Reason.UNSUPPORTED, Skip), (Reason.UNAVAILABLE, Refused)],
)
async def test_a_refusal(run: Run, reason: Reason, error: type[Exception]) -> None:
    refused = Refused("no", reason)
    with pytest.raises(error) as caught:
        await run("redis_slowlog", server(refused, refused))
    assert getattr(caught.value, "reason", None) is reason
