from __future__ import annotations

import pytest

from exporter.collectors.redis.redis_cluster import CLUSTER_NODES, COLLECTOR
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run, Samples

ON = "cluster_enabled:1"


def line(name: str, flags: str, master: str = "-", slots: str = "", link: str = "connected") -> str:
    return f"{name} 10.0.0.{name}:6379@16379 {flags} {master} 0 0 1 {link} {slots}"


def node(*lines: str) -> FakeRedis:
    return FakeRedis(ON, {CLUSTER_NODES: "\n".join(lines)})


async def failovers(collect: Collect) -> object:
    for table in await collect(Deadline.after(1)):
        for column in table.columns:
            if column.metric.name == "redis_cluster_failovers_total":
                return column.values[0]
    return None


async def test_a_master_and_what_it_sees(run: Run) -> None:
    found = await run(
        "redis_cluster",
        node(
            line("1", "myself,master", slots="0-99 [5->-2] [6->-2]"),
            line("2", "master", slots="100-16383"),
            line("3", "slave", "1"),
            line("4", "slave,fail", "1", link="disconnected"),
            line("5", "slave,fail?", "2", link="disconnected"),
            line("6", "handshake", link="disconnected"),
            line("7", "master"),
        ),
    )
    assert found["redis_cluster_node_info"] == {("1", "master", ""): 1}
    assert found["redis_cluster_node_slots"] == {(): 100}
    assert found["redis_cluster_node_slots_migrating"] == {(): 2}
    assert found["redis_cluster_node_slots_importing"] == {(): 0}
    assert found["redis_cluster_node_replicas"] == {(): 1}
    flags = {"master": 3, "slave": 3, "pfail": 1, "fail": 1, "handshake": 1, "noaddr": 0, "nofailover": 0}
    assert found["redis_cluster_nodes"] == {(flag,): count for flag, count in flags.items()}
    assert found["redis_cluster_links_down"] == {(): 3}
    # The one without slots needs none.
    assert found["redis_cluster_masters_without_replica"] == {(): 1}


async def test_a_replica_says_whose(run: Run) -> None:
    found = await run("redis_cluster", node(line("1", "master", slots="0-9"), line("2", "myself,slave", "1")))
    assert found["redis_cluster_node_info"] == {("2", "slave", "1"): 1}
    assert found["redis_cluster_node_slots"] == {(): 0}
    assert "redis_cluster_node_replicas" not in found


async def test_the_number_of_series_does_not_grow_with_the_cluster(run: Run) -> None:
    def series(found: Samples) -> int:
        return sum(map(len, found.values()))

    first = line("0", "myself,master", slots="0-9")
    small = await run("redis_cluster", node(first))
    large = await run("redis_cluster", node(first, *(line(str(i), "slave", "0") for i in range(1, 200))))
    assert series(large) == series(small)


async def test_a_replica_that_takes_slots_over_is_a_failover() -> None:
    server = node(line("1", "myself,master", slots="0-9"), line("2", "slave", "1"), line("3", "slave", "1"))
    collect = COLLECTOR.build(server)
    assert await failovers(collect) == 0
    taken = [line("1", "myself,master,fail"), line("2", "master", slots="0-9"), line("3", "slave", "2")]
    server.replies[CLUSTER_NODES] = "\n".join(taken)
    assert await failovers(collect) == 1
    assert await failovers(collect) == 1
    server.replies[CLUSTER_NODES] = "\n".join([line("1", "myself,slave", "2"), *taken[1:]])
    assert await failovers(collect) == 1
    back = [line("1", "myself,master", slots="0-9"), line("2", "slave", "1"), line("3", "slave", "1")]
    server.replies[CLUSTER_NODES] = "\n".join(back)
    assert await failovers(collect) == 2


async def test_nodes_that_come_and_go_are_no_failover() -> None:
    server = node(line("1", "myself,master", slots="0-9"), line("2", "slave", "1"))
    collect = COLLECTOR.build(server)
    await failovers(collect)
    # One was reset and is a master of nothing, one came with slots of its own.
    now = [line("1", "myself,master", slots="0-4"), line("2", "master"), line("3", "master", slots="5-9")]
    server.replies[CLUSTER_NODES] = "\n".join(now)
    assert await failovers(collect) == 0


async def test_a_look_that_gave_nothing_forgets_nothing() -> None:
    whole = "\n".join([line("1", "myself,master", slots="0-9"), line("2", "slave", "1")])
    server = FakeRedis(ON, {CLUSTER_NODES: whole})
    collect = COLLECTOR.build(server)
    await failovers(collect)
    server.replies[CLUSTER_NODES] = "?"
    with pytest.raises(Skip) as skipped:
        await collect(Deadline.after(1))
    assert skipped.value.reason is Reason.NO_DATA
    server.replies[CLUSTER_NODES] = "\n".join(
        [line("1", "master,fail"), line("2", "myself,master", slots="0-9")]
    )
    assert await failovers(collect) == 1


async def test_it_is_asked_in_cluster_mode_alone() -> None:
    alone = FakeRedis("cluster_enabled:0")
    collect = COLLECTOR.build(alone)
    with pytest.raises(Skip) as skipped:
        await collect(Deadline.after(1))
    assert skipped.value.reason is Reason.UNSUPPORTED
    assert alone.asked == []


async def test_a_right_that_is_missing_is_the_reason() -> None:
    server = FakeRedis(ON, {CLUSTER_NODES: Refused("no", Reason.PERMISSION)})
    with pytest.raises(Skip) as skipped:
        await COLLECTOR.build(server)(Deadline.after(1))
    assert skipped.value.reason is Reason.PERMISSION


async def test_from_the_second_time_on_it_is_one_round_trip() -> None:
    class Counting(FakeRedis):
        trips = 0

        async def fetch(self, *args: object) -> list[object]:  # type: ignore[override]
            self.trips += 1
            return await super().fetch(*args)  # type: ignore[arg-type,return-value]

    server = Counting(ON, {CLUSTER_NODES: line("1", "myself,master", slots="0-9")})
    collect = COLLECTOR.build(server)
    await collect(Deadline.after(1))
    first = server.trips
    await collect(Deadline.after(1))
    assert (first, server.trips - first) == (2, 1)
