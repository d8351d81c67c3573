from __future__ import annotations

import pytest

from exporter.collectors.redis.redis_config import COMMANDS
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis import Reply
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

LIMITS = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 30 odd"


def server(**settings: str) -> FakeRedis:
    known: dict[str, Reply] = {name.replace("_", "-"): value for name, value in settings.items()}
    return FakeRedis("", {c: [c[2], known[c[2]]] if c[2] in known else [] for c in COMMANDS})


async def test_settings_are_asked_for_by_name_and_never_all(run: Run) -> None:
    fake = server(maxmemory="1000", maxclients="10000", io_threads="4", repl_backlog_size="1048576")
    found = await run("redis_config", fake)
    assert found["redis_config_maxmemory"] == {(): 1000}
    assert found["redis_config_maxclients"] == {(): 10000}
    assert found["redis_config_io_threads"] == {(): 4}
    assert found["redis_config_repl_backlog_size"] == {(): 1048576}
    assert all("*" not in word for command in fake.asked for word in command)


async def test_buffer_limits_by_class(run: Run) -> None:
    found = await run("redis_config", server(client_output_buffer_limit=LIMITS))
    limits = found["redis_config_client_output_buffer_limit_bytes"]
    assert limits[("slave", "hard")] == 268435456
    assert limits[("slave", "soft")] == 67108864
    assert len(limits) == 6
    assert found["redis_config_client_output_buffer_limit_overcome_seconds"][("pubsub", "soft")] == 30


async def test_a_setting_that_this_server_lacks_has_no_value(run: Run) -> None:
    assert (await run("redis_config", server(maxmemory="0")))["redis_config_io_threads"] == {(): None}


async def test_without_the_right_it_is_skipped_with_the_remedy(run: Run) -> None:
    refused = Refused("run ACL SETUSER x +config|get there", Reason.PERMISSION)
    with pytest.raises(Skip, match=r"\+config\|get") as caught:
        await run("redis_config", FakeRedis("", dict.fromkeys(COMMANDS, refused)))
    assert caught.value.reason is Reason.PERMISSION
