"""Our pages beside redis_exporter 1.45 on the same server: its series, types and values are ours, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.expose.text import TextEncoder
from exporter.sources.redis import RedisServer
from tests.live.redis.conftest import Connect
from tests.record_redis import in_sync, live, replica_of
from tests.replay_redis import by_default, tables
from tests.servers import Redis, Upstream, redis_exporter, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("redis_side_by_side")]

# Series of its default page that ours have not, by the start of their names: why.
ABSENT = {
    "redis_exporter_": "about that exporter itself; ours says the same in exporter_*",
    "redis_target_scrape_request_errors": "about an endpoint that we do not have",
    "redis_last_key_groups_scrape_duration_milliseconds": "always 0 without --check-key-groups",
}
# Series to which later versions have added labels.
MORE_LABELS = {"redis_instance_info": {"master_replid"}}
# Metrics whose type a later version has put right.
RETYPED = {"redis_expired_time_cap_reached_total"}
# Figures that differ within a second of two scrapes, or because the two ask differently.
MOVING = (
    "redis_commands_",
    "redis_connections_received",
    "redis_cpu_",
    "redis_net_",
    "redis_total_",
    "redis_memory_",
    "redis_mem_",
    "redis_allocator_",
    "redis_latency_percentiles_usec",
    "redis_connected_clients",
    "redis_client_recent_max",
    "redis_start_time_seconds",
    "redis_uptime_in_seconds",
    "redis_db_avg_ttl_seconds",
    "redis_master_last_io",
    "redis_connected_slave_",
    "redis_slave_repl_offset",
    "redis_master_repl_offset",
    "redis_repl_backlog_history",
    "redis_io_threaded",
    "redis_exporter_last_scrape_connect_time",
    "redis_keyspace",
)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Redis, Redis]]:
    """A master and its replica."""
    with require(Redis) as master, replica_of(master) as replica:
        live(master)
        in_sync(replica)
        yield master, replica


@pytest.fixture(params=["master", "replica"])
def side(request: pytest.FixtureRequest, pair: tuple[Redis, Redis]) -> Redis:
    return pair[request.param == "replica"]


@pytest.fixture
def upstream(side: Redis) -> Iterator[Upstream]:
    with require(redis_exporter, side) as exporter:
        yield exporter


def _read(text: str) -> tuple[Series, dict[str, str]]:
    """The samples of a page, and the type of each metric; those of the Go process left out."""
    series: Series = {}
    types = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("redis_"):
            continue
        for sample in family.samples:
            more = MORE_LABELS.get(sample.name, ())
            labels = frozenset(item for item in sample.labels.items() if item[0] not in more)
            series[sample.name, labels] = sample.value
            types[sample.name] = family.type
    return series, types


async def _page(source: RedisServer) -> str:
    return b"".join(TextEncoder().encode(await tables(source, by_default()))).decode()


async def test_each_of_its_series_is_on_our_page(side: Redis, upstream: Upstream, connect: Connect) -> None:
    source = connect(side)
    upstream.scrape()  # its own commands are then known to both
    await _page(source)
    theirs, their_types = _read(upstream.scrape())
    ours, our_types = _read(await _page(source))

    missing = [f"{name}{dict(labels)}" for name, labels in theirs if (name, labels) not in ours]
    assert [m for m in missing if not m.startswith(tuple(ABSENT))] == []
    types = {name: kind for name, kind in their_types.items() if not name.startswith((*ABSENT, *RETYPED))}
    assert types == {name: our_types[name] for name in types}
    assert len(theirs) > 230


async def test_figures_that_stand_still_are_the_same(
    side: Redis, upstream: Upstream, connect: Connect
) -> None:
    source = connect(side)
    ours, _ = _read(await _page(source))
    theirs, _ = _read(upstream.scrape())

    same = {key: value for key, value in ours.items() if not key[0].startswith(MOVING) and key in theirs}
    assert {key: theirs[key] for key in same} == same
    assert len(same) > 90
