"""What becomes of a scrape while a Redis server hangs, dies, loads or refuses; and right after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import Any

import psutil
import pytest
import redis as redis_py

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, SourceError, Unavailable
from exporter.sources.redis import RedisOptions, RedisServer
from tests.servers import VERSIONS, Redis, require

pytestmark = pytest.mark.live

SECONDS = 0.6
HONOURED = 0.8
SHORT = 0.4


@dataclass
class Log:
    """The lines of a source."""

    lines: list[str] = field(default_factory=list)

    def info(self, text: str, **fields: Any) -> None:
        self.lines.append(text + fields.get("reason", ""))

    warning = info


@dataclass
class Watched:
    """A source that is scraped as the collectors do it, on a server that is broken under it."""

    server: Redis
    source: RedisServer
    log: Log

    async def scrape(self) -> float:
        """One scrape; how long it took.

        Raises:
            SourceError: as it came.
        """
        started = monotonic()
        commands = [("SLOWLOG", "LEN"), ("LATENCY", "LATEST"), ("CONFIG", "GET", "maxmemory")]
        calls = [asyncio.create_task(self.source.info(Deadline.after(SECONDS))) for _ in range(3)]
        fetch = asyncio.create_task(self.source.fetch(commands, Deadline.after(SECONDS)))
        await asyncio.wait([*calls, fetch])
        took = monotonic() - started
        for call in calls:
            call.exception()
        self.took = took
        replies = fetch.result()
        assert not any(isinstance(reply, Refused) for reply in replies)
        assert all(call.result().number("uptime_in_seconds") is not None for call in calls)
        return took

    async def fails(self) -> tuple[SourceError, float]:
        """One scrape that does not succeed: its error, and how long it took."""
        with pytest.raises(SourceError) as caught:
            await self.scrape()
        return caught.value, self.took

    def sockets(self) -> int:
        """Our sockets to the server."""
        connections = psutil.Process().net_connections(kind="tcp")
        return [c.raddr[1:] for c in connections].count((self.server.port,))


@asynccontextmanager
async def watching(server: Redis, **options: Any) -> AsyncIterator[Watched]:
    log = Log()
    source = RedisServer(RedisOptions(**{"url": server.url, **options}), log)
    before = len(asyncio.all_tasks())
    try:
        yield Watched(server, source, log)
    finally:
        await source.close()
        await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) <= before, "a task is left"


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Redis]:
    with require(Redis, request.param) as server:
        yield server


@pytest.fixture
async def watched(server: Redis) -> AsyncIterator[Watched]:
    async with watching(server) as watched:
        await watched.scrape()
        yield watched


async def test_a_frozen_server_costs_the_deadline_once_then_little_and_gathers_nothing(
    watched: Watched,
) -> None:
    watched.server.freeze()
    error, took = await watched.fails()
    assert isinstance(error, Unavailable)
    assert 0.9 * SECONDS < took < HONOURED
    await asyncio.sleep(0.01)
    assert watched.sockets() == 0

    tasks = len(asyncio.all_tasks())
    for _ in range(6):
        error, took = await watched.fails()
        assert isinstance(error, Unavailable)
        assert took < SHORT
        assert len(asyncio.all_tasks()) <= tasks + 1
        assert watched.sockets() <= 1

    watched.server.thaw()
    assert await watched.scrape() < SECONDS
    assert watched.log.lines == [
        "target is up",
        f"target is downredis at 127.0.0.1:{watched.server.port}: not answering",
        "target is up",
    ]


async def test_frozen_in_the_middle_of_an_answer(watched: Watched) -> None:
    scrape = asyncio.create_task(watched.fails())
    sleeper = Thread(target=_sleep, args=(watched.server, 0.2))
    sleeper.start()
    await asyncio.sleep(0.1)
    watched.server.freeze()
    await asyncio.wait({scrape}, timeout=0.01)
    if not scrape.done():
        _, took = await scrape
        assert took < HONOURED
    else:
        scrape.exception()
    watched.server.thaw()
    sleeper.join()
    await asyncio.sleep(0.2)
    assert await watched.scrape() < SECONDS


def _sleep(server: Redis, seconds: float) -> None:
    with suppress(redis_py.RedisError):
        server.execute("DEBUG", "SLEEP", str(seconds))


async def test_killed_while_frozen_and_started_again(watched: Watched) -> None:
    watched.server.freeze()
    await watched.fails()
    watched.server.kill()
    _, took = await watched.fails()
    assert took < HONOURED
    watched.server.start()
    assert await watched.scrape() < HONOURED


async def test_a_dead_server_is_told_at_once_and_is_whole_when_it_is_back(watched: Watched) -> None:
    watched.server.kill()
    for _ in range(4):
        error, took = await watched.fails()
        assert isinstance(error, Unavailable)
        assert "Connection refused" in str(error)
        assert took < HONOURED
    watched.server.start()
    assert await watched.scrape() < HONOURED
    assert len(watched.log.lines) == 3


async def test_a_restart_between_two_scrapes_is_not_noticed(watched: Watched) -> None:
    watched.server.restart()
    assert await watched.scrape() < SHORT
    watched.server.execute("CLIENT", "KILL", "TYPE", "normal")
    assert await watched.scrape() < SHORT
    assert watched.log.lines == ["target is up"]


async def test_a_server_that_is_not_there_yet(server: Redis) -> None:
    server.stop()
    async with watching(server) as watched:
        error, _ = await watched.fails()
        assert isinstance(error, Unavailable)
        server.start()
        assert await watched.scrape() < HONOURED


async def test_while_it_loads_info_still_says_so(watched: Watched) -> None:
    server = watched.server
    with server.client() as client:
        # It listens every 2 MB: every 60 ms, so that a login of several round trips takes no second.
        client.execute_command("DEBUG", "POPULATE", "12000", "key", "8000")
        client.config_set("rdbcompression", "no")
        client.config_set("key-load-delay", "200")
    loader = Thread(target=_reload, args=(server,))
    loader.start()
    try:
        await _until_loading(watched.source)
        (ping,) = await watched.source.fetch([("GET", "key:1")], Deadline.after(SECONDS))
        assert isinstance(ping, Refused)
        assert ping.reason is Reason.UNAVAILABLE
        async with watching(server) as another:
            info = await another.source.info(Deadline.after(SECONDS))
            assert info.number("loading") == 1
    finally:
        with suppress(redis_py.ResponseError):  # 6.2 allows it only afterwards
            server.execute("CONFIG", "SET", "key-load-delay", "0")
        loader.join()
    assert await watched.scrape() < SHORT


async def _until_loading(source: RedisServer) -> None:
    async with asyncio.timeout(10):
        loading: float | None = 0
        while loading != 1:
            with suppress(Unavailable):  # it writes the file first, and listens to nobody
                loading = (await source.info(Deadline.after(SECONDS))).number("loading")


def _reload(server: Redis) -> None:
    with redis_py.Redis.from_url(server.url, socket_timeout=20) as client:
        client.execute_command("DEBUG", "RELOAD")


async def test_a_server_that_is_busy_with_a_script_is_not_up(watched: Watched) -> None:
    server = watched.server
    server.execute("CONFIG", "SET", "lua-time-limit", "20")
    script = Thread(target=_spin, args=(server,))
    script.start()
    await asyncio.sleep(0.2)
    try:
        with pytest.raises(Refused) as caught:
            await watched.source.info(Deadline.after(SECONDS))
        assert caught.value.reason is Reason.UNAVAILABLE
        assert "BUSY" in str(caught.value)
    finally:
        server.execute("SCRIPT", "KILL")
        script.join()
    assert await watched.scrape() < SHORT


def _spin(server: Redis) -> None:
    with suppress(redis_py.RedisError):
        server.execute("EVAL", "while true do end", 0)


@pytest.mark.parametrize("password", [None, "wrong-hunter2"])
async def test_a_login_that_is_missing_or_wrong(password: str | None) -> None:
    with require(Redis, password="right") as server:
        url = f"redis://127.0.0.1:{server.port}"
        async with watching(server, url=url, password=password) as watched:
            error, took = await watched.fails()
            assert isinstance(error, Refused)
            assert error.reason is Reason.PERMISSION
            assert "redis.password" in str(error)
            assert "hunter2" not in str(error) + repr(watched.source.__dict__)
            assert took < SHORT
            server.execute("CONFIG", "SET", "requirepass", "")
            if password is None:
                assert await watched.scrape() < HONOURED


async def test_many_scrapes_of_a_dead_server_leave_no_socket(watched: Watched) -> None:
    watched.server.kill()
    for _ in range(5):
        await watched.fails()
    await asyncio.sleep(0.02)
    assert watched.sockets() == 0


async def test_a_connection_over_its_age_is_replaced(server: Redis) -> None:
    async with watching(server, max_age_seconds=0.1) as watched:
        first = await watched.source.info(Deadline.after(SECONDS))
        await asyncio.sleep(0.15)
        second = await watched.source.info(Deadline.after(SECONDS))
        received = [info.number("total_connections_received") for info in (first, second)]
        assert received[1] == (received[0] or 0) + 1
        assert watched.sockets() == 1
