from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.sources.redis.topology import (
    instance_flags,
    parse_cluster_nodes,
    parse_sentinel_instances,
)

MASTER, REPLICA = "a" * 40, "b" * 40
MOVING = f"[42->-{REPLICA}] [9-<-{REPLICA}]"
NODES = f"""\
{MASTER} 10.0.0.1:6379@16379,cache-1 myself,master - 0 0 7 connected 0-5460 5470 {MOVING}
{REPLICA} 10.0.0.2:6380@16380 slave {MASTER} 0 1700000000000 7 disconnected
"""

LINE = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            [MASTER, "h:1@2", ":", "@", ",", "master", "-", "0", "connected", "0-16383", "[1->-", "9-"]
        ),
    ),
    max_size=12,
).map(" ".join)
REPLIES = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.text(max_size=8), st.sampled_from(["name", "ip", "port", "flags"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


def test_a_master_with_slots_and_its_replica() -> None:
    master, replica = parse_cluster_nodes(NODES)

    assert (master.id, master.role, master.master_id, master.myself) == (MASTER, "master", "", True)
    assert (master.host, master.port, master.bus_port, master.hostname) == (
        "10.0.0.1",
        6379,
        16379,
        "cache-1",
    )
    assert (master.slots, master.slot_count) == (((0, 5460), (5470, 5470)), 5462)
    assert (master.migrating, master.importing) == (1, 1)
    assert (master.config_epoch, master.link_state, master.reachable) == (7, "connected", True)
    assert (replica.role, replica.master_id, replica.myself) == ("slave", MASTER, False)
    assert (replica.hostname, replica.link_state, replica.slots) == ("", "disconnected", ())


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("10.0.0.1:6379", ("10.0.0.1", 6379, 0, "")),
        (":6379@16379", ("", 6379, 16379, "")),
        ("fd00::1:6379@16379", ("fd00::1", 6379, 16379, "")),
        ("10.0.0.1:6379@16379,", ("10.0.0.1", 6379, 16379, "")),
        ("10.0.0.1:6379@16379,name,shard-id=x", ("10.0.0.1", 6379, 16379, "name")),
        ("10.0.0.1:6379@16379,,shard-id=x", ("10.0.0.1", 6379, 16379, "")),
        ("10.0.0.1:6379@16379,shard-id=x", ("10.0.0.1", 6379, 16379, "")),
        (":0@0", ("", 0, 0, "")),
        ("h:99999@x", ("h", 0, 0, "")),
    ],
)
def test_addresses_of_all_versions(address: str, parts: tuple[str, int, int, str]) -> None:
    (node,) = parse_cluster_nodes(f"{MASTER} {address} master - 0 0 1 connected")
    assert (node.host, node.port, node.bus_port, node.hostname) == parts


@pytest.mark.parametrize(
    ("flags", "role", "failing", "reachable"),
    [
        ("master", "master", False, True),
        ("slave,fail", "slave", True, True),
        ("master,fail?", "master", True, True),
        ("handshake", "", False, False),
        ("master,noaddr", "master", False, False),
        ("noflags", "", False, True),
    ],
)
def test_what_flags_say(flags: str, role: str, failing: bool, reachable: bool) -> None:
    (node,) = parse_cluster_nodes(f"{MASTER} h:1@2 {flags} - 0 0 1 connected")
    assert (node.role, node.failing, node.reachable) == (role, failing, reachable)


def test_a_line_that_is_cut_off_is_left_out() -> None:
    assert [node.id for node in parse_cluster_nodes(NODES[:-25])] == [MASTER]
    assert parse_cluster_nodes(["no", "text"]) == parse_cluster_nodes(None) == []


def test_slots_that_are_none_are_left_out() -> None:
    (node,) = parse_cluster_nodes(f"{MASTER} h:1@2 master - 0 0 x connected 5-2 a-b 16384 - 7- 3")
    assert (node.slots, node.config_epoch) == (((3, 3),), None)


@given(st.lists(LINE, max_size=4).map("\n".join))
@example(NODES.replace(" ", "\x00"))
def test_no_text_breaks_the_parser_of_nodes(text: str) -> None:
    for node in parse_cluster_nodes(text):
        assert node.slot_count >= 0
        assert 0 <= node.port < 65536
        assert node.role in ("master", "slave", "")


def test_instances_of_both_protocols() -> None:
    wanted = [{"name": "cache", "ip": "10.0.0.1", "port": "6379"}]
    assert parse_sentinel_instances([["name", "cache", "ip", "10.0.0.1", "port", "6379", "odd"]]) == wanted
    assert parse_sentinel_instances([{"name": "cache", "ip": "10.0.0.1", "port": 6379}]) == wanted
    assert parse_sentinel_instances([["name", "without a port"], None, "x"]) == []


def test_flags_of_an_instance() -> None:
    assert instance_flags({"flags": "s_down,slave,disconnected"}) == {"s_down", "slave", "disconnected"}
    assert instance_flags({}) == instance_flags({"flags": ""}) == frozenset()


@given(REPLIES)
def test_no_reply_breaks_the_parser_of_instances(reply: object) -> None:
    for instance in parse_sentinel_instances(reply):
        assert {"name", "port"} <= instance.keys()
        assert all(isinstance(value, str) for value in instance.values())
        instance_flags(instance)
