"""A server of our own in the event loop of a test, and certificates for it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.http.door import Door
from exporter.http.guard import Guard
from exporter.http.own import OwnMetrics
from exporter.http.places import Places
from exporter.http.screen import Screen
from exporter.http.server import Server
from exporter.http.web_config import WebConfig

SECRET = "correct horse"
SECRET_HASH = "$2b$04$nBnShhp7L4H1oJ79.Rcm1Ob.wxQCjpX8d6AZLJ3zkb78hL0FnyCqC"


@dataclass(frozen=True)
class Certificates:
    """A CA with a server's certificate and a client's, as files in one folder."""

    ca: trustme.CA
    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Certificates:
        """Writes ca.pem, cert.pem, key.pem, client.pem."""
        certificates = cls(trustme.CA(), folder)
        certificates.ca.cert_pem.write_to_path(folder / "ca.pem")
        certificates.renew()
        client = certificates.ca.issue_cert("prometheus.test", "192.0.2.1", "2001:db8::1")
        client.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
        return certificates

    def renew(self) -> None:
        """Another certificate with another key for the server, one file after the other."""
        cert = self.ca.issue_cert("localhost", "127.0.0.1")
        (self.folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in cert.cert_chain_pems))
        (self.folder / "key.pem").write_bytes(cert.private_key_pem.bytes())

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        """A client's context that trusts the CA."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if certificate:
            context.load_cert_chain(self.folder / "client.pem")
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.made(tmp_path)


@dataclass
class Running:
    """A server while it runs."""

    port: int
    own: OwnMetrics
    places: Places
    config: WebConfig
    server: Server

    def count(self, name: str, **labels: str) -> float:
        """One of its own metrics."""
        return self.own.registry.get_sample_value(name, labels) or 0.0

    async def connect(
        self, sent: bytes = b"", context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which something was sent."""
        name = "localhost" if context is not None else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name
        )
        writer.write(sent)
        return reader, writer

    async def ask(self, sent: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """All that comes back until the server closes."""
        reader, writer = await self.connect(sent, context)
        try:
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()


Serving = Callable[..., AbstractAsyncContextManager[Running]]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI's shape
    """Answers every request."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def serving() -> Serving:
    @asynccontextmanager
    async def serve(
        app: ASGIApp = hello, *, file: Path | None = None, most: int = 100, allowed: tuple[str, ...] = ()
    ) -> AsyncIterator[Running]:
        own = OwnMetrics()
        config, places = WebConfig(file, own), Places(most)
        guard = Guard(app, config, Screen(allowed, "127.0.0.1", "/api/v1"), own, "/api/v1")
        server = Server(guard, Door(config, places, own))
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        running = asyncio.create_task(server.serve([listening]))
        await asyncio.sleep(0)
        assert server.started
        try:
            yield Running(listening.getsockname()[1], own, places, config, server)
        finally:
            server.stop()
            await running
            config.close()

    return serve
