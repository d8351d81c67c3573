"""The collector `redis_cluster` on each node of a real cluster, before and after a failover."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest

from exporter.collectors.redis.redis_cluster import COLLECTOR
from exporter.collectors.redis.redis_info import COLLECTOR as INFO
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.table import Value
from exporter.sources.redis import RedisOptions, RedisServer
from tests.live.redis.conftest import Connect
from tests.servers import Redis, require
from tests.servers.redis_cluster import SLOTS, RedisCluster

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_cluster")]

Figures = dict[str, Mapping[tuple[str, ...], float | None]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    """Six nodes; leave them as they were found."""
    with require(RedisCluster, "8.2") as cluster:
        yield cluster


class Watch:
    """The collectors of each node, kept from look to look."""

    def __init__(self, cluster: RedisCluster) -> None:
        self.cluster = cluster
        self.sources = [RedisServer(RedisOptions(url=node.url)) for node in cluster.nodes]
        self._collects = [[spec.build(source) for spec in (COLLECTOR, INFO)] for source in self.sources]

    async def look(self, *but: int) -> dict[int, Figures]:
        """What each node gives, by its index; those in `but` are not asked."""
        wanted = [i for i in range(len(self.sources)) if i not in but]
        found = await asyncio.gather(*(self._figures(self._collects[i]) for i in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _figures(self, collects: list[Collect]) -> Figures:
        tables = [table for collect in collects for table in await collect(Deadline.after(5))]
        return {
            column.metric.name: dict(zip(table.rows, map(_number, column.values), strict=True))
            for table in tables
            for column in table.columns
        }


def _number(value: Value) -> float | None:
    return None if value is None else float(value)


@asynccontextmanager
async def watching(cluster: RedisCluster) -> AsyncIterator[Watch]:
    watch = Watch(cluster)
    try:
        yield watch
    finally:
        await asyncio.gather(*(source.close() for source in watch.sources))


def one(figures: Figures, name: str) -> float | None:
    return figures[name][()]


def flags(figures: Figures) -> dict[str, float | None]:
    """Flags that some node has."""
    return {flag: count for (flag,), count in figures["redis_cluster_nodes"].items() if count}


def who(figures: Figures) -> tuple[str, str, str]:
    """Id, role and master's id."""
    ((node_id, role, master_id),) = figures["redis_cluster_node_info"]
    return node_id, role, master_id


async def test_each_node_tells_of_itself_and_of_what_it_sees(cluster: RedisCluster) -> None:
    async with watching(cluster) as watch:
        seen = await watch.look()

    ids = {i: who(figures)[0] for i, figures in seen.items()}
    assert len(set(ids.values())) == 6
    for i, figures in seen.items():
        role, master = ("master", "") if i < 3 else ("slave", ids[i - 3])
        assert who(figures)[1:] == (role, master)
        assert ("redis_cluster_node_replicas" in figures) == (role == "master")
        assert flags(figures) == {"master": 3, "slave": 3}
        for name in ("links_down", "masters_without_replica", "failovers_total"):
            assert one(figures, f"redis_cluster_{name}") == 0
    assert [one(seen[i], "redis_cluster_node_replicas") for i in range(3)] == [1, 1, 1]
    slots = [one(figures, "redis_cluster_node_slots") for figures in seen.values()]
    assert sum(slots) == SLOTS  # type: ignore[arg-type]
    assert slots[3:] == [0, 0, 0]


async def test_slots_on_their_way(cluster: RedisCluster) -> None:
    giver, taker = cluster.nodes[:2]
    ids = [str(node.execute("CLUSTER", "MYID")) for node in (giver, taker)]
    for slot in (0, 1):
        giver.execute("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    taker.execute("CLUSTER", "SETSLOT", 0, "IMPORTING", ids[0])
    try:
        async with watching(cluster) as watch:
            seen = await watch.look()
    finally:
        for node in (giver, taker):
            for slot in (0, 1):
                node.execute("CLUSTER", "SETSLOT", slot, "STABLE")

    assert [one(f, "redis_cluster_node_slots_migrating") for f in seen.values()] == [2, 0, 0, 0, 0, 0]
    assert [one(f, "redis_cluster_node_slots_importing") for f in seen.values()] == [0, 1, 0, 0, 0, 0]
    assert one(seen[0], "redis_cluster_node_slots") == 5461


async def test_a_server_alone_is_not_asked_in_vain(redis: Redis, connect: Connect) -> None:
    source = connect(redis)
    collect = COLLECTOR.build(source)
    for _ in range(2):
        with pytest.raises(Skip, match="not in cluster mode") as skipped:
            await collect(Deadline.after(5))
        assert skipped.value.reason is Reason.UNSUPPORTED
    info = await source.info(Deadline.after(5))
    assert "cluster|nodes" not in info.pairs("commandstats", "cmdstat_")


async def test_a_failover_shows_in_the_first_scrape_after_it(cluster: RedisCluster) -> None:
    async with watching(cluster) as watch:
        before = await watch.look()
        cluster.hand_over(3)
        after = await watch.look()
        cluster.hand_over(0)
        back = await watch.look()

    ids = [who(before[i])[0] for i in (0, 3)]
    assert (who(after[0]), who(after[3])) == ((ids[0], "slave", ids[1]), (ids[1], "master", ""))
    assert (who(back[0]), who(back[3])) == ((ids[0], "master", ""), (ids[1], "slave", ids[0]))
    for figures, role in ((after[3], "master"), (after[0], "slave"), (back[0], "master")):
        assert [labels[0] for labels in figures["redis_instance_info"]] == [role]
        assert one(figures, "redis_cluster_node_slots") == (5461 if role == "master" else 0)
    for seen, failovers in ((before, 0), (after, 1), (back, 2)):
        assert {one(figures, "redis_cluster_failovers_total") for figures in seen.values()} == {failovers}
        assert all(flags(figures) == {"master": 3, "slave": 3} for figures in seen.values())
        assert {one(figures, "redis_cluster_masters_without_replica") for figures in seen.values()} == {0}
