from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress

import pytest

from exporter.demo.account import ServerFailed
from exporter.sources.redis import RedisOptions, RedisServer
from tests.record_redis import EAGER, cluster_node, form_cluster, in_sync, live, replica_of
from tests.servers import VERSIONS, Redis, require

Connect = Callable[..., RedisServer]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def family(version: str) -> Iterator[tuple[Redis, Redis, Redis]]:
    """A master with something of everything, its replica, and a cluster of one node."""
    settings = {**EAGER, "latency-monitor-threshold": "10", "appendonly": "yes"}
    with ExitStack() as stack:
        master = stack.enter_context(require(Redis, version, settings=settings))
        replica = stack.enter_context(replica_of(master))
        node = _started(version)
        stack.callback(node.close)
        live(master)
        in_sync(replica)
        form_cluster(node)
        yield master, replica, node


def _started(version: str) -> Redis:
    # The bus of 6.2 has the server's port + 10000, which not every free port allows.
    for _ in range(20):
        with suppress(ServerFailed):
            return cluster_node(version).start()
    raise AssertionError


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """connect(server, **options): a source that is closed after the test."""
    async with AsyncExitStack() as stack:

        def connect(server: Redis, **options: object) -> RedisServer:
            source = RedisServer(RedisOptions(**{"url": server.url, **options}))  # type: ignore[arg-type]
            stack.push_async_callback(source.close)
            return source

        yield connect
