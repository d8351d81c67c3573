"""Groups of servers: what is watched while nobody tells who belongs to them, and how many at the most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from exporter.demo.process import free_port
from exporter.doctor.finding import Severity
from exporter.doctor.redis_nodes import examine
from exporter.model.deadline import Deadline
from exporter.model.errors import Unavailable
from exporter.sources.redis import RedisOptions
from exporter.sources.redis.discovery import ClusterDiscovery, Discovery, SentinelDiscovery
from exporter.sources.redis.nodes import FRESH_SECONDS, RedisNodes
from tests.servers import Redis, require
from tests.servers.redis_cluster import address

pytestmark = pytest.mark.live


def soon() -> Deadline:
    return Deadline.after(2)


@pytest.fixture(scope="module")
def alone() -> Iterator[Redis]:
    with require(Redis) as server:
        yield server


@pytest.fixture(scope="module")
def node() -> Iterator[Redis]:
    bus = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    with require(Redis, settings=bus) as server:
        yield server


def seeds(*addresses: str) -> list[RedisOptions]:
    return [RedisOptions(url=address) for address in addresses]


async def test_while_nobody_answers_the_seeds_are_watched() -> None:
    places = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    group = RedisNodes(seeds(*places), ClusterDiscovery())
    nodes = await group.nodes(soon())

    assert list(nodes) == places
    assert "Connection refused" in group.failure
    for server in nodes.values():
        with pytest.raises(Unavailable):
            await server.info(soon())
    await group.close()


@pytest.mark.parametrize("discovery", [ClusterDiscovery(), SentinelDiscovery()])
async def test_a_server_of_another_kind_is_watched_alone_and_check_says_why(
    alone: Redis, discovery: Discovery
) -> None:
    group = RedisNodes(seeds(address(alone)), discovery)
    findings = await examine(group, soon())

    assert list(await group.nodes(soon())) == [address(alone)]
    assert [f.severity for f in findings][:1] == [Severity.ERROR]
    assert "the nodes are not known" in findings[0].what
    assert "redis.discovery" in findings[0].remedy
    await group.close()


async def test_a_node_that_has_met_nobody_is_its_own_cluster(node: Redis) -> None:
    group = RedisNodes(seeds(address(node), f"127.0.0.1:{free_port()}"), ClusterDiscovery())

    assert list(await group.nodes(soon())) == [address(node)]
    assert group.failure == ""
    await group.close()


async def test_all_collectors_of_a_scrape_share_the_answer(node: Redis) -> None:
    group = RedisNodes(seeds(address(node)), ClusterDiscovery())

    def asked() -> int:
        return int(node.execute("INFO", "commandstats").get("cmdstat_cluster|nodes", {}).get("calls", 0))

    before = asked()
    await asyncio.gather(*(group.nodes(soon()) for _ in range(10)))
    await group.nodes(soon())
    assert asked() == before + 1

    await asyncio.sleep(FRESH_SECONDS)
    await group.nodes(soon())
    assert asked() == before + 2
    await group.close()
