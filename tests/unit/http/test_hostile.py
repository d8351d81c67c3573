"""Clients that know how the server is made: what they send costs it little, and others nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import weakref
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from exporter.http import door, handshake, protocol
from exporter.http.answers import PartsResponse, Unsent
from exporter.http.places import Places
from exporter.http.screen import Screen
from tests.unit.http.conftest import Certificates, Running, Serving
from tests.unit.http.test_web_config import TLS, written

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
CHUNKED = b"POST /api/v1/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE = b"x" * 2**20


async def until(true: object, seconds: float = 5.0) -> None:
    """Waits until a function says so."""
    end = monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert monotonic() < end
        await asyncio.sleep(0.01)


def only(running: Running) -> Any:
    """The one connection that is open."""
    (found,) = running.server.server_state.connections
    return found


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    await PartsResponse([PAGE], Unsent(), {})(scope, receive, send)


async def never(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's shape
    """Answers nobody."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def headers_seen(scope: Scope, receive: Receive, send: Send) -> None:
    """Says which headers there are once the body is."""
    while (await receive()).get("more_body"):
        pass
    names = b" ".join(name for name, _ in scope["headers"]).decode()
    await PlainTextResponse(names)(scope, receive, send)


async def test_headers_behind_a_body_are_none(serving: Serving) -> None:
    """A proxy takes `Authorization` from a client's head; it may pass on what stands behind the body."""
    async with serving(headers_seen) as running:
        _, writer = await running.connect()
        writer.close()
        reader, writer = await running.connect(CHUNKED)
        await until(lambda: running.server.server_state.tasks)
        writer.write(b"1\r\nx\r\n0\r\nAuthorization: Bearer x\r\nHost: evil.test\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read(4096) == b"host transfer-encoding"
        writer.close()


@pytest.mark.parametrize("part", [b"a: b\r\n" * 1000, b"x" * 6000], ids=["many", "long"])
async def test_trailers_without_end_are_not_kept(serving: Serving, part: bytes) -> None:
    async with serving(never) as running:
        _, writer = await running.connect(CHUNKED + b"0\r\nX-Long: ")
        await until(lambda: running.server.server_state.connections)
        for _ in range(200):
            writer.write(part)
            await writer.drain()
        connection = only(running)
        await until(lambda: connection._deaf)
        assert len(connection.headers) == 2
        writer.close()


async def test_requests_sent_ahead_are_not_read_beyond_the_bound(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    complete = protocol.BoundedProtocol.on_headers_complete

    def counted(self: Any) -> None:
        nonlocal read
        read += 1
        complete(self)

    monkeypatch.setattr(protocol.BoundedProtocol, "on_headers_complete", counted)
    async with serving() as running:
        with suppress(ConnectionError):
            await running.ask((GET + b"\r\n") * 5000)
        assert read == protocol.PIPELINED + 2
        with suppress(ConnectionError):
            long = GET + b"X-Long: " + b"x" * 30_000 + b"\r\n\r\n"
            assert (await running.ask(long * 3)).count(b"HTTP/1.1 200") == 0, "they count together"


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (431, GET + b"X-Long: " + b"x" * 70_000),
        (431, GET + b"X-Long: " + b"x" * 300_000 + b"\r\n\r\n"),
        (431, b"GET /?" + b"x" * 70_000),
        (431, GET + b"a: b\r\n" * 20_000),
        (413, GET + b"Content-Length: 1000000\r\n\r\n" + b"x" * 300_000),
    ],
)
async def test_what_is_too_long_is_told_so(serving: Serving, status: int, sent: bytes) -> None:
    async with serving() as running:
        said = await asyncio.to_thread(first_bytes, running.port, sent)
        assert said.startswith(b"HTTP/1.1 %d " % status)
        assert running.count("exporter_requests_rejected_total") == 1


def first_bytes(port: int, sent: bytes) -> bytes:
    """What comes back first; the connection may be reset right after."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        with suppress(ConnectionError):
            client.sendall(sent)
        return client.recv(4096)


async def test_who_takes_each_answer_may_stay(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of one answer does not run on in the next."""
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.3)
    async with serving(page) as running:
        reader, writer = await running.connect()
        for _ in range(10):
            writer.write(GET + b"\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(PAGE))
            await asyncio.sleep(0.05)
        writer.close()


async def narrow(running: Running, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection on which the system holds little, in either direction; nothing is read yet."""

    def connect() -> ssl.SSLSocket:
        client = socket.socket()
        client.settimeout(5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", running.port))
        return context.wrap_socket(client, server_hostname="localhost")

    client = await asyncio.to_thread(connect)
    await until(lambda: running.server.server_state.connections)
    served = only(running).transport.get_extra_info("socket")
    served.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return client


async def test_the_end_of_an_answer_over_tls_may_take_its_time(
    serving: Serving, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for saying goodbye begins when all was taken."""
    monkeypatch.setattr(handshake, "SHUTDOWN_SECONDS", 0.1)
    async with serving(page, file=written(certificates.folder, TLS)) as running:
        client = await narrow(running, certificates.client())
        transport = only(running).transport
        client.sendall(LAST)
        size = 0
        while part := await asyncio.to_thread(client.recv, 2**14):
            size += len(part)
            if size < len(PAGE) and transport.is_closing() and size % 5 == 0:
                await asyncio.sleep(0.2)  # more than the time for a goodbye
        assert size > len(PAGE)
        client.close()


async def test_the_end_of_an_answer_over_tls_waits_for_nobody(
    serving: Serving, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(protocol, "BUFFER_BYTES", 2**30)
    async with serving(page, file=written(certificates.folder, TLS)) as running:
        for sent in (LAST, GET + b"\r\n"):
            with await narrow(running, certificates.client()) as client:
                client.sendall(sent)
                await until(lambda: running.places.taken == 0)
        assert running.count("exporter_web_connections_closed_total", reason="slow") == 2


async def test_what_comes_while_nobody_listens_stays_outside(
    serving: Serving, certificates: Certificates
) -> None:
    """Of requests sent ahead over TLS, too, only some bytes are held while the first is answered."""
    end = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await end.wait()
        await PlainTextResponse()(scope, receive, send)

    async with serving(app, file=written(certificates.folder, TLS)) as running:
        _, writer = await running.connect((GET + b"\r\n") * 2 + GET, certificates.client())
        await until(lambda: running.places.taken and running.server.server_state.connections)
        connection = only(running)
        await until(lambda: connection.flow.read_paused)
        writer.write(b"X-Long: " + b"x" * 2**21)
        sslproto = connection.transport._ssl_protocol
        await until(lambda: sslproto._ssl_reading_paused)
        assert sslproto._get_read_buffer_size() <= 2 * handshake._Protocol.max_size
        end.set()
        writer.transport.abort()


async def test_a_connection_that_was_just_lost_can_be_given_up(
    serving: Serving, certificates: Certificates
) -> None:
    """TLS tells its application a moment later; in between another one's arrival may take the place."""
    async with serving(never, file=written(certificates.folder, TLS)) as running:
        _, writer = await running.connect(GET + b"\r\n", certificates.client())
        await until(lambda: running.server.server_state.tasks)
        connection = only(running)
        connection.transport._ssl_protocol.connection_lost(None)
        connection.hang_up()
        await until(lambda: running.places.taken == 0)
        writer.transport.abort()


async def test_a_handshake_given_up_before_it_began_is_no_error(
    serving: Serving, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    async with serving(file=written(certificates.folder, TLS), most=16) as running:
        for _ in range(8):
            clients = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(64)]
            for client in clients:
                client.sendall(b"\x16\x03\x01\x00\x05nonsense")
            await asyncio.sleep(0.02)
            for client in clients:
                client.close()
        await until(lambda: running.places.taken == 0)
        assert b"hello" in await running.ask(LAST, certificates.client())
    assert errors == []
    assert "Traceback" not in "".join(capsys.readouterr())


async def test_connections_that_are_gone_hold_no_memory(
    serving: Serving, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handshake's state has a hundred kilobytes: it goes with the connection, not when garbage does."""
    made: weakref.WeakSet[Any] = weakref.WeakSet()
    start = handshake._Protocol.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        start(self, *args, **kwargs)
        made.add(self)

    monkeypatch.setattr(handshake._Protocol, "__init__", noted)
    async with serving(file=written(certificates.folder, TLS), most=16) as running:
        context = certificates.client()
        gc.disable()
        try:
            for sent in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x00\x05nonsense", LAST):
                clients = [await running.connect(sent) for _ in range(24)]
                await until(lambda: running.places.taken <= 16)
                for _, writer in clients:
                    writer.close()
                assert b"hello" in await running.ask(LAST, context)
            await until(lambda: running.places.taken == 0)
            await until(lambda: not made)
        finally:
            gc.enable()


async def test_a_crowd_takes_its_places_in_turns(serving: Serving) -> None:
    """Who has been let in gets to say something before newcomers take the place again."""
    async with serving(most=32) as running:
        clients = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(32)]
        turns = 0
        while running.places.taken < 32:
            before = running.places.taken
            await asyncio.sleep(0)
            assert running.places.taken <= before + 2
            turns += 1
        assert turns >= door.ROUNDS
        for client in clients:
            client.close()


def test_hundreds_of_addresses_end_no_scrape_of_another() -> None:
    """One connection from each: an idle one goes before the request that is under way the longest."""
    closed: list[str] = []
    places = Places(10)
    scrape = places.take("192.0.2.1", lambda: closed.append("scrape"))
    assert scrape is not None
    places.mark(scrape, busy=True)
    for n in range(40):
        places.take(f"2001:db8:0:{n:04x}", lambda n=n: closed.append(f"{n}"))  # type: ignore[misc]
    assert closed == [f"{n}" for n in range(31)]

    for _ in range(3):
        more = places.take("192.0.2.1", lambda: closed.append("scrape"))
        assert more is not None
        places.mark(more, busy=True)
    for n in range(40, 50):
        places.take(f"2001:db8:0:{n:04x}", lambda: closed.append("other"))
    assert "scrape" not in closed, "a few at a time weigh less than an idle one"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST", "127.0.0.53"]
)
def test_who_listens_on_loopback_has_names_checked(host: str) -> None:
    assert Screen((), host)._checked_host(b"evil.test") is not None


@pytest.mark.parametrize("host", ["", "::", "0.0.0.0", "192.0.2.1", "2001:db8::1", "name.invalid"])
def test_who_listens_elsewhere_has_not(host: str) -> None:
    assert Screen((), host)._checked_host(b"evil.test") is None


def test_a_name_of_this_machine_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian has the machine's own name at 127.0.1.1."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", ("127.0.1.1", 0))])
    assert Screen((), "this-machine")._checked_host(b"evil.test") is not None


async def test_no_header_says_who_a_client_is(serving: Serving) -> None:
    """Whose places and tries are counted is the address of the connection, from this machine, too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(f"{scope['client'][0]} {scope['scheme']}")(scope, receive, send)

    async with serving(app) as running:
        forged = b"X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\nForwarded: for=192.0.2.66\r\n"
        assert (await running.ask(GET + forged + b"Connection: close\r\n\r\n")).endswith(
            b"\r\n127.0.0.1 http"
        )


async def test_a_connection_with_several_requests_is_lost(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await go_on.wait()
        await PlainTextResponse("hello")(scope, receive, send)

    async with serving(app) as running:
        _, writer = await running.connect((GET + b"\r\n") * 3)
        await until(lambda: running.server.server_state.tasks)
        writer.transport.abort()
        await until(lambda: running.places.taken == 0)
        go_on.set()
        await until(lambda: not running.server.server_state.tasks)
    assert "Exception" not in caplog.text
