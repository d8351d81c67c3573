"""Who belongs to a group of Redis servers: asks a Redis Cluster's nodes, or Sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from exporter.model.deadline import Deadline
from exporter.model.errors import Refused, SourceError
from exporter.sources.redis.source import Command, RedisSource, Reply
from exporter.sources.redis.topology import parse_cluster_nodes, parse_sentinel_instances

ALONE_SECONDS = 0.25
"""How long the node that answered the last time is waited for before the others are asked as well."""

CLUSTER_NODES: Command = ("CLUSTER", "NODES")
SENTINEL_MASTERS: Command = ("SENTINEL", "MASTERS")


class Member(NamedTuple):
    """A server of a group.

    Attributes:
        host: its address, as the group announces it.
        port: of its clients.
        hostname: the name that it announces beside the address; empty for none.
        sentinel: whether it is a Sentinel, which has a login of its own.
    """

    host: str
    port: int
    hostname: str = ""
    sentinel: bool = False

    @property
    def name(self) -> str:
        """`host:port`, the value of the label `node`."""
        return _place(self.host, self.port)

    def endpoint(self, *, tls: bool) -> str:
        """Where to connect to: certificates are for names, if there are any."""
        return _place(self.hostname or self.host, self.port) if tls else self.name


class Discovered(NamedTuple):
    """What asking gave.

    Attributes:
        members: the group; empty if nobody told.
        failure: why nobody did, for people.
    """

    members: Sequence[Member]
    failure: str = ""


Servers = Mapping[Member, RedisSource]


class Discovery(Protocol):
    """A way to find the members."""

    asks_sentinels: bool
    """Whether it is Sentinels who know them."""

    async def members(self, servers: Servers, deadline: Deadline) -> Discovered:
        """Asks these servers who belongs to their group; returns by the deadline."""


class ClusterDiscovery:
    """Asks one node of a Redis Cluster for CLUSTER NODES: the one that answered the last time first."""

    asks_sentinels = False

    def __init__(self) -> None:
        self._last: Member | None = None

    async def members(self, servers: Servers, deadline: Deadline) -> Discovered:
        """All nodes that have an address, those that have failed as well."""
        failure = ""
        first = [member for member in servers if member == self._last]
        rest = [member for member in servers if member != self._last]
        for members, limit in ((first, deadline.at_most(ALONE_SECONDS)), (rest, deadline)):
            asking = {asyncio.create_task(_asked(servers[m], m, [CLUSTER_NODES], limit)) for m in members}
            while asking:
                done, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    member, replies = task.result()
                    if found := self._nodes(member, replies):
                        self._last = member
                        for other in asking:
                            other.cancel()
                        return Discovered(found)
                    failure = _why(replies, "it is no node of a cluster")
        return Discovered((), failure)

    @staticmethod
    def _nodes(asked: Member, replies: Sequence[Reply] | SourceError) -> list[Member]:
        nodes = [] if isinstance(replies, SourceError) else parse_cluster_nodes(replies[0])
        # Before a node has met others it does not know its own address.
        return [Member(n.host or asked.host, n.port, n.hostname) for n in nodes if n.reachable]


class SentinelDiscovery:
    """Asks all Sentinels for the masters that they monitor, for their replicas, and for other Sentinels."""

    asks_sentinels = True

    async def members(self, servers: Servers, deadline: Deadline) -> Discovered:
        """The Sentinels, the masters and their replicas, those that are down as well."""
        views = await asyncio.gather(*(_view(server, member, deadline) for member, server in servers.items()))
        told = [view for view in views if view.failure == ""]
        data = {member for view in told for member in view.data}
        sentinels = {address for view in told for address in view.peers.values()}
        for view in told:
            # Others know how it announces itself; who is alone is where it was asked.
            if not any(view.run_id in other.peers for other in told):
                sentinels.add(view.asked)
        return Discovered([*sentinels, *data], "" if told else "; ".join({v.failure for v in views}))


class _View(NamedTuple):
    """What one Sentinel says: its id, the other Sentinels by theirs, and the servers."""

    asked: Member
    run_id: str
    peers: Mapping[str, Member]
    data: Sequence[Member]
    failure: str


async def _view(server: RedisSource, asked: Member, deadline: Deadline) -> _View:
    _, replies = await _asked(server, asked, [SENTINEL_MASTERS, ("SENTINEL", "MYID")], deadline)
    if isinstance(replies, SourceError) or isinstance(replies[0], Refused):
        return _View(asked, "", {}, (), _why(replies, "it is no Sentinel"))
    masters, run_id = parse_sentinel_instances(replies[0]), str(replies[1])
    questions: list[Command] = [
        ("SENTINEL", what, master["name"]) for master in masters for what in ("SENTINELS", "REPLICAS")
    ]
    _, answers = await _asked(server, asked, questions, deadline)
    if isinstance(answers, SourceError):
        return _View(asked, "", {}, (), str(answers))
    peers = [peer for answer in answers[::2] for peer in parse_sentinel_instances(answer)]
    replicas = [replica for answer in answers[1::2] for replica in parse_sentinel_instances(answer)]
    sentinels = {
        peer.get("runid", ""): member for peer in peers for member in _members([peer], sentinel=True)
    }
    return _View(asked, run_id, sentinels, _members([*masters, *replicas]), "")


def _members(instances: Iterable[Mapping[str, str]], *, sentinel: bool = False) -> list[Member]:
    return [
        Member(instance["ip"], int(instance["port"]), sentinel=sentinel)
        for instance in instances
        if instance.get("ip") and instance["port"].isdigit() and 0 < int(instance["port"]) < 65536
    ]


async def _asked(
    server: RedisSource, member: Member, commands: Sequence[Command], deadline: Deadline
) -> tuple[Member, list[Reply] | SourceError]:
    try:
        return member, await server.fetch(commands, deadline)
    except SourceError as error:
        return member, error


def _why(replies: Sequence[Reply] | SourceError, otherwise: str) -> str:
    if isinstance(replies, SourceError):
        return str(replies)
    return str(replies[0]) if isinstance(replies[0], Refused) else otherwise


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
