"""The daemon beside a Redis Cluster, and beside Sentinels: all nodes on one page, failovers on the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from redis.crc import key_slot

from tests.e2e.judge import Samples, failed, timed_scrape
from tests.servers import Exporter, require
from tests.servers.redis_cluster import SLOTS, RedisCluster, address, wait_for
from tests.servers.redis_sentinel import MASTER, SentinelTrio

pytestmark = pytest.mark.live

KEYS = 60
PASSWORD = "hunter2"


@contextmanager
def watching(discovery: str, *seeds: str, **settings: Any) -> Iterator[Exporter]:
    """The daemon with Redis as its only target."""
    addresses = ",".join(seeds)
    with Exporter(
        redis__discovery=discovery, redis__address=addresses, host__enabled="false", **settings
    ) as exporter:
        yield exporter


def by_node(samples: Samples, name: str, **labels: str) -> dict[str, float]:
    """A metric's values by the label `node`, of the series with these labels."""
    found = {}
    for series, value in samples.get(name, {}).items():
        given = dict(series)
        if labels.items() <= given.items():
            assert given["node"] not in found, f"{name} twice for {given['node']}"
            found[given["node"]] = value
    return found


def label(samples: Samples, name: str, of: str) -> dict[str, str]:
    """A label's values by the label `node`."""
    return {(given := dict(series))["node"]: given[of] for series in samples.get(name, {})}


def every(nodes: list[str], value: float, **others: float) -> dict[str, float]:
    return {**dict.fromkeys(nodes, value), **others}


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """Six nodes of the test's own."""
    with require(RedisCluster, "7.0") as cluster:
        yield cluster


def test_a_cluster_from_one_seed_through_a_failover(cluster: RedisCluster) -> None:
    nodes = cluster.addresses
    for i in range(KEYS):
        owner = cluster.nodes[key_slot(b"k%d" % i) * cluster.masters // SLOTS]
        owner.execute("SET", f"k{i}", i)
    with watching("cluster", nodes[5], redis__count_keys="k*") as exporter:
        _sees_a_whole_cluster(timed_scrape(exporter), cluster)
        _counts_each_key_once(exporter, nodes[: cluster.masters])

        promoted = address(cluster.fail_over(0))
        after = timed_scrape(exporter)
        _sees_that_one_has_taken_over(after, nodes[0], promoted, nodes)

        cluster.bring_back(0)
        back = timed_scrape(exporter)
    assert by_node(back, "redis_up") == every(nodes, 1)
    assert label(back, "redis_instance_info", "role")[nodes[0]] == "slave"
    assert label(back, "redis_instance_info", "role")[promoted] == "master"
    assert by_node(back, "redis_cluster_nodes", flag="fail") == every(nodes, 0)
    assert by_node(back, "redis_cluster_failovers_total")[promoted] == 1
    assert failed(back, "redis") == set()


def _sees_a_whole_cluster(samples: Samples, cluster: RedisCluster) -> None:
    nodes = cluster.addresses
    roles = {node: "master" if i < cluster.masters else "slave" for i, node in enumerate(nodes)}
    assert by_node(samples, "redis_up") == every(nodes, 1)
    assert label(samples, "redis_instance_info", "role") == roles
    assert label(samples, "redis_cluster_node_info", "role") == roles
    assert sum(by_node(samples, "redis_cluster_node_slots").values()) == SLOTS
    assert by_node(samples, "redis_cluster_nodes", flag="master") == every(nodes, 3)
    assert by_node(samples, "redis_cluster_failovers_total") == every(nodes, 0)
    assert failed(samples, "redis") == set()
    # Everything of a node says which.
    unlabelled = [
        name
        for name, series in samples.items()
        if name.startswith("redis_") and not all("node" in dict(labels) for labels in series)
    ]
    assert unlabelled == []


def _counts_each_key_once(exporter: Exporter, masters: list[str]) -> None:
    def counted() -> dict[str, float]:
        return by_node(timed_scrape(exporter), "redis_keys_count", key="k*")

    wait_for(lambda: len(counted()) >= len(masters), "the keys are counted")
    counts = counted()
    assert set(counts) == set(masters)
    assert sum(counts.values()) == KEYS


def _sees_that_one_has_taken_over(samples: Samples, killed: str, promoted: str, nodes: list[str]) -> None:
    alive = [node for node in nodes if node != killed]
    assert by_node(samples, "redis_up") == every(nodes, 1, **{killed: 0})
    assert label(samples, "redis_instance_info", "role")[promoted] == "master"
    assert killed not in label(samples, "redis_instance_info", "role")
    assert by_node(samples, "redis_cluster_failovers_total") == every(alive, 1)
    assert by_node(samples, "redis_cluster_nodes", flag="fail") == every(alive, 1)
    assert by_node(samples, "redis_cluster_state") == every(alive, 1)
    assert by_node(samples, "redis_cluster_links_down") == every(alive, 1)
    assert by_node(samples, "redis_cluster_masters_without_replica") == every(alive, 1)
    assert sum(by_node(samples, "redis_cluster_node_slots").values()) == SLOTS


@pytest.fixture
def trio() -> Iterator[SentinelTrio]:
    """A master, two replicas and three Sentinels of the test's own."""
    with require(SentinelTrio, "7.0", password=PASSWORD) as trio:
        yield trio


def test_sentinels_and_what_they_watch_through_a_failover(trio: SentinelTrio) -> None:
    servers = [address(server) for server in trio.servers]
    with watching("sentinel", *trio.seeds, redis__sentinel_password=PASSWORD) as exporter:
        _sees_servers_and_sentinels(timed_scrape(exporter), trio)

        killed, promoted = map(address, trio.fail_over())
        after = timed_scrape(exporter)
        assert by_node(after, "redis_up") == every([*servers, *trio.seeds], 1, **{killed: 0})
        assert label(after, "redis_instance_info", "role")[promoted] == "master"
        assert _master_of(after) == dict.fromkeys(trio.seeds, promoted)
        failovers = by_node(after, "redis_sentinel_master_failovers_total", master_name=MASTER)
        assert failovers == every(trio.seeds, 1)
        assert by_node(after, "redis_sentinel_master_status", master_status="ok") == every(trio.seeds, 1)
        assert by_node(after, "redis_sentinel_master_config_epoch") == every(trio.seeds, 1)
        assert PASSWORD not in exporter.log + exporter.scrape()


def _master_of(samples: Samples) -> Mapping[str, str]:
    return label(samples, "redis_sentinel_master_status", "master_address")


def _sees_servers_and_sentinels(samples: Samples, trio: SentinelTrio) -> None:
    servers = [address(server) for server in trio.servers]
    assert by_node(samples, "redis_up") == every([*servers, *trio.seeds], 1)
    roles = label(samples, "redis_instance_info", "role")
    assert roles == {**dict.fromkeys(servers, "slave"), servers[0]: "master", **dict.fromkeys(trio.seeds, "")}
    modes = label(samples, "redis_instance_info", "redis_mode")
    assert {node for node, mode in modes.items() if mode == "sentinel"} == set(trio.seeds)
    assert _master_of(samples) == dict.fromkeys(trio.seeds, servers[0])
    assert by_node(samples, "redis_sentinel_master_ok_slaves") == every(trio.seeds, 2)
    assert set(by_node(samples, "redis_db_keys", db="db0")) == set(servers)
    assert failed(samples, "redis") == set()
