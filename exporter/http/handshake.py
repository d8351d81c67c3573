"""TLS on an accepted connection: asyncio's, with what it leaves out."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from typing import Any, cast

HANDSHAKE_SECONDS = 10
SHUTDOWN_SECONDS = 1
"""How long a client may take to end TLS properly."""


class _Protocol(sslproto.SSLProtocol):
    """Tells the client why a handshake failed, and reads into less memory."""

    max_size = 32 * 1024
    """asyncio's own is eight times as large, for each connection, and full of zeros in memory."""

    def _on_handshake_complete(self, handshake_exc: BaseException | None) -> None:
        if handshake_exc is not None and self._transport is not None:
            cast("Any", self)._process_outgoing()  # noqa: SLF001  # the alert, which asyncio throws away
        super()._on_handshake_complete(handshake_exc)


async def with_tls(connection: socket.socket, protocol: asyncio.Protocol, context: ssl.SSLContext) -> None:
    """Makes a TLS connection of an accepted one.

    Raises:
        OSError: the client speaks no TLS, shows no certificate, takes too long, or is gone.
    """
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    tls = _Protocol(
        loop,
        protocol,
        context,
        waiter,
        server_side=True,
        ssl_handshake_timeout=HANDSHAKE_SECONDS,
        ssl_shutdown_timeout=SHUTDOWN_SECONDS,
    )
    transport, _ = await loop.connect_accepted_socket(lambda: tls, connection)
    try:
        await waiter
    except BaseException:
        transport.abort()
        raise
