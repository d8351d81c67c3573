"""Real servers behind a proxy that spoils their bytes, and clients that talk nonsense to the daemon."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from exporter.collectors import discover
from exporter.demo.process import LOOPBACK
from exporter.model.collector import CollectorSpec
from exporter.model.deadline import Deadline
from exporter.model.errors import ExporterError, Partial
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from exporter.sources.redis import RedisOptions, RedisServer
from tests.fuzz.mutate import spoilt
from tests.fuzz.runner import Target, Try
from tests.servers import DEFAULT_MAJOR, DEFAULT_VERSION, Exporter, Postgres, Redis, require

SECONDS = 0.4
"""Of a scrape; most cases take all of it, since what is spoilt has no end."""
LATE_SECONDS = 2.0
"""How much later than that it may end on a busy machine."""


class Proxy:
    """Hands bytes on in both directions; some of what the server says is spoilt.

    Attributes:
        rng: decides what becomes of each piece; a new one for each case.
        share: of the pieces that are spoilt.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.rng = random.Random(0)
        self.share = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """The port that it listens on."""
        self._listening = await asyncio.start_server(self._accepted, LOOPBACK, 0)
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Closes all."""
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server_port)
            ways = [
                asyncio.ensure_future(self._hand_on(reader, to_server, honest=True)),
                asyncio.ensure_future(self._hand_on(from_server, writer, honest=False)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                for end in (to_server, writer):
                    end.close()

    async def _hand_on(self, reader: StreamReader, writer: StreamWriter, *, honest: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                if not honest and self.rng.random() < self.share:
                    piece = spoilt(self.rng, [piece])
                writer.write(piece)
                await writer.drain()


async def _scrape(specs: Sequence[CollectorSpec], source: Any) -> ExporterError | None:
    """The collectors side by side, as the engine runs them; the last error that is one of ours."""

    async def one(spec: CollectorSpec) -> None:
        with suppress(Partial):
            await spec.build(source)(Deadline.after(SECONDS))

    started = monotonic()
    ends = await asyncio.gather(*map(one, specs), return_exceptions=True)
    took = monotonic() - started
    if took > SECONDS + LATE_SECONDS:
        raise AssertionError(f"a scrape of {SECONDS} s took {took:.1f} s")
    refused: ExporterError | None = None
    for end in ends:
        if isinstance(end, ExporterError):
            refused = end
        elif end is not None:
            raise end
    return refused


@contextmanager
def _behind(port: int, source_name: str, made: Callable[[int], Any]) -> Iterator[Try]:
    """A new source for each case, behind the proxy."""
    specs = [n.spec for n in discover().values() if n.spec.source == source_name and n.spec.default]
    with asyncio.Runner() as runner:
        proxy = Proxy(port)
        proxied = runner.run(proxy.start())

        async def scraped(case: bytes) -> ExporterError | None:
            proxy.rng = random.Random(case)
            proxy.share = proxy.rng.choice((0.05, 0.2, 0.8))
            source = made(proxied)
            try:
                return await _scrape(proxy.rng.sample(specs, min(6, len(specs))), source)
            finally:
                await source.close()

        def attempt(case: bytes) -> None:
            refused = runner.run(scraped(case))
            if refused is not None:
                raise refused

        yield attempt
        runner.run(proxy.stop())


@contextmanager
def _postgres() -> Iterator[Try]:
    with require(Postgres, DEFAULT_MAJOR) as server:

        def made(port: int) -> PostgresServer:
            dsn = server.dsn().replace(f":{server.port}/", f":{port}/")
            return PostgresServer(PostgresOptions(dsn=f"{dsn}?sslmode=disable"))

        with _behind(server.port, "postgres", made) as attempt:
            yield attempt


@contextmanager
def _redis() -> Iterator[Try]:
    with require(Redis, DEFAULT_VERSION) as server:

        def made(port: int) -> RedisServer:
            return RedisServer(RedisOptions(url=server.url.replace(f":{server.port}", f":{port}")))

        with _behind(server.port, "redis", made) as attempt:
            yield attempt


REQUESTS = (
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
    b"GET /metrics?collect[]=redis&exclude[]=redis_info HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n",
    b"GET /probe?target=default HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD /-/healthy HTTP/1.1\r\nHost: [::1]:9188\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET http://localhost/-/ready HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YTpi\r\n\r\n",
    b"GET /api/v1/summary HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a.b.c\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
)
ALIVE_EVERY = 25
"""Cases between two honest requests that must be answered."""


@contextmanager
def _daemon() -> Iterator[Try]:
    """The daemon, without a target but the host; it must answer an honest client all the time."""
    with require(Exporter) as exporter:
        count = 0

        def attempt(case: bytes) -> None:
            nonlocal count
            count += 1
            _said(exporter.port, case)
            if count % ALIVE_EVERY == 0:
                answer = exporter.get("/-/healthy")
                if answer.status != 200:
                    raise AssertionError(f"after this /-/healthy gives {answer.status}")

        yield attempt
        if exporter.get("/metrics").status != 200:
            raise AssertionError("at the end /metrics does not answer")


def _said(port: int, case: bytes) -> None:
    """Sends the case, and reads what comes for a moment: any answer is an answer, but none of 5xx."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=5) as client:
        client.sendall(case)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(2)
        answer = client.recv(200)
        if answer[9:10] == b"5" and answer[9:12] not in (b"501", b"505"):  # no such method, no such version
            raise AssertionError(f"answered {answer[:40]!r}")


def _nothing() -> list[bytes]:
    """Cases of the proxy are seeds: what is spoilt are the bytes on their way."""
    return [os.fsencode(str(number)) for number in range(50)]


TARGETS = (
    Target("PostgreSQL: bytes of the server", _nothing, _postgres, enough=4),
    Target("Redis: bytes of the server", _nothing, _redis, enough=4),
    Target("HTTP: requests", lambda: list(REQUESTS), _daemon),
)
