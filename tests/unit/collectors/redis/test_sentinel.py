from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.redis._sentinel import SENTINEL_MASTERS
from exporter.collectors.redis.redis_sentinel import COLLECTOR
from exporter.collectors.redis.redis_sentinel_config import CONFIG_GET
from exporter.model.collector import Collect
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis import Command, Reply
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run, Samples

INFO = """# Server
redis_mode:sentinel
# Sentinel
sentinel_masters:1
sentinel_tilt:1
master0:name=cache,status=%s,address=10.0.0.1:6379,slaves=2,sentinels=3
"""
ADDRESS = "10.0.0.1:6379"
KEY = ("cache", ADDRESS)


def flat(**fields: object) -> list[Reply]:
    return [str(part) for name, value in fields.items() for part in (name.replace("_", "-"), value)]


def master(flags: str = "master", epoch: int = 0, ip: str = "10.0.0.1") -> list[Reply]:
    more = {"config-epoch": epoch, "quorum": 2, "last-ok-ping-reply": 250}
    return flat(name="cache", ip=ip, port=6379, flags=flags, **more)


def sentinel(number: int, flags: str = "sentinel") -> list[Reply]:
    return flat(name=f"s{number}", ip=f"10.0.1.{number}", port=26379, runid=f"r{number}", flags=flags)


def replica(number: int, flags: str = "slave", more: Mapping[str, object] | None = None) -> list[Reply]:
    fields = {"runid": f"r{number}", "master-link-status": "ok", "master-link-down-time": 0, **(more or {})}
    return flat(name=f"r{number}", ip=f"10.0.2.{number}", port=6379, flags=flags, **fields)


def server(
    status: str = "ok",
    masters: list[Reply] | None = None,
    sentinels: list[Reply] | None = None,
    replicas: list[Reply] | None = None,
) -> FakeRedis:
    replies: dict[Command, Reply] = {
        SENTINEL_MASTERS: masters if masters is not None else [master()],
        ("SENTINEL", "SENTINELS", "cache"): sentinels or [],
        ("SENTINEL", "REPLICAS", "cache"): replicas or [],
    }
    return FakeRedis(INFO % status, replies)


def of(found: Samples, name: str) -> object:
    return found[f"redis_sentinel_master_{name}"][KEY]


async def test_figures_of_a_master_are_in_upstreams_units(run: Run) -> None:
    found = await run(
        "redis_sentinel",
        server(
            sentinels=[sentinel(1), sentinel(2, "s_down,sentinel")],
            replicas=[replica(1), replica(2, "s_down,slave,disconnected")],
        ),
    )
    assert (of(found, "slaves"), of(found, "ok_slaves")) == (2, 1)
    assert (of(found, "sentinels"), of(found, "ok_sentinels")) == (3, 2)
    assert of(found, "last_ok_ping_reply_seconds") == 0.25
    assert of(found, "setting_parallel_syncs") is None  # this server did not tell
    assert found["redis_sentinel_tilt"] == {(): 1}
    assert "redis_sentinel_tilts_total" not in found


@pytest.mark.parametrize(
    ("status", "label", "ok"),
    [("ok", "ok", 1), ("sdown", "sdown", 0), ("odown", "odown", 0), ("free text 17", "unknown", 0)],
)
async def test_the_state_is_one_of_a_few_words(run: Run, status: str, label: str, ok: int) -> None:
    found = await run("redis_sentinel", server(status))
    assert found["redis_sentinel_master_status"] == {(*KEY, label): ok}


@pytest.mark.parametrize(
    ("flags", "values"),
    [
        ("master", (0, 0, 0)),
        ("s_down,master", (1, 0, 0)),
        ("s_down,o_down,master,failover_in_progress", (1, 1, 1)),
    ],
)
async def test_flags_of_a_master(run: Run, flags: str, values: tuple[int, ...]) -> None:
    found = await run("redis_sentinel", server(masters=[master(flags)]))
    assert (
        tuple(of(found, name) for name in ("subjectively_down", "objectively_down", "failover_in_progress"))
        == values
    )


@pytest.mark.parametrize(
    ("down", "others", "status", "words"),
    [
        (0, 2, 1, {"can"}),
        (1, 2, 1, {"can"}),
        (2, 2, 0, {"quorum", "majority"}),
        (3, 4, 0, {"majority"}),  # two are up: the quorum is reached, three of five are a majority
        (0, 0, 0, {"quorum"}),
    ],
)
async def test_whether_a_failover_could_be_agreed_on(
    run: Run, down: int, others: int, status: int, words: set[str]
) -> None:
    sentinels: list[Reply] = [
        sentinel(i, "s_down,sentinel" if i < down else "sentinel") for i in range(others)
    ]
    found = await run("redis_sentinel", server(sentinels=sentinels))
    (((name, message), value),) = found["redis_sentinel_master_ckquorum_status"].items()
    assert (name, value) == ("cache", status)
    assert words == {"can", "quorum", "majority"} & set(message.split())
    assert not any(character.isdigit() for character in message)


async def test_a_replicas_lag_is_behind_the_foremost(run: Run) -> None:
    ahead, behind = replica(1, more={"slave-repl-offset": 900}), replica(2, more={"slave-repl-offset": 850})
    unheard = replica(3, "s_down,slave", {"slave-repl-offset": 0, "runid": ""})
    found = await run("redis_sentinel", server(replicas=[ahead, behind, unheard]))

    one, two, three = (("cache", f"10.0.2.{i}:6379") for i in (1, 2, 3))
    assert found["redis_sentinel_slave_lag_bytes"] == {one: 0, two: 50, three: None}
    assert found["redis_sentinel_slave_repl_offset"] == {one: 900, two: 850, three: None}
    assert found["redis_sentinel_slave_ok"] == {one: 1, two: 1, three: 0}
    assert found["redis_sentinel_slave_master_link_up"] == {one: 1, two: 1, three: None}


async def failovers(collect: Collect) -> object:
    for table in await collect(Deadline.after(1)):
        for column in table.columns:
            if column.metric.name == "redis_sentinel_master_failovers_total":
                return dict(zip(table.rows, column.values, strict=True))
    return None


async def test_a_failover_is_a_new_epoch_whatever_the_address() -> None:
    source = server(masters=[master(epoch=4)])
    collect = COLLECTOR.build(source)
    assert await failovers(collect) == {("cache",): 0}
    source.replies[SENTINEL_MASTERS] = [master(epoch=7, ip="10.0.0.2")]
    assert await failovers(collect) == {("cache",): 1}
    source.replies[SENTINEL_MASTERS] = [master(epoch=7, ip="10.0.0.3")]
    assert await failovers(collect) == {("cache",): 1}
    source.replies[SENTINEL_MASTERS] = [master(epoch=0)]  # monitored anew
    assert await failovers(collect) == {("cache",): 1}
    source.replies[SENTINEL_MASTERS] = []
    assert await failovers(collect) == {}


async def test_without_the_right_to_sentinel_there_is_what_info_tells(run: Run) -> None:
    refused = FakeRedis(INFO % "ok", {SENTINEL_MASTERS: Refused("no", Reason.PERMISSION)})
    found = await run("redis_sentinel", refused)
    assert of(found, "slaves") == 2
    assert of(found, "ok_slaves") is None
    assert found["redis_sentinel_master_status"] == {(*KEY, "ok"): 1}
    assert found["redis_sentinel_master_ckquorum_status"] == {}


@pytest.mark.parametrize("name", ["redis_sentinel", "redis_sentinel_peers", "redis_sentinel_config"])
@pytest.mark.parametrize("info", ["redis_mode:standalone", "server_mode:cluster", ""])
async def test_others_are_not_asked(run: Run, name: str, info: str) -> None:
    other = FakeRedis(info)
    with pytest.raises(Skip) as skipped:
        await run(name, other)
    assert skipped.value.reason is Reason.UNSUPPORTED
    assert other.asked == []


async def test_valkeys_name_of_the_mode(run: Run) -> None:
    source = server()
    source.info_text = (source.info_text or "").replace("redis_mode", "server_mode")
    assert of(await run("redis_sentinel", source), "slaves") == 2


async def test_masters_that_are_new_are_asked_about_in_the_same_scrape() -> None:
    source = server()
    collect = COLLECTOR.build(source)
    await collect(Deadline.after(1))
    source.asked.clear()
    other = flat(name="other", ip="10.0.0.9", port=6379, flags="master")
    source.replies[SENTINEL_MASTERS] = [master(), other]
    await collect(Deadline.after(1))
    assert source.asked.count(("SENTINEL", "REPLICAS", "other")) == 1
    assert source.asked.count(("SENTINEL", "REPLICAS", "cache")) == 1


async def test_the_other_sentinels_by_name(run: Run) -> None:
    found = await run("redis_sentinel_peers", server(sentinels=[sentinel(1)]))
    assert found["redis_sentinel_peer_info"] == {
        (*KEY, "s1", "10.0.1.1", "26379", "r1", "sentinel"): 1,
    }


async def test_settings_without_those_of_logins(run: Run) -> None:
    settings: list[Reply] = ["announce-port", "0", "announce-ip", "", "sentinel-pass", "hunter2"]
    source = FakeRedis("redis_mode:sentinel", {CONFIG_GET: [*settings, "sentinel-user", "hunter1"]})
    found = await run("redis_sentinel_config", source)
    assert found["redis_sentinel_config_key_value"] == {("announce-port", "0"): 1, ("announce-ip", ""): 1}
    assert found["redis_sentinel_config_value"] == {("announce-port",): 0}


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.sampled_from(["name", "cache", "port", "flags", "9" * 30, "-", "inf"])
    ),
    lambda inner: st.lists(inner, max_size=8),
)


@given(ANYTHING, ANYTHING, st.text(max_size=30))
async def test_no_reply_breaks_it(masters: Reply, details: Reply, line: str) -> None:
    named: list[Reply] = [
        "name",
        "cache",
        "port",
        "1",
        *(masters if isinstance(masters, list) else [masters]),
    ]
    replies: dict[Command, Reply] = {SENTINEL_MASTERS: [named, masters]}
    for what in ("SENTINELS", "REPLICAS"):
        odd: list[Reply] = ["name", "x", "port", "2", *(details if isinstance(details, list) else [details])]
        replies["SENTINEL", what, "cache"] = [odd, details]
    source = FakeRedis(f"redis_mode:sentinel\n# Sentinel\nmaster0:name=cache,{line}", replies)
    assert await COLLECTOR.build(source)(Deadline.after(1))
