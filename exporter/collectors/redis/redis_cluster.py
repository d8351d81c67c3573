"""CLUSTER NODES: the cluster as one node sees it, in figures whose number does not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from exporter.collectors.redis._asking import AskWhere, in_cluster
from exporter.collectors.redis._replies import granted
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, by_row, info, single
from exporter.sources.redis import Command, RedisSource
from exporter.sources.redis.topology import ClusterNode, parse_cluster_nodes

NODE_LABELS = ("id", "role", "master_id")
FLAGS = {
    "master": "master",
    "slave": "slave",
    "fail?": "pfail",
    "fail": "fail",
    "handshake": "handshake",
    "noaddr": "noaddr",
    "nofailover": "nofailover",
}
"""Flag in CLUSTER NODES -> its name in the label; `pfail` is what the servers' documentation calls it."""

NODE = gauge(
    "redis_cluster_node_info",
    "1, with the node's id, its role and, of a replica, its master's id as labels.",
    NODE_LABELS,
)
NODES = gauge("redis_cluster_nodes", "Nodes with a flag as this node sees them.", ("flag",))
LINKS_DOWN = gauge(
    "redis_cluster_links_down", "Other nodes to which this node has no connection of the cluster bus."
)
SLOTS = gauge("redis_cluster_node_slots", "Slots that this node owns; 0 on a replica.")
MIGRATING = gauge("redis_cluster_node_slots_migrating", "Slots that this node is giving away.")
IMPORTING = gauge("redis_cluster_node_slots_importing", "Slots that this node is taking over.")
REPLICAS = gauge(
    "redis_cluster_node_replicas", "Replicas of this master that do not seem to fail; only on masters."
)
UNPROTECTED = gauge(
    "redis_cluster_masters_without_replica",
    "Masters with slots that have no replica, failing ones left out, as this node sees them.",
)
FAILOVERS = counter(
    "redis_cluster_failovers_total",
    "Replicas that took over the slots of a master since the exporter began to look, as this node sees them:"
    " every node sees the same ones.",
)
METRICS = (NODE, NODES, LINKS_DOWN, SLOTS, MIGRATING, IMPORTING, REPLICAS, UNPROTECTED, FAILOVERS)

CLUSTER_NODES: Command = ("CLUSTER", "NODES")


class Failovers:
    """Counts the replicas that turn into masters with slots, by comparing with the last look."""

    def __init__(self) -> None:
        self.total = 0
        self._replicas: frozenset[str] = frozenset()

    def look(self, nodes: Sequence[ClusterNode]) -> int:
        """How many there were so far."""
        self.total += sum(n.role == "master" and bool(n.slots) and n.id in self._replicas for n in nodes)
        self._replicas = frozenset(node.id for node in nodes if node.role == "slave")
        return self.total


class _Run:
    def __init__(self, redis: RedisSource) -> None:
        self._ask = AskWhere(redis, in_cluster, "this server is not in cluster mode")
        self._failovers = Failovers()

    async def __call__(self, deadline: Deadline) -> Sequence[Table]:
        _, (reply,) = await self._ask([CLUSTER_NODES], deadline)
        nodes = parse_cluster_nodes(granted(reply))
        if not nodes:
            raise Skip(Reason.NO_DATA, "CLUSTER NODES names no node")
        replicas = Counter(node.master_id for node in nodes if node.master_id and not node.failing)
        masters = [node for node in nodes if node.role == "master" and node.slots]
        seen = single(
            {
                LINKS_DOWN: sum(node.link_state != "connected" for node in nodes),
                UNPROTECTED: sum(not replicas[node.id] for node in masters),
                FAILOVERS: self._failovers.look(nodes),
            }
        )
        own = [table for node in nodes if node.myself for table in _own(node, replicas[node.id])]
        return [*own, _flags(nodes), seen]


def _own(node: ClusterNode, replicas: int) -> Sequence[Table]:
    """What the node says of itself."""
    slots = {SLOTS: node.slot_count, MIGRATING: node.migrating, IMPORTING: node.importing}
    figures = {**slots, REPLICAS: replicas} if node.role == "master" else slots
    return [
        info(NODE, {"id": node.id, "role": node.role, "master_id": node.master_id}),
        single(figures),
    ]


def _flags(nodes: Sequence[ClusterNode]) -> Table:
    """How many nodes have each flag; zeros are there, so that a rule sees them."""
    counts = Counter(flag for node in nodes for flag in node.flags)
    return by_row(NODES.labels, (NODES,), [((label,), (counts[flag],)) for flag, label in FLAGS.items()])


COLLECTOR = CollectorSpec(
    help="The Redis Cluster as each of its nodes sees it: nodes by state, slots, replicas, failovers.",
    source="redis",
    metrics=METRICS,
    build=_Run,
    docs="https://redis.io/docs/latest/commands/cluster-nodes/",
    explain=lambda _major: "INFO ALL\nCLUSTER NODES  (in cluster mode)",
)
