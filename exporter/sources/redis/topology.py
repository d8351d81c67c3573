"""Takes apart what nodes of a Redis Cluster and Sentinels say of their group. Pure: no I/O, never raises.

The formats: https://redis.io/docs/latest/commands/cluster-nodes/ and
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/. Servers and forks add fields; a
line that can't be read is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

# Fields of a line that change all the time, and are not needed: the last PING and PONG.
VOLATILE = slice(4, 6)
# Without them each node of a cluster says nearly the same, again and again.
REMEMBERED_LINES = 2048
FAILING = frozenset({"fail", "fail?"})
UNREACHABLE = frozenset({"noaddr", "handshake"})
LAST_SLOT = 16383


class ClusterNode(NamedTuple):
    """One line of CLUSTER NODES: a node as the node that was asked sees it.

    Attributes:
        id: 40 hexadecimal digits, for as long as the node exists.
        host: its address; empty where it is not known: before a node has met others, its own.
        port: of clients; 0 where it is not known.
        bus_port: of the cluster bus; 0 where it is not known.
        hostname: the name it announces (7.0 and newer); empty for none.
        flags: `myself`, `master`, `slave`, `fail?` (this node thinks so), `fail` (most think so),
            `handshake`, `noaddr`, `nofailover`.
        role: `master`, `slave`, or empty during the handshake.
        master_id: of a replica, the id of its master; else empty.
        link_state: `connected` or `disconnected`: the bus link to it.
        config_epoch: of its slots, or of its master's: grows when it takes over; None if it is no number.
        slots: the slots it owns, as ranges: first and last one.
        migrating: slots that it gives away, in progress; only the node itself says so.
        importing: slots that it takes over, in progress; only the node itself says so.
    """

    id: str
    host: str
    port: int
    bus_port: int
    hostname: str
    flags: frozenset[str]
    role: str
    master_id: str
    link_state: str
    config_epoch: int | None
    slots: tuple[tuple[int, int], ...]
    migrating: int
    importing: int

    @property
    def myself(self) -> bool:
        """Whether it is the node that was asked."""
        return "myself" in self.flags

    @property
    def failing(self) -> bool:
        """Whether it has failed, or seems to."""
        return not FAILING.isdisjoint(self.flags)

    @property
    def reachable(self) -> bool:
        """Whether it has an address to connect to, and belongs to the cluster already."""
        return self.port > 0 and UNREACHABLE.isdisjoint(self.flags)

    @property
    def slot_count(self) -> int:
        """How many slots it owns."""
        return sum(last - first + 1 for first, last in self.slots)


def parse_cluster_nodes(reply: Any) -> list[ClusterNode]:
    """The nodes of a reply of CLUSTER NODES, in its order; of anything that is no text, none."""
    if not isinstance(reply, str):
        return []
    lines = (line.split(" ", VOLATILE.stop) for line in reply.splitlines())
    nodes = (_node(*w[: VOLATILE.start], w[VOLATILE.stop]) for w in lines if len(w) > VOLATILE.stop)
    return [node for node in nodes if node is not None]


def parse_sentinel_instances(reply: Any) -> list[dict[str, str]]:
    """The instances of a reply of SENTINEL MASTERS, SENTINELS, REPLICAS or SLAVES: name -> value.

    An instance without a name or a port is no instance. Both forms are read: names and values in turn
    (RESP2), and mappings (RESP3).
    """
    if not isinstance(reply, list):
        return []
    instances = (_instance(item) for item in reply)
    return [instance for instance in instances if "name" in instance and "port" in instance]


def instance_flags(instance: Mapping[str, str]) -> frozenset[str]:
    """The flags of an instance: `master`, `slave`, `s_down`, `o_down`, `disconnected` and more."""
    return frozenset(flag for flag in instance.get("flags", "").split(",") if flag)


@lru_cache(maxsize=REMEMBERED_LINES)
def _node(node_id: str, address: str, flag_words: str, master_id: str, rest: str) -> ClusterNode | None:
    words = rest.split()
    if len(words) < 2:
        return None
    host, port, bus_port, hostname = _address(address)
    flags = frozenset(flag for flag in flag_words.split(",") if flag != "noflags")
    slots, migrating, importing = _slots(words[2:])
    return ClusterNode(
        id=node_id,
        host=host,
        port=port,
        bus_port=bus_port,
        hostname=hostname,
        flags=flags,
        role="master" if "master" in flags else "slave" if "slave" in flags else "",
        master_id="" if master_id == "-" else master_id,
        link_state=words[1],
        config_epoch=_whole(words[0]),
        slots=slots,
        migrating=migrating,
        importing=importing,
    )


def _address(text: str) -> tuple[str, int, int, str]:
    """`10.0.0.1:6379@16379,name`; before 4.0 without the bus, before 7.0 without the name.

    An IPv6 address has no brackets there: the last colon is that of the port.
    """
    address, _, more = text.partition(",")
    endpoint, _, bus = address.partition("@")
    host, _, port = endpoint.rpartition(":")
    # Behind the name there may be `key=value` pairs, and those even where there is no name.
    name = more.partition(",")[0]
    hostname = "" if "=" in name or name == "?" else name
    return host.strip("[]"), _port(port), _port(bus), hostname


def _slots(words: list[str]) -> tuple[tuple[tuple[int, int], ...], int, int]:
    """`0-5460 5470 [42->-id] [43-<-id]`: owned ranges, how many go away, how many come."""
    ranges: list[tuple[int, int]] = []
    migrating = importing = 0
    for word in words:
        if word.startswith("["):
            migrating += "->-" in word
            importing += "-<-" in word
            continue
        first_text, dash, last_text = word.partition("-")
        first, last = _whole(first_text), _whole(last_text if dash else first_text)
        if first is not None and last is not None and first <= last <= LAST_SLOT:
            ranges.append((first, last))
    return tuple(ranges), migrating, importing


def _instance(item: Any) -> dict[str, str]:
    if isinstance(item, dict):
        return {str(name): str(value) for name, value in item.items()}
    if not isinstance(item, list):
        return {}
    words = iter(item)
    return {str(name): str(value) for name, value in zip(words, words, strict=False)}


def _port(text: str) -> int:
    port = _whole(text)
    return port if port is not None and port < 65536 else 0


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
