"""Who belongs to a group: from one node of a cluster, from all Sentinels together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.model.deadline import Deadline
from exporter.model.errors import Unavailable
from exporter.model.slow_query import slow_queries_of
from exporter.sources.redis.discovery import (
    CLUSTER_NODES,
    SENTINEL_MASTERS,
    ClusterDiscovery,
    Discovered,
    Member,
    SentinelDiscovery,
)
from exporter.sources.redis.fake import FakeRedis
from exporter.sources.redis.nodes import RedisNodes
from exporter.sources.redis.options import RedisOptions

MYSELF = f"{'a' * 40} :7001@17001 myself,master - 0 0 1 connected 0-5460"
REPLICA = f"{'b' * 40} 10.0.0.2:7002@17002,redis-2 slave {'a' * 40} 0 0 1 connected"
FAILED = f"{'c' * 40} 10.0.0.3:7003@17003 master,fail - 0 0 3 disconnected 5461-16383"
GONE = f"{'d' * 40} :0@0 master,noaddr - 0 0 4 disconnected"
SEED, OTHER = Member("10.0.0.1", 7001), Member("10.0.0.9", 7001)


def node(*lines: str) -> FakeRedis:
    return FakeRedis(replies={CLUSTER_NODES: "\n".join(lines)})


def down() -> FakeRedis:
    server = FakeRedis()
    server.down = Unavailable("redis at fake:6379: refused")
    return server


async def of_cluster(servers: Mapping[Member, FakeRedis]) -> Any:
    return await ClusterDiscovery().members(servers, Deadline.after(1))


async def test_a_node_of_a_cluster_tells_of_all_that_have_an_address() -> None:
    found = await of_cluster({SEED: node(MYSELF, REPLICA, FAILED, GONE)})

    assert found.members == [SEED, Member("10.0.0.2", 7002, "redis-2"), Member("10.0.0.3", 7003)]
    assert [m.name for m in found.members] == ["10.0.0.1:7001", "10.0.0.2:7002", "10.0.0.3:7003"]


async def test_a_node_that_is_down_or_alone_does_not_keep_others_from_telling() -> None:
    found = await of_cluster({OTHER: down(), SEED: node(MYSELF)})

    assert found.members == [SEED]


async def test_the_node_that_told_is_asked_alone_the_next_time() -> None:
    servers = {SEED: node(MYSELF), OTHER: down()}
    discovery = ClusterDiscovery()
    await discovery.members(servers, Deadline.after(1))
    servers[OTHER] = node(MYSELF)
    await discovery.members(servers, Deadline.after(1))

    assert len(servers[SEED].asked) == 2
    assert servers[OTHER].asked == []


async def test_why_nobody_tells() -> None:
    assert "refused" in (await of_cluster({SEED: down()})).failure
    assert "no node of a cluster" in (await of_cluster({SEED: node("nonsense")})).failure
    assert "has no command" in (await of_cluster({SEED: FakeRedis()})).failure


def test_certificates_are_for_names() -> None:
    member = Member("fe80::1", 7001, "redis-1")

    assert member.endpoint(tls=True) == "redis-1:7001"
    assert member.endpoint(tls=False) == member.name == "[fe80::1]:7001"
    assert Member("10.0.0.1", 1).endpoint(tls=True) == "10.0.0.1:1"


def instance(name: str, ip: str, port: int, run_id: str = "") -> list[str]:
    return ["name", name, "ip", ip, "port", str(port), "runid", run_id]


def sentinel(run_id: str, *peers: list[str]) -> FakeRedis:
    replies = {
        SENTINEL_MASTERS: [instance("cache", "10.0.1.1", 6379)],
        ("SENTINEL", "MYID"): run_id,
        ("SENTINEL", "SENTINELS", "cache"): list(peers),
        ("SENTINEL", "REPLICAS", "cache"): [instance("r", "10.0.1.2", 6379), instance("r", "?", 0)],
    }
    return FakeRedis(replies=replies)


DATA = {Member("10.0.1.1", 6379), Member("10.0.1.2", 6379)}


def watcher(host: str) -> Member:
    return Member(host, 26379, sentinel=True)


async def of_sentinels(servers: Mapping[Member, FakeRedis]) -> Any:
    return await SentinelDiscovery().members(servers, Deadline.after(1))


async def test_sentinels_have_the_addresses_that_the_others_know_them_by() -> None:
    one, two = instance("one", "10.0.0.1", 26379, "1" * 40), instance("two", "10.0.0.2", 26379, "2" * 40)
    servers = {watcher("seed-1"): sentinel("1" * 40, two), watcher("seed-2"): sentinel("2" * 40, one)}

    found = await of_sentinels(servers)

    assert set(found.members) == {watcher("10.0.0.1"), watcher("10.0.0.2"), *DATA}


async def test_a_lone_sentinel_is_where_it_was_asked() -> None:
    peer = instance("two", "10.0.0.2", 26379, "2" * 40)

    found = await of_sentinels({watcher("seed-1"): sentinel("1" * 40, peer), watcher("seed-2"): down()})

    assert set(found.members) == {watcher("seed-1"), watcher("10.0.0.2"), *DATA}
    assert found.failure == ""


async def test_why_no_sentinel_tells() -> None:
    assert "refused" in (await of_sentinels({watcher("seed-1"): down()})).failure
    assert "has no command SENTINEL" in (await of_sentinels({watcher("seed-1"): FakeRedis()})).failure


async def test_members_beyond_the_limit_are_left_out_and_logged() -> None:
    logged: list[str] = []

    class Log:
        def info(self, event: str, **_: object) -> None:
            logged.append(event)

        warning = info

    class Told:
        asks_sentinels = False

        async def members(self, *_: object) -> Discovered:
            return Discovered([Member("10.0.0.1", port) for port in (9, 7, 8)])

    group = RedisNodes([RedisOptions(url="10.0.0.1:1")], Told(), max_nodes=2, log=Log())

    nodes = await group.nodes(Deadline.after(1))
    assert list(nodes) == ["10.0.0.1:7", "10.0.0.1:8"]
    assert {slow_queries_of(node) for node in nodes.values()} == {slow_queries_of(group)}
    assert "nodes left out: redis.max_nodes" in logged
    await group.close()


async def test_sentinels_and_servers_have_logins_of_their_own() -> None:
    class Told:
        asks_sentinels = True

        async def members(self, *_: object) -> Discovered:
            return Discovered([Member("10.0.0.1", 6379), watcher("10.0.0.1")])

    seed = RedisOptions(url="rediss://10.0.0.1:26379", username="u", password="p")
    group = RedisNodes([seed], Told(), ("s", "t"))
    made = {name: server.options for name, server in (await group.nodes(Deadline.after(1))).items()}

    assert (made["10.0.0.1:6379"].username, made["10.0.0.1:6379"].password) == ("u", "p")
    assert (made["10.0.0.1:26379"].username, made["10.0.0.1:26379"].password) == ("s", "t")
    assert {options.url for options in made.values()} == {"rediss://10.0.0.1:6379", "rediss://10.0.0.1:26379"}
    await group.close()
