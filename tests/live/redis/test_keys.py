"""The walk over the keys on real servers: what it counts, what it costs, and what ends it not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Skip
from exporter.model.table import Table, Value
from exporter.sources.redis import RedisServer
from exporter.sources.redis.scan.glob import compiled
from exporter.sources.redis.scan.options import PATTERNS, STREAMS, KeyOptions
from tests.live.redis.conftest import Connect
from tests.servers import VERSIONS, Redis, redis_exporter, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_keys")]

MANY = 20_000
LETTERS = "ab-^[]\\*?"
# The rights that the walk takes, by category where one has a name in all versions.
RULES = "-@all +info +scan +type +pttl +dbsize +select +ping +client|setname ~session:*"


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, filled: Callable[[str], Redis]) -> Redis:
    """One of each version."""
    return filled(request.param)


@pytest.fixture(scope="module")
def seven(filled: Callable[[str], Redis]) -> Redis:
    """The one of 7.0, for what is the same with all."""
    return filled("7.0")


@pytest.fixture(scope="module")
def filled() -> Iterator[Callable[[str], Redis]]:
    """filled(version): a server with keys, started at the first call."""
    with ExitStack() as stack:
        yield cache(lambda version: stack.enter_context(_filled(version)))


@contextmanager
def _filled(version: str) -> Iterator[Redis]:
    """20,000 sessions, of which the first hundred expire; a few keys of each type; another database."""
    with require(Redis, version, settings={"save": ""}) as server, server.client() as client:
        client.execute_command("DEBUG", "POPULATE", MANY, "session", 20)
        for number in range(100):
            client.expire(f"session:{number}", 1000)
        client.hset("big", mapping={f"field{n}": "v" * 50 for n in range(5000)})
        client.set("number", "12.5")
        client.set("text", "some")
        client.set(b"raw\xff", "x")
        client.pfadd("visitors", "a", "b", "c")
        client.rpush("queue:1", "a", "b")
        client.zadd("ranks", {"a": 1})
        client.sadd("members", "a")
        client.execute_command("XADD", "events", "1700000000000-1", "a", "b")
        client.execute_command("XADD", "events", "1700000000001-0", "a", "b")
        client.execute_command("XGROUP", "CREATE", "events", "g", "0")
        client.execute_command("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "events", ">")
        client.execute_command("XGROUP", "CREATE", "events", "odd", "1699999999999-5")
        client.select(3)
        client.set("cart:1", "x" * 3000)
        yield server


def asked(**options: object) -> dict[str, object]:
    quick = {"scan_commands_per_second": 100_000, "scan_time_share": 0.5}
    return {"keys": KeyOptions(**{**quick, **options})}  # type: ignore[arg-type]


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # it changes without an event
            await asyncio.sleep(0.005)


async def collected(source: RedisServer, name: str) -> dict[tuple[str, ...], Value]:
    """What a collector shows after a pass: sample name and label values -> value."""
    collect = discover()[name].spec.build(source)
    with pytest.raises(Skip):
        await collect(soon())
    await until(lambda: source.survey.tally.found)
    return values(await collect(soon()))


def values(tables: object) -> dict[tuple[str, ...], Value]:
    found = {}
    for table in tables:  # type: ignore[attr-defined]
        assert isinstance(table, Table)
        for column in table.columns:
            for row, value in zip(table.rows, column.values, strict=True):
                found[column.metric.name + column.suffix, *row] = value
    return found


async def test_patterns_are_counted_exactly_and_the_rest_is_near(server: Redis, connect: Connect) -> None:
    patterns = (
        ("sessions", "session:*"),
        ("hundred", "session:[0-9]"),
        ("carts", "db3=cart:*"),
        ("none", "x"),
    )
    source = connect(server, **asked(key_patterns=patterns, top_keys=2))
    found = await collected(source, "redis_key_patterns")
    assert found["redis_key_pattern_keys", "db0", "sessions"] == MANY
    assert found["redis_key_pattern_keys", "db0", "hundred"] == 10
    assert found["redis_key_pattern_keys", "db3", "carts"] == 1
    assert found["redis_key_pattern_keys", "db0", "none"] == 0
    with server.client() as client:
        one = client.memory_usage("session:1000")
    memory = found["redis_key_pattern_memory_bytes", "db0", "sessions"]
    assert memory == pytest.approx(MANY * one, rel=0.2)
    assert found["redis_key_pattern_without_ttl_ratio", "db0", "hundred"] == 0
    assert found["redis_key_pattern_ttl_seconds_bucket", "db0", "hundred", "900"] == 0
    assert found["redis_key_pattern_ttl_seconds_bucket", "db0", "hundred", "3600"] == 10
    assert found["redis_key_pattern_top_key_bytes", "db3", "carts", "cart:1"] > 3000  # type: ignore[operator]


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_largest_of_each_type(
    redis_of: Callable[[str], Redis], version: str, connect: Connect
) -> None:
    with redis_of(version).client() as client:
        client.select(8)
        client.mset({f"small:{number}": "x" for number in range(1000)})
        client.set("large", "x" * 200_000)
        client.hset("wide", mapping={f"field{n}": "v" * 50 for n in range(5000)})
        source = connect(redis_of(version), **asked(top_keys=3, scan_samples=5000))
        found = await collected(source, "redis_big_keys")
        client.flushdb()
    large = {labels[2:]: n for labels, n in found.items() if labels[:2] == ("redis_big_key_bytes", "db8")}
    assert large["hash", "wide"] > 100_000  # type: ignore[operator]
    assert large["string", "large"] > 200_000  # type: ignore[operator]
    assert len([kind for kind, _ in large if kind == "string"]) == 3
    assert found["redis_key_type_memory_bytes_count", "db8", "string"] == 1001
    assert found["redis_key_type_memory_bytes_bucket", "db8", "string", "256"] == 1000


async def test_keys_of_each_type_one_by_one(server: Redis, connect: Connect) -> None:
    names = ("big", "number", "text", "visitors", "queue:*", "ranks", "members", "event?", "raw*", "gone")
    source = connect(server, **asked(check_keys=names, check_single_keys=("db3=cart:1",), count_keys=("q*",)))
    found = await collected(source, "redis_keys")
    sizes = {labels[1:]: size for labels, size in found.items() if labels[0] == "redis_key_size"}
    assert sizes == {
        **dict.fromkeys((("db0", name) for name in ("ranks", "members", "raw\\xff")), 1),
        ("db0", "big"): 5000,
        ("db0", "number"): 4,
        ("db0", "text"): 4,
        ("db0", "visitors"): 3,
        ("db0", "queue:1"): 2,
        ("db0", "events"): 2,
        ("db3", "cart:1"): 3000,
    }
    assert found["redis_key_value", "db0", "number"] == 12.5
    assert found["redis_key_value_as_string", "db0", "text", "some"] == 1
    assert found["redis_key_memory_usage_bytes", "db0", "big"] > 100_000  # type: ignore[operator]
    assert found["redis_keys_count", "db0", "q*"] == 1


async def test_groups_count_every_key(seven: Redis, connect: Connect) -> None:
    source = connect(
        seven, **asked(check_key_groups=("^(session):", "^(c[a-z]+):"), max_distinct_key_groups=1)
    )
    found = await collected(source, "redis_keys")
    with seven.client() as client:
        others = client.dbsize() - MANY
    assert found["redis_key_group_count", "db0", "session"] == MANY
    assert found["redis_key_group_count", "db0", "overflow"] == others
    assert found["redis_number_of_distinct_key_groups", "db0"] == 2
    assert found["redis_key_group_count", "db3", "cart"] == 1


async def test_streams_and_a_lag_that_the_server_does_not_know(server: Redis, connect: Connect) -> None:
    found = await collected(connect(server, **asked(check_streams=("ev*", "queue:*"))), "redis_streams")
    assert found["redis_stream_length", "db0", "events"] == 2
    assert found["redis_stream_first_entry_id", "db0", "events"] == 1700000000000
    assert found["redis_stream_group_messages_pending", "db0", "events", "g"] == 1
    assert found["redis_stream_group_consumer_messages_pending", "db0", "events", "g", "c"] == 1
    lags = [found["redis_stream_group_lag", "db0", "events", group] for group in ("g", "odd")]
    assert lags[0] == (None if server.version == "6.2" else 1)
    assert lags[1] in (None, 2)


UPSTREAM_FLAGS = {
    "check-keys": "ranks*,queue:*",
    "check-single-keys": "number,text,visitors,gone",
    "count-keys": "queue:*,db3=*",
    "check-streams": "ev*",
}


async def test_what_redis_exporter_shows_of_keys_is_shown_here_too(seven: Redis, connect: Connect) -> None:
    options = {name.replace("-", "_"): text.split(",") for name, text in UPSTREAM_FLAGS.items()}
    source = connect(seven, **asked(**options, scan_interval_seconds=0.2))
    with require(
        redis_exporter, seven, *(f"-{name}={text}" for name, text in UPSTREAM_FLAGS.items())
    ) as upstream:
        theirs = samples(upstream.scrape())
    await collected(source, "redis_keys")
    passes = source.survey.want(STREAMS).passes["complete"]
    await until(lambda: source.survey.tally.passes["complete"] >= passes + 2)
    tables = [
        t
        for name in ("redis_keys", "redis_streams")
        for t in await discover()[name].spec.build(source)(soon())
    ]
    ours = samples(b"".join(TextEncoder().encode(tables)).decode())
    gone = [key for key in theirs.keys() - ours.keys() if dict(key[1]).get("key") != "gone"]
    assert gone == []
    assert {key: ours[key] for key in theirs if key in ours and "idle" not in key[0]} == {
        key: value for key, value in theirs.items() if key in ours and "idle" not in key[0]
    }
    assert len(theirs) > 15


def samples(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = ("redis_key_", "redis_keys_", "redis_stream_")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith(families)
    }


def soon() -> Deadline:
    return Deadline.after(2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pattern_matches_what_the_servers_own_match_does(
    redis_of: Callable[[str], Redis], version: str
) -> None:
    with redis_of(version).client() as client:
        client.select(9)
        words = [a + b + c for a in LETTERS for b in ("", *LETTERS) for c in ("", *LETTERS)]
        client.mset(dict.fromkeys(words, ""))

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
        @given(st.text(LETTERS, min_size=1, max_size=8))
        def agrees(pattern: str) -> None:
            _, theirs = client.scan(0, match=pattern, count=100_000)
            matches = compiled(pattern)
            assert {word for word in words if matches(word.encode())} == set(theirs)

        agrees()
        client.flushdb()


async def test_the_walk_takes_its_share_of_the_servers_time(seven: Redis, connect: Connect) -> None:
    options = asked(key_patterns=(("all", "*"),), scan_time_share=0.02, scan_commands_per_second=1000)
    source, observer = connect(seven, **options), connect(seven)
    before = usec(await observer.info(soon()))
    source.survey.want(PATTERNS)
    await asyncio.sleep(2)
    spent = usec(await observer.info(soon())) - before
    assert spent / 1e6 / 2 < 0.03
    assert sum(source.survey.commands.values()) < 3000
    async with asyncio.timeout(10):  # a busy machine may need longer for the same work
        while spent < 1000:
            await asyncio.sleep(0.1)
            spent = usec(await observer.info(soon())) - before
    assert source.survey.keys > 0


def usec(info: object) -> float:
    stats = info.pairs("commandstats", "cmdstat_")  # type: ignore[attr-defined]
    return sum(float(stats[name]["usec"]) for name in ("scan", "pttl", "type") if name in stats)


async def test_the_connection_of_scrapes_is_not_its_own(seven: Redis, connect: Connect) -> None:
    source = connect(seven, **asked(key_patterns=(("all", "*"),)))
    await source.info(soon())
    source.survey.want(PATTERNS)
    await until(lambda: source.survey.keys)
    with seven.client() as client:
        names = [entry["name"] for entry in client.client_list()]
    assert {"datastack-exporter", "datastack-exporter-keys"} <= set(names)
    await source.close()
    await until(lambda: "datastack-exporter-keys" not in clients(seven))


def clients(server: Redis) -> list[str]:
    with server.client() as client:
        return [entry["name"] for entry in client.client_list()]


async def test_a_pass_goes_on_after_its_connection_was_killed(seven: Redis, connect: Connect) -> None:
    source = connect(seven, **asked(key_patterns=(("sessions", "session:*"),), scan_time_share=0.1))
    source.survey.want(PATTERNS)
    await until(lambda: source.survey.keys > 1000)
    seven.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until(lambda: source.survey.tally.found)
    assert source.survey.tally.passes == {"complete": 1, "partial": 0, "interrupted": 0}
    (kind,) = source.survey.tally.found.kinds  # type: ignore[union-attr]
    assert kind.keys == MANY


async def test_rights_for_some_keys_alone_hide_the_others_and_nothing_else(
    seven: Redis, connect: Connect
) -> None:
    seven.execute("ACL", "SETUSER", "walker", "on", ">pw", *RULES.split())
    source = connect(seven, username="walker", password="pw", **asked(key_patterns=(("all", "*"),)))
    collect = discover()["redis_key_patterns"].spec.build(source)
    with pytest.raises(Skip):
        await collect(soon())
    await until(lambda: source.survey.tally.found)
    with pytest.raises(Partial, match=r"\+memory") as caught:
        await collect(soon())
    found = values(caught.value.tables)
    assert found["redis_key_pattern_keys", "db0", "all"] > MANY  # type: ignore[operator]
    assert found["redis_key_pattern_memory_bytes", "db0", "all"] is None
    assert found["redis_key_pattern_without_ttl_ratio", "db0", "all"] is not None


async def test_another_server_in_its_place_is_walked_from_the_start(
    fresh_redis: Redis, connect: Connect
) -> None:
    fresh_redis.execute("DEBUG", "POPULATE", 20_000, "session", 20)
    source = connect(fresh_redis, **asked(key_patterns=(("s", "session:*"),), scan_time_share=0.1))
    source.survey.want(PATTERNS)
    await until(lambda: source.survey.keys > 1000)
    fresh_redis.kill()
    fresh_redis.start()
    fresh_redis.execute("DEBUG", "POPULATE", 700, "session", 20)
    await until(lambda: source.survey.tally.passes["interrupted"] and source.survey.tally.found)
    (kind,) = source.survey.tally.found.kinds  # type: ignore[union-attr]
    assert kind.keys <= 700
