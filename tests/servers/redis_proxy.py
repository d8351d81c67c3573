"""A proxy on loopback in front of a Redis server, that spoils replies on their way."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from threading import Thread
from typing import Self

from exporter.demo.process import LOOPBACK
from tests.servers.redis import Redis

Words = tuple[str, ...]
Spoil = Callable[[Words, bytes], AsyncIterator[bytes]]
"""Gets a command and the server's reply to it; yields what the client gets. `Cut` ends the connection."""


class Cut(Exception):
    """The proxy closes the connection now."""


async def honest(_: Words, reply: bytes) -> AsyncIterator[bytes]:
    """The reply as it is."""
    yield reply


class RedisProxy:
    """Hands commands to the server one by one, and its replies to `spoil`. A context manager.

    Attributes:
        welcome: whether connections are taken; they are closed at once while it is off.
    """

    def __init__(self, server: Redis) -> None:
        self.server = server
        self._spoil: Spoil = honest
        self._changed = asyncio.Event()
        self.welcome = True
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="redis-proxy")
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address, as `Redis.url` gives that of the server."""
        return f"redis://{LOOPBACK}:{self.port}"

    @property
    def spoil(self) -> Spoil:
        """What becomes of replies, also on connections that are open."""
        return self._spoil

    @spoil.setter
    def spoil(self, spoil: Spoil) -> None:
        self._spoil = spoil
        before, self._changed = self._changed, asyncio.Event()
        self._loop.call_soon_threadsafe(before.set)

    async def change(self) -> None:
        """Waits until `spoil` is another."""
        await self._changed.wait()

    def __enter__(self) -> Self:
        listening = self._loop.run_until_complete(asyncio.start_server(self._serve, LOOPBACK, 0))
        self.port = listening.sockets[0].getsockname()[1]
        self._listening = listening
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_forever()

    async def _end(self) -> None:
        self._listening.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        client = asyncio.create_task(self._relay(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)
        with suppress(asyncio.CancelledError):
            await asyncio.wait({client})

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One client and its connection to the server; when one of them goes, so does the other."""
        if not self.welcome:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self.server.port)
        try:
            with suppress(Cut, OSError, asyncio.IncompleteReadError):
                while True:
                    request = await read_one(reader)
                    server_writer.write(request)
                    async for part in self.spoil(words(request), await read_one(server_reader)):
                        writer.write(part)
                        await writer.drain()
        finally:
            writer.transport.abort()
            server_writer.transport.abort()


async def read_one(reader: StreamReader) -> bytes:
    """The bytes of one request or reply of the protocol (RESP2)."""
    line = await reader.readuntil(b"\r\n")
    kind, size = line[:1], line[1:-2]
    if kind == b"$" and int(size) >= 0:
        return line + await reader.readexactly(int(size) + 2)
    if kind == b"*":
        return line + b"".join([await read_one(reader) for _ in range(int(size))])
    return line


def words(request: bytes) -> Words:
    """The words of a request, which is a list of strings; its name in capitals."""
    name, *arguments = request.decode().split("\r\n")[2:-1:2]
    return (name.upper(), *arguments)
