"""The collectors for Sentinels on a real trio: names, figures, rights, a lost quorum."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from exporter.collectors.redis import redis_sentinel, redis_sentinel_config, redis_sentinel_peers
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.table import Table, Value
from exporter.sources.redis import RedisServer
from tests.docs.upstream import lines
from tests.live.redis.conftest import Connect
from tests.replay_redis import collectors
from tests.servers import Redis, require
from tests.servers.redis_cluster import address, wait_for
from tests.servers.redis_sentinel import MASTER, SentinelTrio

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_sentinel")]

UPSTREAM = {
    line["metric"]: line for line in lines("upstream_names.tsv") if "redis_sentinel_" in line["metric"]
}
OPT_IN = ("redis_sentinel_peer_info", "redis_sentinel_config_")
SPECS = (redis_sentinel.COLLECTOR, redis_sentinel_peers.COLLECTOR, redis_sentinel_config.COLLECTOR)

Figures = dict[str, dict[tuple[str, ...], float | None]]


@pytest.fixture(scope="module")
def trio() -> Iterator[SentinelTrio]:
    """A master, two replicas, three Sentinels; leave them as they were found."""
    with require(SentinelTrio, "8.2") as trio:
        yield trio


def figures(tables: Sequence[Table]) -> Figures:
    return {
        column.metric.name: dict(zip(table.rows, map(_number, column.values), strict=True))
        for table in tables
        for column in table.columns
    }


def _number(value: Value) -> float | None:
    return None if value is None else float(value)


async def look(source: RedisServer) -> Figures:
    return figures(await redis_sentinel.COLLECTOR.build(source)(Deadline.after(5)))


def watched(figures: Figures, name: str) -> float | None:
    """The value of a metric of the only master."""
    (value,) = figures[f"redis_sentinel_master_{name}"].values()
    return value


async def test_names_types_and_labels_are_upstreams(trio: SentinelTrio, connect: Connect) -> None:
    source = connect(trio.sentinels[0])
    shown = {}
    for spec in SPECS:
        for table in await spec.build(source)(Deadline.after(5)):
            for column in table.columns:
                if any(value is not None for value in column.values):
                    shown[column.metric.name] = (column.metric.kind.value, set(table.labels))

    assert len(UPSTREAM) == 20
    for name, line in UPSTREAM.items():
        labels = set(filter(None, line["labels"].split(",")))
        assert shown[name] == (line["type"], labels), name
    assert [spec.default for spec in SPECS] == [True, False, False]
    given = {metric.name for metric in redis_sentinel.COLLECTOR.metrics}
    assert {name for name in UPSTREAM if name not in given} == {n for n in UPSTREAM if n.startswith(OPT_IN)}


async def test_each_sentinel_tells_the_same(trio: SentinelTrio, connect: Connect) -> None:
    master = address(trio.master())
    replicas = {(MASTER, address(server)) for server in trio.servers} - {(MASTER, master)}
    for sentinel in trio.sentinels:
        seen = await look(connect(sentinel))
        wanted = {"slaves": 2, "ok_slaves": 2, "sentinels": 3, "ok_sentinels": 3, "ckquorum_status": 1}
        wanted |= {
            "subjectively_down": 0,
            "objectively_down": 0,
            "failover_in_progress": 0,
            "failovers_total": 0,
        }
        wanted |= {"setting_ckquorum": 2, "setting_failover_timeout": 4000}
        assert {name: watched(seen, name) for name in wanted} == wanted
        assert seen["redis_sentinel_master_status"] == {(MASTER, master, "ok"): 1}
        assert seen["redis_sentinel_masters"] == {(): 1}
        assert 0 <= watched(seen, "last_ok_ping_reply_seconds") < 3  # type: ignore[operator]
        assert seen["redis_sentinel_slave_ok"] == dict.fromkeys(replicas, 1)
        assert seen["redis_sentinel_slave_master_link_up"] == dict.fromkeys(replicas, 1)
        assert all(offset for offset in seen["redis_sentinel_slave_repl_offset"].values())
        assert min(seen["redis_sentinel_slave_lag_bytes"].values()) == 0  # type: ignore[type-var]


async def test_of_a_sentinel_nothing_is_asked_in_vain(trio: SentinelTrio, connect: Connect) -> None:
    source, observer = connect(trio.sentinels[0]), connect(trio.sentinels[0])
    before = await refused_so_far(observer)
    for _ in range(3):
        await asyncio.gather(*(spec.build(source)(Deadline.after(5)) for spec in SPECS))
    assert await refused_so_far(observer) == before


async def refused_so_far(source: RedisServer) -> float | None:
    return (await source.info(Deadline.after(5))).number("total_error_replies")


async def test_collectors_of_data_servers_skip_a_sentinel_quietly(
    trio: SentinelTrio, connect: Connect
) -> None:
    source, observer = connect(trio.sentinels[0]), connect(trio.sentinels[0])
    given, skipped = await page_of(source)
    before = await refused_so_far(observer)
    await page_of(source)
    assert await refused_so_far(observer) == before
    assert {"redis_cluster", "redis_keyspace", "redis_config", "redis_slowlog"} <= skipped.keys()
    assert set(skipped.values()) <= {Reason.UNSUPPORTED, Reason.NO_DATA}
    assert given["redis_up"] == {(): 1}
    ((_, _, _, mode, *_),) = given["redis_instance_info"]
    assert mode == "sentinel"
    assert "redis_db_keys" not in given


async def page_of(source: RedisServer) -> tuple[Figures, dict[str, Reason]]:
    """What the collectors give that are on by default, and who skipped."""
    given: Figures = {}
    skipped: dict[str, Reason] = {}
    for name, spec in collectors().items():
        if not spec.default:
            continue
        try:
            given |= figures(await spec.build(source)(Deadline.after(5)))
        except Skip as skip:
            skipped[name] = skip.reason
    return given, skipped


async def test_a_data_server_is_not_asked_in_vain(redis: Redis, connect: Connect) -> None:
    source = connect(redis)
    for spec in SPECS:
        with pytest.raises(Skip, match="no Sentinel"):
            await spec.build(source)(Deadline.after(5))
    assert source.refusals == ()


async def test_secrets_of_the_configuration_are_left_out(trio: SentinelTrio, connect: Connect) -> None:
    sentinel = trio.sentinels[0]
    for name, value in (("sentinel-user", "hunter1"), ("sentinel-pass", "hunter2")):
        sentinel.execute("SENTINEL", "CONFIG", "SET", name, value)
    try:
        tables = await redis_sentinel_config.build(connect(sentinel))(Deadline.after(5))
    finally:
        for name in ("sentinel-user", "sentinel-pass"):
            sentinel.execute("SENTINEL", "CONFIG", "SET", name, "")
    page = b"".join(TextEncoder().encode(tables)).decode()
    assert 'redis_sentinel_config_key_value{key="announce-port",value="0"} 1' in page
    assert 'redis_sentinel_config_value{key="announce-port"} 0' in page
    assert "hunter" not in page


async def test_the_quorum_is_as_the_server_reckons_it(trio: SentinelTrio, connect: Connect) -> None:
    first, *others = trio.sentinels
    source = connect(first)
    (message,) = ckquorum(await look(source))
    assert first.execute("SENTINEL", "CKQUORUM", MASTER) == f"OK 3 usable Sentinels. {message}"

    for other in others:
        other.freeze()
    try:
        sentinels = partial(first.flags, "SENTINELS")
        wait_for(lambda: all("s_down" in f for f in sentinels().values()), "the others are held for down")
        seen = await look(source)
        (reply,) = await source.fetch([("SENTINEL", "CKQUORUM", MASTER)], Deadline.after(5))
    finally:
        for other in others:
            other.thaw()
        wait_for(trio.well, "the Sentinels see each other again")

    ((message, status),) = ckquorum(seen).items()
    assert status == 0
    assert str(reply).endswith(f"NOQUORUM 1 usable Sentinels. {message}")
    assert (watched(seen, "ok_sentinels"), watched(seen, "sentinels")) == (1, 3)


def ckquorum(seen: Figures) -> dict[str, float | None]:
    """Message -> status."""
    return {message: status for (_, message), status in seen["redis_sentinel_master_ckquorum_status"].items()}
