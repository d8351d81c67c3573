"""HTTP/1.1 by uvicorn and httptools, with two bounds that both lack: size and time of a request's head.

Without them anybody who reaches the port could fill the memory with one endless header, or take all places
with connections that say nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 256 * 1024
"""Request line and headers together; the query that selects hundreds of collectors takes a tenth."""
HEAD_SECONDS = 10.0
"""From the connection, or from the first byte of a later request, until its headers are complete."""


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a client whose request does not come to its point."""

    _head_bytes = 0
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops it."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a head."""
        super().data_received(data)
        if self._limit is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._hang_up()

    def on_message_begin(self) -> None:
        """The first byte of a request: of a connection's second one, too."""
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._end_head()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._limit is None:
            self._head_bytes = 0
            self._limit = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _end_head(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _hang_up(self) -> None:
        cast("Any", self.transport).abort()
