from __future__ import annotations

import pytest

from exporter.model.errors import Partial, Reason, Refused, Skip
from exporter.sources.redis.fake import FakeRedis
from tests.replay_redis import played
from tests.unit.collectors.redis.conftest import Run


async def test_lengths_and_settings(run: Run) -> None:
    found = await run("redis_commandlog", played("valkey-8.1"))
    assert found["redis_commandlog_large_request_length"] == {(): 2}
    assert found["redis_commandlog_execution_slower_than"] == {(): 10000}
    assert len(found) == 9


@pytest.mark.parametrize(
    "info",
    [
        "",
        "redis_version:8.2.3",
        "redis_version:7.2.4\nvalkey_version:8.0.9",
        "redis_version:7.2.4\nvalkey_version:x",
        "redis_version:9.0.0\nmvcc_depth:0",
    ],
)
async def test_nobody_else_is_asked(run: Run, info: str) -> None:
    server = FakeRedis(info)
    with pytest.raises(Skip):
        await run("redis_commandlog", server)
    assert server.asked == []


async def test_without_config_the_lengths_are_there(run: Run) -> None:
    server = played("valkey-9.1")
    refused = Refused("no", Reason.PERMISSION)
    server.replies = {c: refused if c[0] == "CONFIG" else r for c, r in server.replies.items()}
    with pytest.raises(Partial) as some:
        await run("redis_commandlog", server)
    lengths, settings = some.value.tables
    assert [column.values for column in lengths.columns] == [(3,), (2,), (1,)]
    assert {column.values for column in settings.columns} == {(None,)}


async def test_refused_altogether_it_is_skipped(run: Run) -> None:
    server = played("valkey-9.1")
    server.replies = dict.fromkeys(server.replies, Refused("no", Reason.PERMISSION))
    with pytest.raises(Skip):
        await run("redis_commandlog", server)
