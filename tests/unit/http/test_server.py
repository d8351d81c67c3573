"""Clients that are slow, many or nonsense, on a server whose bounds are short."""

from __future__ import annotations

import asyncio
import re
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from exporter.http import answers, door, protocol
from exporter.http.answers import PartsResponse, Unsent
from exporter.http.places import Places, bounded
from tests.unit.http.conftest import Running, Serving

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
PAGE = b"x" * (8 * 2**20)


async def until(true: object, seconds: float = 5.0) -> None:
    """Waits until a function says so."""
    end = monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert monotonic() < end
        await asyncio.sleep(0.01)


@pytest.fixture
async def quick(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A server that gives up soon, and whose page is larger than what the system takes."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.3)
    unsent = Unsent()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PartsResponse([PAGE], unsent, {})(scope, receive, send)

    async with serving(app) as running:
        yield running


async def unread(port: int) -> socket.socket:
    """A client that asks and does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    client.send(GET + b"\r\n")
    return client


async def test_a_client_that_reads_nothing_is_left(quick: Running) -> None:
    with await unread(quick.port):
        await until(lambda: quick.count("exporter_web_connections_closed_total", reason="slow") == 1)
        await until(lambda: quick.places.taken == 0)


async def test_a_client_that_reads_slowly_gets_all(quick: Running) -> None:
    reader, writer = await quick.connect(LAST)
    size = 0
    while part := await reader.read(2**18):
        size += len(part)
        await asyncio.sleep(0.02)
    writer.close()
    assert size > len(PAGE)


async def test_an_answer_has_an_end(quick: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes a little now and then is no reason to keep the page for ever."""
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.5)
    reader, writer = await quick.connect(GET + b"\r\n")
    size = 0
    with suppress(ConnectionError):
        while part := await reader.read(2**16):
            size += len(part)
            await asyncio.sleep(0.05)
    writer.close()
    assert 0 < size < len(PAGE)


async def test_pages_nobody_takes_are_bounded(serving: Serving) -> None:
    """The bound is three pages: the first two of five lose theirs, and the memory is given back."""
    unsent = Unsent(3 * len(PAGE))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PartsResponse([PAGE], unsent, {})(scope, receive, send)

    async with serving(app) as running:
        clients = [await unread(running.port) for _ in range(5)]
        await until(lambda: running.count("exporter_web_connections_closed_total", reason="slow") == 2)
        assert len(unsent._pages) == 3
        for client in clients:
            client.close()
        await until(lambda: not unsent._pages)
        assert unsent._bytes == 0


async def test_the_end_of_an_answer_waits_for_nobody(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still to be sent after the application is done falls under the same bound."""
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(answers, "PIECE_BYTES", 2**30)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(PAGE)(scope, receive, send)

    async with serving(app) as running:
        with await unread(running.port):
            await until(lambda: running.places.taken == 1)
            await until(lambda: running.places.taken == 0)


async def test_the_second_answer_on_a_connection_waits_for_no_confirmation(serving: Serving) -> None:
    async with serving() as running:
        reader, writer = await running.connect()
        quickest = 1.0
        for _ in range(10):
            started = monotonic()
            writer.write(GET + b"\r\n")
            await reader.readuntil(b"hello")
            quickest = min(quickest, monotonic() - started)
        assert quickest < 0.03
        writer.close()


async def test_half_a_head_is_left(quick: Running) -> None:
    assert await quick.ask(GET) == b""
    assert await quick.ask(b"") == b""
    assert quick.count("exporter_web_connections_closed_total", reason="slow") == 2


async def test_empty_lines_keep_no_connection(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.http.server.KEEP_ALIVE_SECONDS", 1)
    async with serving() as running:
        reader, writer = await running.connect(GET + b"\r\n")
        assert b"hello" in await reader.readuntil(b"hello")
        end = monotonic() + 5
        rest = asyncio.create_task(reader.read())
        while not rest.done():
            assert monotonic() < end
            writer.write(b"\r\n")
            await asyncio.sleep(0.1)
        assert await rest == b""
        writer.close()


async def test_who_says_nothing_makes_room(serving: Serving) -> None:
    async with serving(most=20) as running:
        silent = [await running.connect() for _ in range(50)]
        assert (await running.ask(LAST)).endswith(b"hello")
        assert running.places.taken <= 20
        await until(lambda: running.count("exporter_web_connections_closed_total", reason="full") == 31)
        for _, writer in silent:
            writer.close()


async def test_who_is_answered_keeps_the_place(serving: Serving) -> None:
    """A request under way is not given up for one that comes: where all are, the newcomer is refused."""
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await PlainTextResponse("hello")(scope, receive, send)

    async with serving(app, most=20) as running:
        clients = [await running.connect(LAST) for _ in range(20)]
        await until(lambda: all(not idle for idle, _ in running.places._of.values()))
        reader, writer = await running.connect()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        go_on.set()
        for reader, writer in clients:
            assert (await reader.read()).endswith(b"hello")
            writer.close()


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """Only so many more files can be opened."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = socket.socket()
    number = probe.fileno()
    probe.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (number + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_no_open_files_are_left(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle connection is closed for the one that comes; where there is none, it waits and is answered."""
    monkeypatch.setattr(door, "PAUSE_SECONDS", 0.05)
    async with serving() as running:
        clients = [socket.socket() for _ in range(6)]
        for client in clients:
            client.setblocking(False)
        with few_files(2):
            for client in clients[:5]:
                await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", running.port))
            await until(lambda: running.count("exporter_web_connections_closed_total", reason="full") >= 1)
            await asyncio.get_running_loop().sock_connect(clients[5], ("127.0.0.1", running.port))
            clients[5].send(LAST)
            said = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(clients[5], 4096), 5)
        assert said.startswith(b"HTTP/1.1 200 ")
        for client in clients:
            client.close()

        spare = [socket.socket()]
        spare[0].setblocking(False)
        await until(lambda: running.places.taken == 0)
        with few_files(0):
            await asyncio.get_running_loop().sock_connect(spare[0], ("127.0.0.1", running.port))
            await asyncio.sleep(0.2)
            assert running.places.taken == 0
        spare[0].send(LAST)
        said = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(spare[0], 4096), 5)
        assert said.startswith(b"HTTP/1.1 200 ")
        spare[0].close()


def test_the_bound_of_open_files_is_raised() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert bounded(100_000) == min(hard, 16_384) // 2
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 16_384)
        assert bounded(100) == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_requests_in_a_row_are_answered_in_order(serving: Serving) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(Request(scope).url.path)(scope, receive, send)

    async with serving(app) as running:
        sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % n for n in range(8))
        said = await running.ask(sent + LAST)
        assert re.findall(rb"\r\n\r\n(/\d?)", said) == [b"/%d" % n for n in range(8)] + [b"/"]
        with suppress(ConnectionError):
            assert await running.ask((GET + b"\r\n") * 5000) == b"", "more than it lets wait"


def test_places_go_to_who_has_fewest() -> None:
    """An address that takes all loses its own, the longest idle first; the other keeps what it has."""
    closed: list[str] = []
    places = Places(10)
    one = places.take("192.0.2.1", lambda: closed.append("one"))
    for n in range(20):
        places.take("192.0.2.2", lambda n=n: closed.append(f"two {n}"))  # type: ignore[misc]

    assert places.taken == 10
    assert closed == [f"two {n}" for n in range(11)]
    assert one is not None
    assert one in places._of["192.0.2.1"][0]
