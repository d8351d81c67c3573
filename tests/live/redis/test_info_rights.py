"""What a real ACL refuses: one command costs what it gives, is said, and is not tried again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Partial, Refused, Skip
from exporter.sources.redis import RedisServer
from tests.live.redis.conftest import Connect
from tests.record_redis import live
from tests.replay_redis import by_default
from tests.servers import Redis, require

pytestmark = pytest.mark.live

# Right -> the feature, and the collectors that need it.
RIGHTS = {
    "info": ("info", set(by_default()) - {"redis_features"}),
    "config|get": ("config", {"redis_config"}),
    "slowlog|get": ("slowlog", {"redis_slowlog"}),
    "slowlog|len": ("slowlog_length", {"redis_slowlog"}),
    "latency|latest": ("latency_latest", {"redis_latency"}),
    "latency|histogram": ("latency_histogram", {"redis_latency"}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with require(Redis, settings={"latency-monitor-threshold": "10"}) as server:
        live(server)
        yield server


def as_user(server: Redis, connect: Connect, *rules: str) -> RedisServer:
    server.execute("ACL", "SETUSER", "watcher", "reset", "on", ">pw", *rules)
    return connect(server, username="watcher", password="pw")


async def shown(source: RedisServer) -> dict[str, dict[str, set[tuple[str, ...]]]]:
    """Collector -> metric -> the labels of its rows; of those that gave something."""
    found = {}
    for name, spec in by_default().items():
        try:
            tables = await spec.build(source)(Deadline.after(5))
        except Partial as some:
            tables = some.tables
        except (Skip, Refused):
            continue
        found[name] = {
            c.metric.name: set(table.rows) for table in tables for c in table.columns if table.rows
        }
    return found


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_refused_command_costs_what_it_gives_and_is_said(
    server: Redis, connect: Connect, right: str
) -> None:
    whole = await shown(as_user(server, connect, "+@all"))
    less = await shown(as_user(server, connect, "+@all", f"-{right}"))
    feature, needing = RIGHTS[right]

    changed = {name for name, metrics in whole.items() if less.get(name, {}).keys() != metrics.keys()}
    assert changed - {"redis_features"} <= needing
    assert changed or feature in ("config", "slowlog_length")
    features = await by_default()["redis_features"].build(connect(server))(Deadline.after(5))
    assert features[0].rows == [("info",)]


async def test_each_refusal_is_met_once_for_a_connection(server: Redis, connect: Connect) -> None:
    source = as_user(server, connect, "+info", "+latency|latest")
    server.execute("CONFIG", "RESETSTAT")
    for _ in range(3):
        await shown(source)
    refused = {"config", "slowlog", "slowlog_length", "latency_histogram"}
    (table,) = await by_default()["redis_features"].build(source)(Deadline.after(5))
    values = dict(zip((row[0] for row in table.rows), table.columns[0].values, strict=True))
    assert values == {"info": 1, "latency_latest": 1, **dict.fromkeys(refused, 0)}
    # CLIENT SETNAME and PING of the login are refused as well, and their refusals are nobody's.
    errors = server.execute("INFO", "errorstats")["errorstat_NOPERM"]["count"]
    assert errors == len(refused) + 2


async def test_a_server_without_the_command_log_is_never_asked_for_it(
    server: Redis, connect: Connect
) -> None:
    with server.client() as client:  # one connection: redis-py's greeting is an error to Redis 7.0
        client.config_resetstat()
        await shown(connect(server))
        assert client.info("errorstats") == {}
