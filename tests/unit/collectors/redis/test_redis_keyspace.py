from __future__ import annotations

from exporter.model.errors import Reason, Refused
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

DATABASES = ("CONFIG", "GET", "databases")
TWO = {DATABASES: ["databases", "2"]}


def info(line: str) -> str:
    return f"# Keyspace\r\n{line}\r\n"


async def test_values_by_name_and_zeros_for_empty_databases(run: Run) -> None:
    server = FakeRedis(info("db1:keys=4,expires=2,avg_ttl=1500"), TWO)
    found = await run("redis_keyspace", server)
    assert found["redis_db_keys"] == {("db0",): 0, ("db1",): 4}
    assert found["redis_db_keys_expiring"] == {("db0",): 0, ("db1",): 2}
    assert found["redis_db_avg_ttl_seconds"] == {("db0",): None, ("db1",): 1.5}
    assert found["redis_db_keys_cached"] == {("db0",): None, ("db1",): None}


async def test_the_fields_of_redis_7_4_valkey_9_and_keydb_are_told_apart(run: Run) -> None:
    for line, items, cached in (
        ("db0:keys=1,expires=0,avg_ttl=0,subexpiry=3", 3, None),
        ("db0:keys=1,expires=0,avg_ttl=0,keys_with_volatile_items=3", 3, None),
        ("db0:keys=1,expires=0,avg_ttl=0,cached_keys=5", None, 5),
    ):
        found = await run("redis_keyspace", FakeRedis(info(line), TWO))
        assert found["redis_db_keys_with_expiring_items"][("db0",)] == items
        assert found["redis_db_keys_cached"][("db0",)] == cached


async def test_dragonflys_order_and_its_minus_one(run: Run) -> None:
    line = "db0:keys=7,expires=1,hits=9,misses=8,hit_ratio=52.9,avg_ttl=-1"
    found = await run("redis_keyspace", FakeRedis(info(line), TWO))
    assert found["redis_db_keys"][("db0",)] == 7
    assert found["redis_db_avg_ttl_seconds"][("db0",)] is None
    assert found["redis_db_keys_cached"][("db0",)] is None


async def test_without_the_right_to_config_there_are_the_16_of_the_default(run: Run) -> None:
    refused = {DATABASES: Refused("no", Reason.PERMISSION)}
    found = await run("redis_keyspace", FakeRedis(info("db20:keys=1,expires=0"), refused))
    assert set(found["redis_db_keys"]) == {(f"db{i}",) for i in (*range(16), 20)}


async def test_a_cluster_has_one_database(run: Run) -> None:
    found = await run("redis_keyspace", FakeRedis("cluster_enabled:1", {DATABASES: ["databases", "16"]}))
    assert found["redis_db_keys"] == {("db0",): 0}


async def test_the_first_section_that_is_cut_off_loses_its_row_alone(run: Run) -> None:
    found = await run("redis_keyspace", FakeRedis(info("db0:keys=x,expires"), TWO))
    assert found["redis_db_keys"] == {("db0",): None, ("db1",): 0}
