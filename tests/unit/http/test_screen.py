"""What is refused before a route sees it, over a socket as it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.http.conftest import Running, Serving


@pytest.fixture
async def running(serving: Serving) -> AsyncIterator[Running]:
    async with serving(allowed=("exporter.example.org", "*.inside.test")) as running:
        yield running


def get(target: str = "/", *more: str, host: str | None = "localhost") -> bytes:
    """A request."""
    lines = [f"GET {target} HTTP/1.1", *([] if host is None else [f"Host: {host}"]), *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


def post(path: str, *more: str, body: str = "") -> bytes:
    """A request that may change something."""
    return get(path, *more).replace(b"GET", b"POST", 1) + body.encode()


GOOD = [
    get(),
    get("/metrics?collect[]=cpu&collect%5B%5D=a,b;c"),
    get("/probe?target=a/../b%00"),
    get("/a%20b"),
    get(host="127.0.0.1:9188"),
    get(host="[::1]:9188"),
    get(host="LOCALHOST:1"),
    get(host="a.localhost"),
    get(host="Exporter.Example.org"),
    get(host="db1.inside.test."),
    b"GET / HTTP/1.0\r\n\r\n",
    get("/", "Upgrade: h2c", "Connection: upgrade"),
    get("/", "Content-Length: 5") + b"hello",
    get("/", "Content-Length: " + "0" * 40 + "5") + b"hello",
    get("/", *(f"X-{n}: {n}" for n in range(120))),
    post("/-/reload", "Content-Length: 0"),
    post("/-/reload", "Origin: http://localhost", "Sec-Fetch-Site: same-origin"),
    post("/api/v1/explain", "Origin: http://elsewhere.test", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    get("/", "X-Long: " + "x" * 60_000),
]

BAD = [
    (400, get("http://localhost/metrics")),
    (400, get("//localhost/metrics")),
    (400, get("*")),
    (400, get("metrics")),
    (400, get("/a/../metrics")),
    (400, get("/..")),
    (400, get("/%2e%2e/metrics")),
    (400, get("/a/.")),
    (400, get("/metrics%00")),
    (400, get("/metrics%0d%0aX:1")),
    (400, get("/metrics%")),
    (400, get("/metrics%zz")),
    (400, get("/metrics?a=%ff%0")),
    (400, get("/%ff")),
    (400, get("/%c0%ae%c0%ae/")),
    (400, get("/a\\b")),
    (400, get("/a%5cb")),
    (400, get("/metrics#x")),
    (400, get("/\xe4")),
    (400, get("/metr ics")),
    (400, get(host=None)),
    (400, get("/", "Host: localhost")),
    (400, get(host="")),
    (400, get(host="a b")),
    (400, get(host="user@localhost")),
    (400, get(host="localhost:x")),
    (400, get(host="[::1")),
    (400, get(host="[localhost]")),
    (400, get(host="localhost, evil.test")),
    (421, get(host="evil.test")),
    (421, get(host="inside.test")),
    (421, get(host="127.0.0.1.evil.test")),
    (421, get(host="localhost.evil.test")),
    (400, b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
    (501, get().replace(b"GET", b"TRACE", 1)),
    (501, get().replace(b"GET", b"PROPFIND", 1)),
    (400, get("localhost:80").replace(b"GET", b"CONNECT", 1)),
    (400, get().replace(b"GET", b"HELO", 1)),
    (400, get().replace(b"GET", b"get", 1)),
    (400, get("/", "Upgrade: websocket", "Connection: upgrade")),
    (400, get("/", "Upgrade: WebSocket")),
    (400, get("/", "Content-Length: 5", "Content-Length: 5") + b"hello"),
    (400, get("/", "Content-Length: 5", "Content-Length: 6") + b"hello"),
    (400, get("/", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    (400, get("/", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n"),
    (400, get("/", "Content-Length: -1")),
    (400, get("/", "Content-Length: +5") + b"hello"),
    (400, get("/", "Content-Length: 5, 5") + b"hello"),
    (400, get("/", "Content-Length: 0x5") + b"hello"),
    (400, get("/", "Content-Length: 5 5") + b"hello"),
    (400, get("/", "Content-Length:")),
    (400, get("/", "Content-Length: 5\t6") + b"hello"),
    (400, get("/", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    (400, get("/", "Transfer-Encoding: xchunked")),
    (400, get("/", "Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n"),
    (400, get("/", "Transfer-Encoding: chunked") + b"0\n\n"),
    (411, get("/", "Transfer-Encoding: chunked") + b"1;" + b"x" * 1000 + b"\r\na\r\n0\r\n\r\n"),
    (400, get("/", "Content-Length: 99999999999999999999")),
    (400, get("/", "Transfer-Encoding: identity, chunked, gzip")),
    (411, get("/", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    (411, post("/-/reload", "Transfer-Encoding: chunked", body="5\r\nhello\r\n0\r\n\r\n")),
    (413, get("/", "Content-Length: 16385")),
    (413, post("/-/reload", "Content-Length: 1000000000")),
    (413, get("/", "Content-Length: " + "0" * 40 + "16385")),
    (431, get("/", *(f"X-{n}: {n}" for n in range(128)))),
    (403, post("/-/reload", "Sec-Fetch-Site: cross-site")),
    (403, post("/-/reload", "Sec-Fetch-Site: same-site")),
    (403, post("/-/reload", "Origin: http://evil.test")),
    (403, post("/-/reload", "Origin: null")),
    (403, post("/-/reload", "Origin: http://localhost:1")),
    (400, get("/", "Na me: x")),
    (400, get("/", "Name : x")),
    (400, get("/", ": x")),
    (400, get("/", "Name: a\x00b")),
    (400, get("/", " folded: x")),
    (400, get("/", "Name: a\r\n folded")),
    (400, get("/", "Name: a\rb: c")),
    (400, get("/", "Name: a\nTransfer-Encoding: chunked")),
    (400, get("/", "Transfer-Encoding : chunked")),
    (400, get("/", "\x0bTransfer-Encoding: chunked")),
    (400, get("/", "Content-Length\x00: 5")),
    (400, get("/", "Name")),
    (400, b"GET / HTTP/1.1\nHost: localhost\n\n"),
    (505, b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n"),
    (505, b"GET /\r\n\r\n"),
    (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (400, b"\x00\xff\r\n\r\n"),
]


async def test_what_is_right_is_answered(running: Running) -> None:
    wrong = {sent: said for sent in GOOD if b" 200 " not in (said := await running.ask(sent))[:16]}
    assert wrong == {}


async def test_what_is_wrong_is_refused_and_the_connection_closed(running: Running) -> None:
    wrong = {}
    for status, sent in BAD:
        said = await running.ask(sent + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, text = said.partition(b"\r\n\r\n")
        expected = head.startswith(b"HTTP/1.1 %d " % status) and b"connection: close" in head
        if (
            not expected
            or b"nosniff" not in head
            or b"evil" in said
            or b"HTTP/" in text.replace(b"HTTP/1.1", b"", 1)
        ):
            wrong[sent] = said
    assert wrong == {}


async def test_a_body_nobody_reads_ends_the_connection(running: Running) -> None:
    """What follows an answer given before its request was complete is not taken for a request."""
    said = await running.ask(
        b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nGET / HTTP"
    )
    assert said.count(b"HTTP/1.1 200") == 1


async def test_what_follows_an_upgrade_is_not_heard(running: Running) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    assert (await running.ask(sent + sent)).count(b"HTTP/1.1 200") == 1


async def test_names_of_others_are_theirs_unless_listening_to_all(serving: Serving) -> None:
    async with serving() as on_loopback:
        assert b" 421 " in await on_loopback.ask(get(host="exporter.example.org"))
    async with serving(allowed=("*",)) as anywhere:
        assert b" 200 " in await anywhere.ask(get(host="exporter.example.org"))


async def test_refusals_are_counted(running: Running) -> None:
    await running.ask(get(host="evil.test"))
    await running.ask(b"nonsense\r\n\r\n")
    assert running.count("exporter_requests_rejected_total") == 2
