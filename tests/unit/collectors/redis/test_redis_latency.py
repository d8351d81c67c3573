from __future__ import annotations

import pytest

from exporter.collectors.redis._histograms import BOUNDS
from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis import Command, Reply
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

LATEST, HISTOGRAM = ("LATENCY", "LATEST"), ("LATENCY", "HISTOGRAM")
INFO = """# Commandstats
cmdstat_json.get:calls=5,usec=100
cmdstat_config|get:calls=1,usec=7
cmdstat_config|set:calls=1,usec=4
# Latencystats
latency_percentiles_usec_json.get:p50=1.003,p99=2.007,p99.9=4.015
latency_percentiles_usec_unknown:p50=1
"""
BUCKETS = "redis_commands_latencies_usec_bucket"


def server(*commands: Reply, info: str = INFO) -> FakeRedis:
    replies: dict[Command, Reply] = {LATEST: [], HISTOGRAM: list(commands)}
    return FakeRedis(info, replies)


def details(calls: int, *pairs: Reply) -> Reply:
    return ["calls", calls, "histogram_usec", list(pairs)]


def test_the_bounds_are_those_that_servers_use() -> None:
    assert BOUNDS[:8] == (1, 2, 4, 8, 16, 33, 66, 132)
    assert BOUNDS[-2:] == (541065, 1073741)


async def test_every_command_has_all_buckets_and_they_are_cumulative(run: Run) -> None:
    found = await run("redis_latency", server("json.get", details(5, 2, 1, 8, 4, 66, 5), "get", details(0)))
    values = {labels[1]: value for labels, value in found[BUCKETS].items() if labels[0] == "json.get"}
    assert list(values.items())[:8] == [
        ("1", 0),
        ("2", 1),
        ("4", 1),
        ("8", 4),
        ("16", 4),
        ("33", 4),
        ("66", 5),
        ("132", 5),
    ]
    assert values["1.073741e+06"] == values["+Inf"] == 5
    assert len(found[BUCKETS]) == 2 * (len(BOUNDS) + 1)


async def test_the_sum_is_there_for_names_with_dots_and_for_parents_of_subcommands(run: Run) -> None:
    found = await run(
        "redis_latency", server("json.get", details(5), "config", details(2), "get", details(1))
    )
    assert found["redis_commands_latencies_usec_sum"] == {("json.get",): 100, ("config",): 11, ("get",): None}
    assert found["redis_commands_latencies_usec_count"] == {("json.get",): 5, ("config",): 2, ("get",): 1}


async def test_a_bound_that_is_new_goes_into_all_commands(run: Run) -> None:
    found = await run("redis_latency", server("a", details(3, 2, 1, 3, 3), "b", details(1, 1, 1)))
    assert found[BUCKETS][("a", "3")] == 3
    assert found[BUCKETS][("b", "3")] == 1
    assert found[BUCKETS][("a", "4")] == 3


async def test_percentiles_with_the_quantile_in_percent(run: Run) -> None:
    found = await run("redis_latency", server())
    assert found["redis_latency_percentiles_usec"] == {
        ("json.get", "50"): 1.003,
        ("json.get", "99"): 2.007,
        ("json.get", "99.9"): 4.015,
    }
    assert found["redis_latency_percentiles_usec_sum"] == {("json.get",): 100}
    assert found["redis_latency_percentiles_usec_count"] == {("json.get",): 5}


async def test_spikes_in_seconds(run: Run) -> None:
    spiky = server()
    spiky.replies[LATEST] = [["command", 1700000000, 250, 900], ["odd"], "odder"]
    found = await run("redis_latency", spiky)
    assert found["redis_latency_spike_last"] == {("command",): 1700000000}
    assert found["redis_latency_spike_duration_seconds"] == {("command",): 0.25}


async def test_an_old_server_gives_its_spikes_alone(run: Run) -> None:
    assert await run("redis_latency", FakeRedis("", {LATEST: []})) == {}


async def test_without_the_right_it_is_skipped_with_the_remedy(run: Run) -> None:
    refused = Refused("may not run LATENCY LATEST: run ACL SETUSER", Reason.PERMISSION)
    with pytest.raises(Skip, match="ACL SETUSER") as caught:
        await run("redis_latency", FakeRedis("", {LATEST: refused, HISTOGRAM: refused}))
    assert caught.value.reason is Reason.PERMISSION
    found = await run("redis_latency", FakeRedis(INFO, {LATEST: refused, HISTOGRAM: refused}))
    assert "redis_latency_percentiles_usec" in found
