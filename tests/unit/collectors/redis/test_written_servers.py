"""The traps of servers that are not Redis, on answers written from their lists of fields."""

from __future__ import annotations

from exporter.sources.redis.fake import FakeRedis
from tests.replay_redis import played
from tests.unit.collectors.redis.conftest import Run


async def test_valkeys_mode_zone_and_version(run: Run) -> None:
    found = await run("redis_info", played("valkey-8.0"))
    (identity,) = found["redis_instance_info"]
    assert "standalone" in identity
    assert identity[-3:] == ("8.0.1", "ga", "eu-1a")
    assert found["redis_server_info"] == {("Valkey", "8.0.1"): 1}
    assert found["redis_io_threaded_prefetch_entries_total"] == {(): 44}


async def test_a_type_on_valkeys_replica_lines_changes_nothing(run: Run) -> None:
    found = await run("redis_info", played("valkey-8.0"))
    assert found["redis_connected_slave_lag_bytes"] == {
        ("10.0.0.2", "6379", "online"): 500,
        ("10.0.0.3", "6379", "bg_transfer"): 1500,
    }


async def test_a_second_section_on_the_cluster_gives_no_series_twice(run: Run) -> None:
    found = await run("redis_info", played("valkey-9.1"))  # two rows with the same labels would raise
    assert found["redis_cluster_state"] == {(): 1}
    assert found["redis_active_time_io_thread_seconds_total"] == {("1",): 10.25, ("2",): 1e-06}
    keys = await run("redis_keyspace", played("valkey-9.1"))
    assert keys["redis_db_keys_with_expiring_items"] == {("db0",): 2}
    assert keys["redis_db_keys_cached"] == {("db0",): None}


async def test_keydb_has_several_masters_and_threads(run: Run) -> None:
    found = await run("redis_info", played("keydb-6.3"))
    assert found["redis_master_link_up"] == {("10.0.0.2", "6379"): 1, ("10.0.0.3", "6379"): 0}
    assert found["redis_master_link_down_since_seconds"]["10.0.0.3", "6379"] == 17
    assert found["redis_slave_info"] == {("10.0.0.2", "6379", "0"): 1}
    assert found["redis_io_thread_clients"] == {("0",): 4, ("1",): 5}
    assert found["redis_server_info"] == {("KeyDB", "6.3.4"): 1}
    assert (await run("redis_keyspace", played("keydb-6.3")))["redis_db_keys_cached"]["db0",] == 26000


async def test_dragonfly_writes_less_than_it_seems(run: Run) -> None:
    found = await run("redis_info", played("dragonfly"))
    assert found["redis_cpu_sys_seconds_total"] == {(): 1.000005}
    assert found["redis_cpu_user_seconds_total"] == {(): 2.09}
    assert "redis_rejected_connections_total" not in found
    assert found["redis_max_clients"] == {(): 64000}
    assert found["redis_connected_slave_lag_records"] == {("10.0.0.2", "6379", "online"): 6}
    assert "redis_connected_slave_lag_seconds" not in found
    keys = await run("redis_keyspace", played("dragonfly"))
    assert keys["redis_db_avg_ttl_seconds"]["db0",] is None
    assert keys["redis_db_keys_cached"]["db0",] is None
    log = await run("redis_slowlog", played("dragonfly"))
    assert log["redis_slowlog_entries_total"] == {("GET",): 0}


async def test_cpu_time_of_other_servers_is_read_as_it_stands(run: Run) -> None:
    found = await run("redis_info", FakeRedis("used_cpu_sys:1.5"))
    assert found["redis_cpu_sys_seconds_total"] == {(): 1.5}


async def test_cpu_time_that_is_none_has_no_sample(run: Run) -> None:
    lines = "dragonfly_version:df-v1\nused_cpu_sys:x.1\nused_cpu_user:1.1234567\nused_cpu_sys_children:7"
    found = await run("redis_info", FakeRedis(lines))
    assert "redis_cpu_sys_seconds_total" not in found
    assert "redis_cpu_user_seconds_total" not in found
    assert found["redis_cpu_sys_children_seconds_total"] == {(): 7}


async def test_a_service_that_shows_little_shows_that(run: Run) -> None:
    found = await run("redis_info", played("serverless"))
    assert found["redis_memory_used_bytes"] == {(): 5000000}
    assert found["redis_cluster_state"] == {(): 1}
    assert (await run("redis_keyspace", played("serverless")))["redis_db_keys"] == {("db0",): 77}
