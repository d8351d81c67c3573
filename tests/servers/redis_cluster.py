"""A Redis Cluster of real nodes on loopback: three masters with a replica each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from time import monotonic, sleep
from typing import Self

import redis

from exporter.demo.account import ServerFailed
from exporter.demo.process import LOOPBACK, free_port
from tests.servers.redis import DEFAULT_VERSION, Redis

SLOTS = 16384
START_TRIES = 5
UNWELL = ("fail", "handshake", "noaddr", "disconnected")

# A master that is gone counts as failed after a second.
SETTINGS = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": "1000",
    "cluster-replica-validity-factor": "0",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
    "shutdown-timeout": "0",
}


class RedisCluster:
    """A cluster of nodes; each is a `Redis` that can be frozen, killed and started again.

    At the start the first three are masters, and `nodes[i + 3]` is the replica of `nodes[i]`.

    Args:
        version: "7.0" or "8.2": before 7.0 the bus has no port of its own.
        masters: how many there are, each with one replica.

    Raises:
        Missing: this version is not on the machine.
    """

    def __init__(self, version: str = DEFAULT_VERSION, *, masters: int = 3) -> None:
        self.version = version
        self.masters = masters
        self.nodes: list[Redis] = []
        self._stack = ExitStack()

    @property
    def addresses(self) -> list[str]:
        """`127.0.0.1:port` of each node."""
        return [address(node) for node in self.nodes]

    def start(self) -> Self:
        """Starts all nodes, makes one cluster of them, and waits until every replica is in sync."""
        with ExitStack() as stack:
            for _ in range(2 * self.masters):
                node = _started(self.version)
                stack.callback(node.close)
                self.nodes.append(node)
            self._introduce()
            self._share_slots()
            wait_for(self.well, "the cluster is well")
            self._stack = stack.pop_all()
        return self

    def close(self) -> None:
        """Ends all nodes and removes their folders."""
        self._stack.close()

    def partner(self, index: int) -> int:
        """The index of the node with the same slots."""
        return (index + self.masters) % len(self.nodes)

    def well(self) -> bool:
        """Whether every node sees all nodes, connected, and every replica is in sync."""
        return all(self._is_well(node) for node in self.nodes)

    def fail_over(self, index: int) -> Redis:
        """Kills a master and waits until its replica has taken over and every other node knows.

        Returns:
            The promoted node.
        """
        master, promoted = self.nodes[index], self.nodes[self.partner(index)]
        alive = [node for node in self.nodes if node is not master]
        master.kill()
        wait_for(lambda: promoted.execute("ROLE")[0] == "master", f"{address(promoted)} has taken over")
        wait_for(lambda: all(map(_is_ok, alive)), "the cluster serves all slots again")
        return promoted

    def bring_back(self, index: int) -> None:
        """Starts a node that was killed, and waits until it is a replica in sync."""
        self.nodes[index].start()
        wait_for(self.well, "the cluster is well")

    def hand_over(self, index: int) -> None:
        """Makes a replica the master in its master's stead, and waits until all know."""
        self.nodes[index].execute("CLUSTER", "FAILOVER")
        wait_for(lambda: self.nodes[index].execute("ROLE")[0] == "master", f"{index} is the master")
        wait_for(self.well, "the cluster is well")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _introduce(self) -> None:
        first = self.nodes[0]
        for epoch, node in enumerate(self.nodes, start=1):
            node.execute("CLUSTER", "SET-CONFIG-EPOCH", epoch)
            first.execute("CLUSTER", "MEET", LOOPBACK, node.port, node.process.settings["cluster-port"])
        wait_for(lambda: all(map(self._knows_all, self.nodes)), "every node knows every other one")

    def _share_slots(self) -> None:
        for i, node in enumerate(self.nodes[: self.masters]):
            first, last = i * SLOTS // self.masters, (i + 1) * SLOTS // self.masters - 1
            node.execute("CLUSTER", "ADDSLOTSRANGE", first, last)
            replica = self.nodes[self.partner(i)]
            replica.execute("CLUSTER", "REPLICATE", str(node.execute("CLUSTER", "MYID")))

    def _knows_all(self, node: Redis) -> bool:
        lines = _lines(node)
        return len(lines) == len(self.nodes) and not any(word in line for line in lines for word in UNWELL)

    def _is_well(self, node: Redis) -> bool:
        try:
            replicas = sum("slave" in line for line in _lines(node))
            link = node.execute("INFO", "replication").get("master_link_status", "up")
            return replicas == self.masters and link == "up" and self._knows_all(node) and _is_ok(node)
        except (redis.RedisError, OSError):
            return False


def address(node: Redis) -> str:
    """`127.0.0.1:port`."""
    return f"{LOOPBACK}:{node.port}"


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    """Asks every 20 ms until it is true.

    Raises:
        AssertionError: it was not, in this time.
    """
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        sleep(0.02)


def _started(version: str) -> Redis:
    for _ in range(START_TRIES):
        # Somebody may take the bus's port between choosing and using it.
        with suppress(ServerFailed):
            return Redis(version, settings={**SETTINGS, "cluster-port": str(free_port())}).start()
    raise ServerFailed(f"no node of a cluster started in {START_TRIES} tries")


def _lines(node: Redis) -> Sequence[str]:
    return str(node.execute("CLUSTER", "NODES")).splitlines()


def _is_ok(node: Redis) -> bool:
    return "cluster_state:ok" in str(node.execute("CLUSTER", "INFO"))
