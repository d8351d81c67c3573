"""The two collectors of CLIENT LIST."""

from __future__ import annotations

import pytest

from exporter.collectors.redis._client_list import MOST_CLIENTS, parse
from exporter.collectors.redis.redis_client_list import _Run
from exporter.collectors.redis.redis_clients import MOST
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

OLD = (
    "id=11 addr=127.0.0.1:63508 fd=8 name= age=6321 idle=6320 flags=N db=0 sub=0 psub=0 qbuf=0 qbuf-free=0"
    " obl=0 oll=0 omem=0 cmd=setex"
)
NEW = (
    "id=40 addr=fd40:1481::1a06:44426 laddr=[::1]:6379 fd=19 name=web age=782 idle=5 flags=b db=2 sub=1"
    " psub=2 ssub=3 multi=-1 watch=4 qbuf=26 qbuf-free=32742 obl=7 oll=8 omem=9 tot-mem=61466 cmd=client"
    " user=joe lib-name=redis-py(,_v5.0) resp=3"
)
LIST = ("CLIENT", "LIST")


def server(*lines: str, info: str = "connected_clients:2") -> FakeRedis:
    return FakeRedis(info, {LIST: "\n".join([*lines, ""])})


async def test_each_connection_under_upstreams_names(run: Run) -> None:
    found = await run("redis_client_list", server(OLD, NEW))
    assert found["redis_connected_client_info"] == {
        ("40", "web", "b", "2", "fd40:1481::1a06", "joe", "3"): 1,
        ("11", "", "N", "0", "127.0.0.1", "", ""): 1,
    }
    web, old = ("40", "web"), ("11", "")
    assert found["redis_connected_client_shard_channel_watched_keys"] == {web: 4, old: None}
    assert found["redis_connected_client_total_memory_consumed_bytes"] == {web: 61466, old: None}
    assert found["redis_connected_client_query_buffer_free_space_bytes"][web] == 32742
    assert found["redis_connected_clients_unlisted"] == {(): 0}


async def test_times_stand_still_while_seconds_are_whole() -> None:
    now = 10_000.9
    source = server(NEW)
    collect = _Run(source, lambda: now)

    async def times() -> list[object]:
        (_, table, _) = await collect(Deadline.after(1))
        return [column.values[0] for column in table.columns[:2]]

    assert await times() == [9218, 9995]
    now = 10_030.1
    source.replies[LIST] = NEW.replace("age=782", "age=811").replace("idle=5", "idle=0")
    assert await times() == [9218, 10030]


async def test_of_too_many_the_largest_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collectors.redis.redis_client_list.MOST_LISTED", 2)
    lines = [f"id={i} addr=h:1 name=n tot-mem={i * 10}" for i in range(5)]
    found = await run("redis_client_list", server(*lines))
    assert [row[0] for row in found["redis_connected_client_total_memory_consumed_bytes"]] == ["4", "3"]
    assert found["redis_connected_clients_unlisted"] == {(): 3}


@pytest.mark.parametrize("name", ["redis_clients", "redis_client_list"])
async def test_with_very_many_clients_the_server_is_not_asked(run: Run, name: str) -> None:
    source = server(NEW, info=f"connected_clients:{MOST_CLIENTS + 1}")
    with pytest.raises(Skip):
        await run(name, source)
    assert source.asked == []


@pytest.mark.parametrize("name", ["redis_clients", "redis_client_list"])
async def test_without_the_right_they_are_skipped(run: Run, name: str) -> None:
    with pytest.raises(Skip):
        await run(name, FakeRedis("", {LIST: Refused("no", Reason.PERMISSION)}))


async def test_connections_by_name_user_and_type(run: Run) -> None:
    lines = (
        "id=1 addr=h:1 name=web user=joe flags=N idle=3 omem=1 tot-mem=10",
        "id=2 addr=h:2 name=web user=joe flags=b idle=7 omem=2 tot-mem=20",
        "id=3 addr=h:3 name=web user=joe flags=P idle=0 omem=0 tot-mem=30",
        "id=4 addr=h:4 name= user=default flags=S idle=0 omem=0",
        "id=5 addr=h:5 name= user=default flags=M idle=0 omem=0",
    )
    found = await run("redis_clients", server(*lines))
    web = ("web", "joe", "normal")
    assert found["redis_client_connections"] == {
        web: 2,
        ("web", "joe", "pubsub"): 1,
        ("", "default", "replica"): 1,
        ("", "default", "master"): 1,
    }
    assert found["redis_client_connections_blocked"][web] == 1
    assert found["redis_client_connections_memory_bytes"][web] == 30
    assert found["redis_client_connections_memory_bytes"]["", "default", "replica"] is None
    assert found["redis_client_connections_output_buffer_bytes"][web] == 3
    assert found["redis_client_connections_idle_max_seconds"][web] == 7


async def test_rare_names_are_other_and_none_is_lost(run: Run) -> None:
    frequent = [f"id={i}{j} addr=h:1 name=f{i} flags=N" for i in range(MOST) for j in range(2)]
    rare = [f"id=9{i} addr=h:1 name=uuid-{i} flags={flag}" for i, flag in enumerate("NNP")]
    found = (await run("redis_clients", server(*frequent, *rare)))["redis_client_connections"]
    assert len(found) == MOST + 2
    assert found["other", "other", "normal"] == 2
    assert found["other", "other", "pubsub"] == 1
    assert sum(value for value in found.values() if isinstance(value, int)) == 2 * MOST + 3


def test_lines_without_an_id_are_left_out() -> None:
    assert list(parse("\n\r\nname=x\nid=1\r\n=\nid")) == [{"id": "1"}]
