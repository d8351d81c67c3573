"""HTTP/1.1 by uvicorn and httptools, with the bounds that both lack, on size and on time.

Without them anybody who reaches the port could fill the memory with one endless header, or take all places
with connections that say nothing, ask without end or never read.

    handshake of TLS     HANDSHAKE_SECONDS (in `door.py`)
    a request's head     HEAD_SECONDS, HEAD_BYTES
    its answer           ANSWER_SECONDS; STALL_SECONDS for a client that takes nothing of it
    idle                 the server's keep-alive time
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any, cast

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from exporter.http.own import OwnMetrics
from exporter.http.places import Place, Places
from exporter.http.tls import shows_allowed_name

HEAD_BYTES = 256 * 1024
"""Request line and headers together; the query that selects hundreds of collectors takes a tenth."""
HEAD_SECONDS = 10.0
"""From the connection, or from the first byte of a later request, until its headers are complete."""
ANSWER_SECONDS = 150.0
"""From there to the last byte of the answer: more than any scrape may take."""
STALL_SECONDS = 20.0
"""How long a client may take nothing of an answer that waits for it."""
BUFFER_BYTES = 64 * 1024
"""Of an answer, beyond what the system holds, before it waits for the client."""
PIPELINED = 16
"""Requests that may wait for the answer to one before on the same connection."""
_AT_ONCE = struct.pack("ii", 1, 0)
MALFORMED = b"expected a request of HTTP/1.1\n"


class BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a client whose request does not come to its point, or who does not take the answer.

    Args:
        config, state: uvicorn's.
        places: where its place is.
        own: the process's own metrics.
        allowed_names: of which a client's certificate has one; empty for any.

    Attributes:
        place: among the open connections.
        connecting: makes the connection.
        connected: whether that is done.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        places: Places,
        own: OwnMetrics,
        allowed_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._places = places
        self._own = own
        self._allowed_names = allowed_names
        self.place: Place | None = None
        self.connecting: asyncio.Task[None] | None = None
        self._head_bytes = 0
        self._head: asyncio.TimerHandle | None = None
        self._answer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.connected = False
        self._deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock."""
        self.connected = True
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=BUFFER_BYTES)
        if self._allowed_names and not shows_allowed_name(
            transport.get_extra_info("peercert"), self._allowed_names
        ):
            self._own.closed("handshake")
            self.hang_up()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops it."""
        self._end_head()
        self._end_answer()
        self._end_stall()
        self._unset_keepalive_if_required()
        if self.place is not None:
            self._places.leave(self.place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a head; after what is no HTTP it hears nothing more."""
        if self._deaf:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # nobody upgrades: it is answered as HTTP/1.1, and that is all
            self._deaf = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse()
        if self._head is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._give_up()

    def on_message_begin(self) -> None:
        """The first byte of a request: of a connection's second one, too."""
        self._unset_keepalive_if_required()
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there; what the target was to the letter is the screen's business."""
        self._end_head()
        cast("Any", self.scope)["target"] = self.url
        cast("Any", self.scope)["hang_up"] = self._give_up
        super().on_headers_complete()
        if self.place is not None:
            self._places.mark(self.place, busy=True)
        self._end_answer()
        self._answer = self.loop.call_later(ANSWER_SECONDS, self._give_up)
        if len(self.pipeline) > PIPELINED:
            self.hang_up()

    def on_response_complete(self) -> None:
        """The answer has been handed over; the clock runs on while the client has not taken it."""
        super().on_response_complete()
        if not self.cycle.response_complete:  # the next one of the same connection is under way
            return
        if self.cycle.more_body:  # nobody wants the rest of that body
            self._deaf = True
            self.transport.close()
        if self.place is not None:
            self._places.mark(self.place, busy=False)
        if not self.transport.get_write_buffer_size():
            self._end_answer()

    def pause_writing(self) -> None:
        """The client takes nothing."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        """It took something."""
        self._end_stall()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection, at once where the last answer was not taken."""
        if self.transport.get_write_buffer_size():
            self._give_up()
        else:
            super().timeout_keep_alive_handler()

    def hang_up(self) -> None:
        """Closes the connection at once, whatever is under way."""
        if self.connected:
            if self._answer is not None:  # what the system holds of it is let go, too
                connection = self.transport.get_extra_info("socket")
                with suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            cast("Any", self.transport).abort()
        elif self.connecting is not None:
            self.connecting.cancel()

    def _give_up(self) -> None:
        self._own.closed("slow")
        self.hang_up()

    def _refuse(self) -> None:
        """400 for what is no HTTP, unless an answer is under way: the two would be mixed up."""
        self._deaf = True
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.hang_up()
                return
            cycle.disconnected = True  # what it says is not sent any more
            cycle.message_event.set()
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        )
        self._own.rejected.inc()
        self.transport.write(head % len(MALFORMED) + MALFORMED)
        self.transport.close()

    def _expect_head(self) -> None:
        if self._head is None:
            self._head_bytes = 0
            self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _end_answer(self) -> None:
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
