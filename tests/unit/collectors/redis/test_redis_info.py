from __future__ import annotations

import pytest

from exporter.collectors.redis._instance import StartTime
from exporter.collectors.redis.redis_info import COLLECTOR, FIELDS
from exporter.model.metric import Kind
from exporter.sources.redis import Info
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

REPLICAS = """# Replication
role:master
connected_slaves:2
slave0:ip=10.0.0.2,port=6379,state=online,offset=90,lag=1,type=replica
slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=-1
master_repl_offset:100
"""
MASTERS = """# Replication
role:slave
master_host:a
master_port:1
master_link_status:up
master_last_io_seconds_ago:3
master_sync_in_progress:0
master_1_host:b
master_1_port:2
master_1_link_status:down
master_1_last_io_seconds_ago:-1
master_1_sync_in_progress:1
slave_repl_offset:55
slave_read_only:1
"""
VALKEY = """# Server
redis_version:7.2.4
server_name:valkey
valkey_version:9.1.0
valkey_release_stage:ga
server_mode:standalone
availability_zone:eu-1
# CPU
used_active_time_main_thread:1.5
used_active_time_io_thread_1:2.5
# TLS
tls_server_cert_serial:01A2
tls_server_cert_expires_in_seconds:47
tls_client_cert_serial:none
tls_client_cert_expires_in_seconds:0
# Scripting Engines
engines_count:1
engine_0:memory_overhead=21,used_memory=20,abi_version=1,module=built-in,name=LUA
"""


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("used_memory:123", "redis_memory_used_bytes", 123),
        ("mem_fragmentation_ratio:1.25", "redis_mem_fragmentation_ratio", 1.25),
        ("latest_fork_usec:1500", "redis_latest_fork_seconds", 0.0015),
        ("rdb_last_bgsave_status:ok", "redis_rdb_last_bgsave_status", 1),
        ("aof_last_write_status:err", "redis_aof_last_write_status", 0),
        ("rdb_last_bgsave_time_sec:-1", "redis_rdb_last_bgsave_duration_sec", -1),
        ("total_error_replies:7", "redis_total_error_replies", 7),
    ],
)
async def test_a_field_becomes_its_metric_in_its_unit(run: Run, line: str, name: str, value: float) -> None:
    assert (await run("redis_info", FakeRedis(line)))[name] == {(): value}


@pytest.mark.parametrize(
    "line", ["rejected_connections:-1", "used_memory:1.5G", "mem_fragmentation_ratio:-nan"]
)
async def test_what_is_unknown_has_no_sample(run: Run, line: str) -> None:
    assert set(await run("redis_info", FakeRedis(line))) == {"redis_instance_info"}


def test_each_field_and_each_metric_stands_once() -> None:
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert len({metric.name for metric in COLLECTOR.metrics}) == len(COLLECTOR.metrics)


def test_every_help_is_a_sentence_and_every_gauge_that_ends_in_total_is_upstreams() -> None:
    for metric in COLLECTOR.metrics:
        assert metric.help.endswith(".")
        assert "\n" not in metric.help
    totals = [m.name for m in COLLECTOR.metrics if m.kind is Kind.GAUGE and m.name.endswith("_total")]
    assert sorted(totals) == [
        "redis_cluster_messages_received_total",
        "redis_cluster_messages_sent_total",
        "redis_long_lock_waits_total",
        "redis_memory_used_vm_total",
        "redis_migrate_cached_sockets_total",
        "redis_rdb_saves_total",
        "redis_server_threads_total",
    ]


async def test_a_masters_replicas(run: Run) -> None:
    found = await run("redis_info", FakeRedis(REPLICAS))
    one, two = ("10.0.0.2", "6379", "online"), ("10.0.0.3", "6379", "wait_bgsave")
    assert found["redis_connected_slave_offset_bytes"] == {one: 90, two: 0}
    assert found["redis_connected_slave_lag_seconds"] == {one: 1, two: None}
    assert found["redis_connected_slave_lag_bytes"] == {one: 10, two: 100}


async def test_a_replica_and_its_masters(run: Run) -> None:
    found = await run("redis_info", FakeRedis(MASTERS))
    assert found["redis_master_link_up"] == {("a", "1"): 1, ("b", "2"): 0}
    assert found["redis_master_last_io_seconds_ago"] == {("a", "1"): 3, ("b", "2"): -1}
    assert found["redis_master_sync_in_progress"] == {("a", "1"): 0, ("b", "2"): 1}
    assert found["redis_slave_repl_offset"][("a", "1")] == 55
    assert found["redis_slave_info"] == {("a", "1", "1"): 1}


async def test_what_valkey_adds(run: Run) -> None:
    found = await run("redis_info", FakeRedis(VALKEY))
    (identity,) = found["redis_instance_info"]
    assert identity == ("", "7.2.4", "", "standalone", "", "", "", "", "", "", "9.1.0", "ga", "eu-1")
    assert found["redis_tls_certificate_info"] == {("server", "01A2"): 1}
    assert found["redis_tls_server_cert_expires_in_seconds"] == {(): 47}
    assert found["redis_active_time_main_thread_seconds_total"] == {(): 1.5}
    assert found["redis_active_time_io_thread_seconds_total"] == {("1",): 2.5}
    engine = ("LUA", "built-in", "1")
    assert found["redis_scripting_engine_memory_used_bytes"] == {engine: 20}
    assert found["redis_scripting_engine_memory_overhead_bytes"] == {engine: 21}
    assert found["redis_scripting_engines_count"] == {(): 1}


async def test_cluster_info_is_asked_for_in_cluster_mode_alone(run: Run) -> None:
    replies = {("CLUSTER", "INFO"): "cluster_state:fail\r\ncluster_stats_messages_ping_sent:4\r\nother:1\r\n"}
    alone = FakeRedis("cluster_enabled:0", replies)
    await run("redis_info", alone)
    assert alone.asked == []
    node = FakeRedis("cluster_enabled:1", replies)
    found = await run("redis_info", node)
    assert found["redis_cluster_state"] == {(): 0}
    assert found["redis_cluster_stats_messages_ping_sent"] == {(): 4}
    assert "redis_other" not in found
    assert node.asked == [("CLUSTER", "INFO")]


async def test_a_cluster_that_may_not_be_asked_costs_nothing_else(run: Run) -> None:
    found = await run("redis_info", FakeRedis("cluster_enabled:1\nhz:10"))
    assert found["redis_hz"] == {(): 10}


def test_the_start_time_stands_still_for_as_long_as_the_server_runs() -> None:
    now = 1000.9
    start = StartTime(lambda: now)
    assert start.of(Info("run_id:a\nuptime_in_seconds:100")) == 900
    now = 1010.1
    assert start.of(Info("run_id:a\nuptime_in_seconds:110")) == 900
    assert start.of(Info("run_id:b\nuptime_in_seconds:5")) == 1005
    assert start.of(Info("run_id:b")) is None


def test_the_start_time_follows_a_clock_that_is_set() -> None:
    now = 1000.0
    start = StartTime(lambda: now)
    start.of(Info("run_id:a\nuptime_in_seconds:100"))
    now = 5000.0
    assert start.of(Info("run_id:a\nuptime_in_seconds:101")) == 4899
