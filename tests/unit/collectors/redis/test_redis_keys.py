"""The collectors of keys: what they show of what the walk has found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from exporter.collectors.redis import redis_key_patterns
from exporter.collectors.redis._scan import shortened
from exporter.model.errors import Partial, Reason, Refused, Skip, Unavailable
from exporter.sources.redis.fake import FakeRedis
from exporter.sources.redis.scan.fake import FakeAside, FakeKey
from exporter.sources.redis.scan.options import KeyOptions
from exporter.sources.redis.scan.plan import Found
from exporter.sources.redis.scan.replies import Raw
from exporter.sources.redis.scan.sample import Look
from exporter.sources.redis.scan.survey import Tally
from exporter.sources.redis.scan.watch import Kind
from tests.unit.collectors.redis.conftest import Run, Samples

Serve = Callable[..., FakeRedis]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """serve(keys, **options): a server with keys, in database 0 unless they stand by database."""
    servers: list[FakeRedis] = []

    def serve(keys: Mapping[bytes, FakeKey], info: str = "", **options: object) -> FakeRedis:
        server = FakeRedis(info)
        server.aside = FakeAside({0: keys})
        quick = {"scan_commands_per_second": 100_000, "scan_time_share": 0.5, **options}
        server.key_options = KeyOptions(**quick)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield serve
    for server in servers:
        await server.survey.close()


async def after_a_pass(run: Run, name: str, server: FakeRedis) -> Samples:
    with pytest.raises(Skip) as caught:
        await run(name, server)
    assert caught.value.reason is Reason.NO_DATA
    async with asyncio.timeout(5):
        while server.survey.tally.found is None:  # noqa: ASYNC110  # it changes without an event
            await asyncio.sleep(0.001)
    return await run(name, server)


def string(value: bytes, **more: Raw) -> FakeKey:
    replies = {"STRLEN": len(value), "GETRANGE 0 3": value[:4], "GET": value, **more}
    return FakeKey(replies=replies)


async def test_nothing_is_asked_where_nothing_is_configured(run: Run) -> None:
    server = FakeRedis()
    for name in ("redis_keys", "redis_key_patterns", "redis_big_keys", "redis_streams", "redis_key_scan"):
        with pytest.raises(Skip, match="no setting asks for it"):
            await run(name, server)
    assert server.asked == []
    assert server.aside.asked == []


async def test_a_pattern(run: Run, serve: Serve) -> None:
    keys = {b"session:%d" % n: FakeKey(memory=100, pttl=90_000 if n else -1) for n in range(4)}
    server = serve(keys, key_patterns=(("sessions", "session:*"), ("none", "x*")), top_keys=1)
    found = await after_a_pass(run, "redis_key_patterns", server)
    labels, none = ("db0", "sessions"), ("db0", "none")
    assert found["redis_key_pattern_keys"] == {labels: 4, none: 0}
    assert found["redis_key_pattern_memory_bytes"] == {labels: 400, none: 0}
    assert found["redis_key_pattern_without_ttl_ratio"] == {labels: 0.25, none: None}
    assert found["redis_key_pattern_ttl_seconds_bucket"][*labels, "60"] == 0
    assert found["redis_key_pattern_ttl_seconds_bucket"][*labels, "300"] == 3
    assert found["redis_key_pattern_ttl_seconds_bucket"][*labels, "+Inf"] == 3
    assert found["redis_key_pattern_ttl_seconds_sum"][labels] == 270
    assert found["redis_key_pattern_ttl_seconds_count"] == {labels: 3, none: 0}
    ((top, size),) = found["redis_key_pattern_top_key_bytes"].items()
    assert top[:2] == labels
    assert size == 100


def test_a_sample_stands_for_all_keys_of_its_pattern() -> None:
    looks = [Look(10, None, expires=False), Look(20, 5.0, expires=True), Look(30, 50.0, expires=True)]
    tally = Tally(found=Found(kinds=[Kind("s", 2, 3000, looks)]))
    values = {
        (column.metric.name + column.suffix, *row): value
        for table in redis_key_patterns.tables(tally)
        for column in table.columns
        for row, value in zip(table.rows, column.values, strict=True)
    }
    assert values["redis_key_pattern_memory_bytes", "db2", "s"] == 60_000
    assert values["redis_key_pattern_sampled_keys", "db2", "s"] == 3
    assert values["redis_key_pattern_ttl_seconds_bucket", "db2", "s", "10"] == 1000
    assert values["redis_key_pattern_ttl_seconds_count", "db2", "s"] == 2000
    assert values["redis_key_pattern_ttl_seconds_sum", "db2", "s"] == 55_000


def test_the_label_of_a_long_key_is_bounded_and_tells_it_from_its_like() -> None:
    one, two = (shortened(b"k" * 500 + end) for end in (b"1", b"2"))
    assert one != two
    assert len(one) == len(two) < 120
    assert shortened(b"short\xff") == "short\\xff"


async def test_the_largest_by_type(run: Run, serve: Serve) -> None:
    keys = {b"s%d" % n: FakeKey(memory=50) for n in range(3)} | {b"h": FakeKey(b"hash", memory=5000)}
    found = await after_a_pass(run, "redis_big_keys", serve(keys, top_keys=1))
    assert {labels[:2]: value for labels, value in found["redis_big_key_bytes"].items()} == {
        ("db0", "string"): 50,
        ("db0", "hash"): 5000,
    }
    assert found["redis_key_type_memory_bytes_count"] == {("db0", "string"): 3, ("db0", "hash"): 1}
    assert found["redis_key_type_memory_bytes_sum"] == {("db0", "string"): 150, ("db0", "hash"): 5000}
    assert found["redis_key_type_memory_bytes_bucket"]["db0", "string", "64"] == 3


async def test_keys_one_by_one_under_upstreams_names(run: Run, serve: Serve) -> None:
    keys = {
        b"number": string(b"12.5"),
        b"text": string(b"some"),
        b"hll": string(b"HYLL...", PFCOUNT=7),
        b"long": FakeKey(replies={"STRLEN": 5000, "GETRANGE 0 3": b"aaaa"}),
        b"queue:1": FakeKey(b"list", memory=99, replies={"LLEN": 3}),
    }
    server = serve(
        keys,
        check_single_keys=("number", "gone"),
        check_keys=("text", "queue:*", "h?l", "lon[g]"),
        count_keys=("queue:*", "x*"),
    )
    found = await after_a_pass(run, "redis_keys", server)
    sizes = {"number": 4, "text": 4, "hll": 7, "long": 5000, "queue:1": 3}
    assert found["redis_key_size"] == {("db0", name): size for name, size in sizes.items()}
    assert found["redis_key_memory_usage_bytes"]["db0", "queue:1"] == 99
    values = {labels: value for labels, value in found["redis_key_value"].items() if value is not None}
    assert values == {("db0", "number"): 12.5}
    assert found["redis_key_value_as_string"] == {("db0", "text", "some"): 1}
    assert found["redis_keys_count"] == {("db0", "queue:*"): 1, ("db0", "x*"): 0}
    read = [command for _, command in server.aside.asked if command[0] == "GET"]
    assert set(read) == {("GET", b"number"), ("GET", b"text")}


async def test_values_stay_where_they_are_if_that_is_wished(run: Run, serve: Serve) -> None:
    server = serve({b"text": string(b"some")}, check_keys=("te*",), disable_exporting_key_values=True)
    found = await after_a_pass(run, "redis_keys", server)
    assert found["redis_key_size"] == {("db0", "text"): 4}
    assert "redis_key_value_as_string" not in found
    assert not any(command[0] == "GET" for _, command in server.aside.asked)


async def test_no_more_keys_than_the_limit(run: Run, serve: Serve) -> None:
    keys = {b"k%d" % n: FakeKey(b"set", replies={"SCARD": 1}) for n in range(20)}
    found = await after_a_pass(run, "redis_keys", serve(keys, check_keys=("k*",), check_keys_limit=5))
    assert len(found["redis_key_size"]) == 5


async def test_groups_under_upstreams_names(run: Run, serve: Serve) -> None:
    keys = {
        b"a:1": FakeKey(memory=10),
        b"a:2": FakeKey(memory=30),
        b"b:1": FakeKey(memory=5),
        b"-": FakeKey(),
    }
    found = await after_a_pass(run, "redis_keys", serve(keys, check_key_groups=("^([a-z]):",)))
    assert found["redis_key_group_count"] == {("db0", "a"): 2, ("db0", "b"): 1, ("db0", "unclassified"): 1}
    assert found["redis_key_group_memory_usage_bytes"]["db0", "a"] == 40
    assert found["redis_number_of_distinct_key_groups"] == {("db0",): 3}
    assert found["redis_last_key_groups_scrape_duration_milliseconds"][()] is not None


STREAM: Raw = [
    *(b"length", 2, b"radix-tree-keys", 1, b"radix-tree-nodes", 2, b"last-generated-id", b"1700000000002-1"),
    *(b"entries-added", 3, b"groups", 1, b"max-deleted-entry-id", b"0-0"),
    b"first-entry",
    [b"1700000000001-0", [b"a", b"b"]],
    *(b"last-entry", None),
]
GROUP: Raw = [
    *(b"name", b"g", b"consumers", 1, b"pending", 2, b"last-delivered-id", b"1700000000001-0"),
    *(b"entries-read", 1, b"lag", None),
]
CONSUMER: Raw = [b"name", b"c", b"pending", 2, b"idle", 1500, b"inactive", 3]


def stream() -> FakeKey:
    replies: dict[str, Raw] = {"XINFO STREAM": STREAM, "XINFO GROUPS": [GROUP], "XINFO CONSUMERS": [CONSUMER]}
    return FakeKey(b"stream", replies=replies)


async def test_streams_under_upstreams_names_and_an_unknown_lag_is_absent(run: Run, serve: Serve) -> None:
    server = serve({b"events": stream(), b"evens": FakeKey()}, check_streams=("ev*",))
    found = await after_a_pass(run, "redis_streams", server)
    labels = ("db0", "events")
    assert {name: values[labels] for name, values in found.items() if labels in values} == {
        "redis_stream_length": 2,
        "redis_stream_radix_tree_keys": 1,
        "redis_stream_radix_tree_nodes": 2,
        "redis_stream_last_generated_id": 1700000000002,
        "redis_stream_groups": 1,
        "redis_stream_max_deleted_entry_id": 0,
        "redis_stream_first_entry_id": 1700000000001,
        "redis_stream_last_entry_id": None,
        "redis_stream_entries_added_total": 3,
    }
    assert found["redis_stream_group_lag"] == {(*labels, "g"): None}
    assert found["redis_stream_group_messages_pending"] == {(*labels, "g"): 2}
    assert found["redis_stream_group_consumer_idle_seconds"] == {(*labels, "g", "c"): 1.5}
    assert ("XINFO", "STREAM", b"evens") not in [command for _, command in server.aside.asked]


async def test_streams_by_name_without_consumers(run: Run, serve: Serve) -> None:
    server = serve(
        {b"events": stream()}, check_single_streams=("events", "gone"), streams_exclude_consumer_metrics=True
    )
    with pytest.raises(Skip):
        await run("redis_streams", server)
    async with asyncio.timeout(5):
        while server.survey.tally.singles is None:  # noqa: ASYNC110  # it changes without an event
            await asyncio.sleep(0.001)
    found = await run("redis_streams", server)
    assert found["redis_stream_length"] == {("db0", "events"): 2}
    assert "redis_stream_group_consumer_idle_seconds" not in found


async def test_nothing_found_is_no_failure(run: Run, serve: Serve) -> None:
    server = serve({b"a": FakeKey()}, check_single_streams=("gone",), check_single_keys=("gone",))
    assert await after_a_pass(run, "redis_streams", server) == {}
    assert await run("redis_keys", server) == {}


async def test_the_walk_shows_its_progress_and_its_cost(run: Run, serve: Serve) -> None:
    server = serve({b"a": FakeKey()}, count_keys=("*",))
    await after_a_pass(run, "redis_keys", server)
    found = await run("redis_key_scan", server)
    assert found["redis_key_scan_progress_ratio"] == found["redis_key_scan_coverage_ratio"] == {(): 1}
    assert found["redis_key_scan_keys_total"] == {(): 1}
    assert found["redis_key_scan_passes_total"] == {("complete",): 1, ("partial",): 0, ("interrupted",): 0}
    assert found["redis_key_scan_commands_total"]["scan",] == 1
    age = found["redis_key_scan_age_seconds"][()]
    assert isinstance(age, float)
    assert 0 <= age < 5


async def test_a_replica_of_a_cluster_leaves_its_keys_to_the_master(run: Run, serve: Serve) -> None:
    server = serve({b"a": FakeKey()}, "cluster_enabled:1\nrole:slave", count_keys=("*",))
    with pytest.raises(Skip, match="its master shows the keys") as caught:
        await run("redis_keys", server)
    assert caught.value.reason is Reason.UNSUPPORTED
    await asyncio.sleep(0.01)
    assert server.aside.asked == []
    alone = serve({b"a": FakeKey()}, "cluster_enabled:0\nrole:slave", count_keys=("*",))
    assert (await after_a_pass(run, "redis_keys", alone))["redis_keys_count"] == {("db0", "*"): 1}


async def test_what_is_refused_is_said(run: Run, serve: Serve) -> None:
    server = serve({b"a": FakeKey()}, key_patterns=(("all", "*"),))
    server.aside.refused["SCAN"] = Refused("may not run SCAN", Reason.PERMISSION)
    with pytest.raises(Skip):
        await run("redis_key_patterns", server)
    await asyncio.sleep(0.02)
    with pytest.raises(Skip, match="may not run SCAN"):
        await run("redis_key_patterns", server)
    weightless = serve({b"a": FakeKey()}, key_patterns=(("all", "*"),))
    weightless.aside.refused["MEMORY"] = Refused("may not run MEMORY", Reason.PERMISSION)
    with pytest.raises(Partial, match="may not run MEMORY") as caught:
        await after_a_pass_of(run, weightless)
    (keys, memory, *_), *_ = [table.columns for table in caught.value.tables]
    assert keys.values == (1,)
    assert memory.values == (None,)


async def after_a_pass_of(run: Run, server: FakeRedis) -> None:
    server.survey.want("patterns")
    async with asyncio.timeout(5):
        while server.survey.tally.found is None:  # noqa: ASYNC110  # it changes without an event
            await asyncio.sleep(0.001)
    await run("redis_key_patterns", server)


async def test_what_was_found_is_shown_while_the_connection_is_lost(run: Run, serve: Serve) -> None:
    server = serve({b"a": FakeKey()}, key_patterns=(("all", "*"),), scan_interval_seconds=0.01)
    await after_a_pass(run, "redis_key_patterns", server)
    server.aside.down = Unavailable("no place for another client")
    await asyncio.sleep(0.05)
    with pytest.raises(Partial, match="no place") as caught:
        await run("redis_key_patterns", server)
    assert caught.value.tables
