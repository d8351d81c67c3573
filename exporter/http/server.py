"""The server: uvicorn without its signals, its ticking and its way to accept connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from exporter.http.door import BACKLOG, Door
from exporter.model.errors import SettingsError
from exporter.settings.sections import Web

GRACE_SECONDS = 2
"""How long requests under way may take when the process is told to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays: longer than the usual interval of scrapes, so that Prometheus need not
connect anew for each."""


class Server(uvicorn.Server):
    """A server that leaves the signals to the daemon, which has more to end than requests.

    And that sleeps while there is nothing to do: uvicorn's own looks ten times a second whether it should
    stop, which costs more CPU than the scrapes of a quarter of a minute.

    Args:
        app: what answers.
        door: what lets clients in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        config = uvicorn.Config(
            cast("Any", app),
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        super().__init__(config)
        self._door = door
        self._stop = asyncio.Event()

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Opens the door."""
        self.servers = [cast("Any", self._door)]
        for listening in sockets or ():
            self._door.open(listening, self.config, self.server_state)
        self.started = True

    def stop(self) -> None:
        """Ends `serve` after the requests under way."""
        self.should_exit = True
        self._stop.set()

    async def main_loop(self) -> None:
        """Waits for the end."""
        await self._stop.wait()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


def listen(web: Web) -> socket.socket:
    """The bound socket of `web.listen_address`.

    Raises:
        SettingsError: it can't be had, with the reason.
    """
    host, port = web.bind
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        text = f"web.listen_address: can't listen on {web.listen_address}: {error.strerror or error}"
        raise SettingsError([text]) from None


def url_of(listening: socket.socket, scheme: str) -> str:
    """The URL of a bound socket, as one types it on this machine."""
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"{scheme}://{host}:{port}"
