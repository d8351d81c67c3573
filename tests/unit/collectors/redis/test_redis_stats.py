"""The collectors of the sections Commandstats and Errorstats."""

from __future__ import annotations

from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

INFO = """# Commandstats
cmdstat_get:calls=21,usec=175,usec_per_call=8.33,rejected_calls=1,failed_calls=2
cmdstat_config|get:calls=2,usec=57,usec_per_call=8.33,rejected_calls=0,failed_calls=0
cmdstat_georadius_ro:calls=3,usec=9,usec_per_call=3.00
# Errorstats
errorstat_ERR:count=11
errorstat_WRONGTYPE:count=x
"""


async def test_commands_in_seconds_and_old_servers_without_refusals(run: Run) -> None:
    found = await run("redis_commandstats", FakeRedis(INFO))
    assert found["redis_commands_total"] == {("get",): 21, ("config|get",): 2, ("georadius_ro",): 3}
    assert found["redis_commands_duration_seconds_total"][("config|get",)] == 57e-6
    assert found["redis_commands_rejected_calls_total"] == {
        ("get",): 1,
        ("config|get",): 0,
        ("georadius_ro",): None,
    }
    assert found["redis_commands_failed_calls_total"][("get",)] == 2


async def test_errors_by_their_first_word(run: Run) -> None:
    found = await run("redis_errorstats", FakeRedis(INFO))
    assert found["redis_errors_total"] == {("ERR",): 11, ("WRONGTYPE",): None}
