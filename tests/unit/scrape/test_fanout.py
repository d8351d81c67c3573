"""A collector over several nodes: rows of each, state of each, and one that is down hides nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from exporter.model.collector import Collect, Collected, CollectorSpec, Named
from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Reason, Refused, Skip, Unavailable
from exporter.model.metric import gauge
from exporter.model.table import Table, single
from exporter.scrape.fanout import fanned_out

UP = gauge("up", "Up.")
RUNS = gauge("runs", "Runs so far.")


class Node:
    def __init__(self, error: Exception | None = None, age: float | None = None) -> None:
        self.error = error
        self.age = age


class Nodes:
    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.now = dict(nodes)

    async def nodes(self, deadline: Deadline) -> Mapping[str, Node]:
        assert deadline.left()
        return self.now


def build(node: Node) -> Collect:
    runs = 0

    async def collect(_deadline: Deadline) -> Sequence[Table]:
        nonlocal runs
        runs += 1
        if node.error is not None:
            raise node.error
        return Collected([single({UP: 1, RUNS: runs})], node.age)

    return collect


SPEC = CollectorSpec(help=".", source="nodes", metrics=(UP,), build=build, fallback=[single({UP: 0})])


def collector(nodes: Nodes) -> Collect:
    return fanned_out(Named("x", "redis", SPEC)).spec.build(nodes)


def samples(tables: Sequence[Table]) -> dict[tuple[str, str], object]:
    return {(dict(t.constant)["node"], c.metric.name): c.values[0] for t in tables for c in t.columns}


async def test_each_node_gives_rows_of_its_own_and_keeps_its_state() -> None:
    nodes = Nodes({"a": Node(), "b": Node()})
    collect = collector(nodes)

    await collect(Deadline.after(1))
    nodes.now = {"b": nodes.now["b"], "c": Node()}
    found = samples(await collect(Deadline.after(1)))

    assert found == {("b", "up"): 1, ("b", "runs"): 2, ("c", "up"): 1, ("c", "runs"): 1}


async def test_a_server_that_takes_a_name_over_starts_anew() -> None:
    nodes = Nodes({"a": Node()})
    collect = collector(nodes)

    await collect(Deadline.after(1))
    nodes.now = {"a": Node()}

    assert samples(await collect(Deadline.after(1)))["a", "runs"] == 1


async def test_a_node_that_is_down_shows_what_is_known_without_it() -> None:
    down = Unavailable("redis at b: refused")
    with pytest.raises(Partial) as caught:
        await collector(Nodes({"a": Node(), "b": Node(down)}))(Deadline.after(1))

    assert samples(caught.value.tables) == {("a", "up"): 1, ("a", "runs"): 1, ("b", "up"): 0}
    assert caught.value.error is down
    assert caught.value.logged


async def test_what_a_node_has_not_comes_behind_what_a_node_fails() -> None:
    unknown, failed = Refused("no such command", Reason.UNSUPPORTED), Refused("NOPERM", Reason.PERMISSION)
    with pytest.raises(Partial) as caught:
        await collector(Nodes({"a": Node(unknown), "b": Node(failed)}))(Deadline.after(1))

    assert caught.value.error is failed
    assert not caught.value.logged


async def test_only_where_all_nodes_skip_the_collector_skips() -> None:
    skip = Node(Skip(Reason.UNSUPPORTED, "a replica"))
    found = samples(await collector(Nodes({"a": Node(), "b": skip}))(Deadline.after(1)))
    assert set(found) == {("a", "up"), ("a", "runs")}

    with pytest.raises(Skip, match="a replica"):
        await collector(Nodes({"a": skip, "b": skip}))(Deadline.after(1))


async def test_the_age_is_that_of_the_oldest_node() -> None:
    tables = await collector(Nodes({"a": Node(age=3), "b": Node(age=7), "c": Node()}))(Deadline.after(1))

    assert isinstance(tables, Collected)
    assert tables.age == 7
