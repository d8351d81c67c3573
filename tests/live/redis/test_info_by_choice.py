"""What is collected by choice, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_py
from prometheus_client.parser import text_string_to_metric_families

from exporter.model.deadline import Deadline
from exporter.model.table import Table
from tests.live.redis.conftest import Connect
from tests.record_redis import live
from tests.replay_redis import collectors
from tests.servers import Redis, redis_exporter, require

pytestmark = pytest.mark.live

SECRET = "s3cr3t-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with require(Redis, password=SECRET, settings={"slowlog-log-slower-than": "5000"}) as server:
        live(server)
        yield server


async def given(server: Redis, connect: Connect, name: str) -> list[Table]:
    return list(await collectors()[name].build(connect(server))(Deadline.after(5)))


def samples(tables: list[Table], metric: str) -> dict[tuple[str, ...], object]:
    return {
        row: value
        for table in tables
        for column in table.columns
        if column.metric.name == metric
        for row, value in zip(table.rows, column.values, strict=True)
    }


async def test_the_configuration_is_upstreams_and_holds_no_secret(server: Redis, connect: Connect) -> None:
    with require(redis_exporter, server, "-include-config-metrics") as upstream:
        page = upstream.scrape()
    tables = await given(server, connect, "redis_configuration")
    families = {family.name: family for family in text_string_to_metric_families(page)}
    theirs: dict[tuple[str, ...], float] = {
        (s.labels["key"], s.labels["value"]): s.value for s in families["redis_config_key_value"].samples
    }
    ours = samples(tables, "redis_config_key_value")
    hidden = {key for key, _ in theirs.keys() - ours.keys()}
    assert hidden <= {"masteruser", "tls-key-file-pass", "tls-client-key-file-pass", "masterauth"}
    assert {key: ours[key] for key in theirs.keys() & ours.keys()} == {k: theirs[k] for k in ours}
    numbers = {(s.labels["key"],): s.value for s in families["redis_config_value"].samples}
    assert samples(tables, "redis_config_value") == numbers
    assert len(ours) > 150
    assert SECRET not in str(tables)


async def test_clients_are_counted_by_name_user_and_type(server: Redis, connect: Connect) -> None:
    clients = [redis_py.Redis.from_url(server.url, client_name="web") for _ in range(3)]
    first: Any = clients[0]
    subscriber = first.pubsub()
    subscriber.subscribe("news")
    subscriber.get_message(timeout=2)
    for client in clients[1:]:
        client.ping()
    try:
        found = samples(await given(server, connect, "redis_clients"), "redis_client_connections")
        listed = samples(await given(server, connect, "redis_client_list"), "redis_connected_client_info")
    finally:
        subscriber.close()
        for client in clients:
            client.close()
    assert found["web", "default", "pubsub"] == 1
    assert found["web", "default", "normal"] == 2
    assert found["datastack-exporter", "default", "normal"] == 1
    assert [row[1] for row in listed].count("web") == 3
    assert {row[4] for row in listed} == {"127.0.0.1"}


async def test_a_new_slow_call_is_counted_by_its_command_without_its_arguments(
    server: Redis, connect: Connect
) -> None:
    collect = collectors()["redis_slowlog"].build(connect(server))
    before = list(await collect(Deadline.after(5)))
    assert set(samples(before, "redis_slowlog_entries_total").values()) == {0}
    server.execute(
        "EVAL",
        "local t = redis.call('TIME') repeat local n = redis.call('TIME') "
        "until (n[1]-t[1])*1000000+n[2]-t[2] > 8000 return ARGV[1]",
        0,
        SECRET,
    )
    server.execute("SLOWLOG", "RESET")
    server.execute("DEBUG", "SLEEP", "0.01")
    after = list(await collect(Deadline.after(5)))
    counted = samples(after, "redis_slowlog_entries_total")
    assert counted["debug",] == 1
    assert samples(after, "redis_slowlog_unseen_entries_total") == {(): 1}  # EVAL: the log was reset
    seconds = samples(after, "redis_slowlog_entries_duration_seconds_total")["debug",]
    assert isinstance(seconds, float)
    assert 0.01 <= seconds < 0.2
    assert SECRET not in str(after)


async def test_the_dumps_size_is_that_on_disk(server: Redis, connect: Connect) -> None:
    server.execute("SAVE")
    (size,) = samples(await given(server, connect, "redis_rdb_file"), "redis_rdb_current_size_bytes").values()
    assert isinstance(size, int)
    assert size > 100


@pytest.mark.parametrize("version", ["8.2"])
async def test_what_redis_8_adds(version: str, connect: Connect) -> None:
    with require(Redis, version) as server:
        live(server)
        server.execute("SET", "large", "x" * 5000)
        tables = await given(server, connect, "redis_distribution")
        modules = await given(server, connect, "redis_modules")
        info = await given(server, connect, "redis_info")
    counts = {row: n for row, n in samples(tables, "redis_db_key_sizes").items() if len(row) == 2}
    assert counts["db0", "string"] == 4
    buckets = {
        row[2]: n
        for row, n in samples(tables, "redis_db_key_sizes").items()
        if row[:2] == ("db0", "string") and len(row) == 3
    }
    assert (buckets["4095"], buckets["16383"], buckets["+Inf"]) == (3, 4, 4)
    assert any(row[0] == "vectorset" for row in samples(modules, "redis_module_info"))
    assert samples(info, "redis_io_thread_clients")[("0",)]
    (skew,) = samples(info, "redis_clock_skew_seconds").values()
    assert isinstance(skew, float)
    assert abs(skew) < 1
