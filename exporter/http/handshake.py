"""TLS on an accepted connection: asyncio's, with what it leaves out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from functools import partial
from typing import Any, cast

HANDSHAKE_SECONDS = 10
SHUTDOWN_SECONDS = 1
"""How long a client may take to end TLS properly."""


class _Protocol(sslproto.SSLProtocol):
    """Tells the client why a handshake failed, reads into less memory, and lets answers be taken.

    `untaken`, of the transport's extra information, counts the bytes that wait for the client behind TLS.
    """

    max_size = 32 * 1024
    """asyncio's own is eight times as large, for each connection, and full of zeros in memory."""

    def connection_made(self, transport: Any) -> None:
        cast("Any", self)._set_read_buffer_limits(high=self.max_size)  # noqa: SLF001  # eight times as much
        self._extra["untaken"] = transport.get_write_buffer_size
        super().connection_made(transport)

    def _check_shutdown_timeout(self) -> None:
        """The time is for a goodbye; while the client takes what is left of an answer, there is more."""
        transport: Any = self._transport
        if transport is None or not transport.get_write_buffer_size():
            cast("Any", super())._check_shutdown_timeout()  # noqa: SLF001  # private there, and the only way
            return
        self._shutdown_timeout_handle = self._loop.call_later(SHUTDOWN_SECONDS, self._check_shutdown_timeout)

    def _on_handshake_complete(self, handshake_exc: BaseException | None) -> None:
        if handshake_exc is not None and self._transport is not None:
            cast("Any", self)._process_outgoing()  # noqa: SLF001  # the alert, which asyncio throws away
        super()._on_handshake_complete(handshake_exc)

    def _wakeup_waiter(self, exc: BaseException | None = None) -> None:
        """Without a traceback: its frames hold all of the connection until garbage is collected."""
        if exc is not None:
            exc.__traceback__ = None
        cast("Any", super())._wakeup_waiter(exc)  # noqa: SLF001  # private there, and the only way


async def with_tls(connection: socket.socket, protocol: asyncio.Protocol, context: ssl.SSLContext) -> None:
    """Makes a TLS connection of an accepted one.

    Raises:
        OSError: the client speaks no TLS, shows no certificate, takes too long, or is gone.
    """
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    made = partial(
        _Protocol,
        loop,
        protocol,
        context,
        waiter,
        server_side=True,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
        ssl_shutdown_timeout=SHUTDOWN_SECONDS,
    )
    transport = (await loop.connect_accepted_socket(made, connection))[0]
    try:
        await waiter
    except BaseException:
        transport.abort()
        raise
    finally:
        del made, waiter  # a failure's traceback has this frame, and the waiter has the failure
