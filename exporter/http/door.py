"""Accepts connections: each gets a place and, where the web file says so, TLS as the file is now.

It stands in for asyncio's own server, which keeps the first TLS context for ever, knows no bound, and stops
accepting for a second whenever the open files run out.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from time import monotonic

from uvicorn import Config
from uvicorn.server import ServerState

from exporter.http.handshake import with_tls
from exporter.http.own import OwnMetrics
from exporter.http.places import Places, address_of
from exporter.http.protocol import BoundedProtocol
from exporter.http.web_config import InForce, WebConfig
from exporter.log import get_logger

log = get_logger("exporter.http")

BACKLOG = 1024
"""Connections that wait in the system to be accepted."""
ROUNDS = 16
"""Turns of the event loop until a crowd has taken all places: who has come says in fewer what he wants."""
PAUSE_SECONDS = 0.1
"""Before the next try, where there are no open files to be had."""
LOG_SECONDS = 60.0


class Door:
    """Lets clients in, on one listening socket.

    Args:
        config: the web file in force.
        places: for open connections.
        own: the process's own metrics.
    """

    def __init__(self, config: WebConfig, places: Places, own: OwnMetrics) -> None:
        self._config = config
        self._places = places
        self._own = own
        self._connecting: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._logged_at = -LOG_SECONDS
        own.count_connections(lambda: places.taken)

    def open(self, listening: socket.socket, uvicorn: Config, state: ServerState) -> None:
        """Begins to accept."""
        self._listening = listening
        self._uvicorn = uvicorn
        self._state = state
        self._loop = asyncio.get_running_loop()
        listening.setblocking(False)
        self._loop.add_reader(listening.fileno(), self._accept)

    def close(self) -> None:
        """Accepts nobody any more, and lets nobody finish a handshake; who is in stays."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening.fileno())
        for task in self._connecting:
            task.cancel()

    async def wait_closed(self) -> None:
        """Waits until those handshakes have ended."""
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(max(1, self._places.most // ROUNDS)):
            try:
                connection, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._out_of_files(error)
                return
            self._admit(connection, address)

    def _admit(self, connection: socket.socket, address: tuple[str, int]) -> None:
        connection.setblocking(False)
        # asyncio does that only for sockets that say they are TCP's, which accepted ones don't: the body of
        # an answer would wait 40 ms for the client to confirm its head.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        in_force = self._config.now
        names = in_force.tls.client_allowed_sans if in_force.tls is not None else ()
        protocol = BoundedProtocol(self._uvicorn, self._state, self._places, self._own, names)
        taken = self._places.taken
        place = protocol.place = self._places.take(address_of(address), protocol.hang_up)
        if place is None or self._places.taken == taken:
            self._own.closed("full")
        if place is None:
            connection.close()
            return
        task = protocol.connecting = self._loop.create_task(self._connect(connection, protocol, in_force))
        self._connecting.add(task)
        task.add_done_callback(partial(self._connected, connection, protocol))

    async def _connect(self, connection: socket.socket, protocol: BoundedProtocol, in_force: InForce) -> None:
        if in_force.context is None:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
            return
        try:
            await with_tls(connection, protocol, in_force.context)
        except OSError:
            self._own.closed("handshake")

    def _connected(
        self, connection: socket.socket, protocol: BoundedProtocol, task: asyncio.Task[None]
    ) -> None:
        self._connecting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("can't make a connection", exc_info=error)
        protocol.connecting = None
        if not protocol.connected:
            connection.close()
            protocol.leave()

    def _out_of_files(self, error: OSError) -> None:
        """Somebody idle has to go; where there is nobody, the listening socket would wake us for nothing."""
        now = monotonic()
        if now >= self._logged_at + LOG_SECONDS:
            self._logged_at = now
            log.error("can't accept a connection", error=error.strerror, connections=self._places.taken)
        if self._places.free_one():
            self._own.closed("full")
            return
        self._loop.remove_reader(self._listening.fileno())
        self._pause = self._loop.call_later(PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening.fileno(), self._accept)
