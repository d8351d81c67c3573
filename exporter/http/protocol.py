"""HTTP/1.1 by uvicorn and httptools, with the bounds that both lack, on size and on time.

Without them anybody who reaches the port could fill the memory with one endless header, or take all places
with connections that say nothing, ask without end or never read.

    handshake of TLS     HANDSHAKE_SECONDS (in `handshake.py`)
    a request's head     HEAD_SECONDS, HEAD_BYTES, HEADERS
    its body             BODY_BYTES; the rest is nobody's
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

HEAD_BYTES = 64 * 1024
"""Request line and headers together, of all requests on a connection that wait for their answers. The query
that selects hundreds of collectors takes a third."""
HEADERS = 128
"""Of one request: each costs much more memory than its bytes on the wire."""
BODY_BYTES = 64 * 1024
"""Of a body with its framing that are listened to: more than anything here takes."""
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
MALFORMED = (b"400 Bad Request", b"expected a request of HTTP/1.1\n")
TOO_LARGE = (
    b"431 Request Header Fields Too Large",
    b"expected a head of %d bytes and %d headers at most\n" % (HEAD_BYTES, HEADERS),
)


class _TooLargeError(Exception):
    """A request has too many headers, or too many requests were sent ahead."""


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
        self._bytes = 0
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
        self.leave()
        super().connection_lost(exc)
        self.cycle = self.scope = None  # type: ignore[assignment]

    def leave(self) -> None:
        """Gives the place back, and lets go of what holds this: its memory need not wait to be collected."""
        if self.place is not None:
            self._places.leave(self.place)
            self.place = None
        self.parser = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a head; after what is no HTTP it hears nothing more."""
        if self._deaf:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # nobody upgrades: it is answered as HTTP/1.1, and that is all
            self._deaf = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            self._refuse(*(TOO_LARGE if isinstance(error.__context__, _TooLargeError) else MALFORMED))
        self._bytes += len(data)
        if self._deaf:
            return
        if self._bytes > HEAD_BYTES and (self._head is not None or self.pipeline):
            self._refuse(*TOO_LARGE)
        elif self._bytes > HEAD_BYTES + BODY_BYTES and self.cycle.more_body:
            self._deaf = True

    def on_message_begin(self) -> None:
        """The first byte of a request: of a connection's second one, too."""
        self._unset_keepalive_if_required()
        if not self._is_answering:
            self._bytes = 0
        self._expect_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. What comes behind a body is none: a proxy may not have looked at it.

        Raises:
            _TooLargeError: there are too many.
        """
        if self._head is None:
            return
        if len(self.headers) >= HEADERS:
            raise _TooLargeError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there; what the target was to the letter is the screen's business.

        Raises:
            _TooLargeError: too many requests wait already.
        """
        self._end_head()
        cast("Any", self.scope)["target"] = self.url
        cast("Any", self.scope)["hang_up"] = self._give_up
        waits = self._is_answering
        super().on_headers_complete()
        if self.place is not None:
            self._places.mark(self.place, busy=True)
        if not waits:
            self._expect_answer()
        elif len(self.pipeline) > PIPELINED:
            raise _TooLargeError

    @property
    def _is_answering(self) -> bool:
        """Whether the answer to an earlier request is not complete."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def on_response_complete(self) -> None:
        """The answer has been handed over; the clock runs on while the client has not taken it."""
        super().on_response_complete()
        parser: Any = self.parser
        if parser is None:  # the connection was lost while one of several requests was answered
            return
        if self._is_answering:  # the next one of the same connection
            self._expect_answer()
            return
        if self.cycle.more_body:  # nobody wants the rest of that body
            self._deaf = True
            self.transport.close()
        if self.place is not None:
            self._places.mark(self.place, busy=False)
        if not self._untaken:
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
        if self._untaken:
            self._give_up()
        else:
            super().timeout_keep_alive_handler()

    def hang_up(self) -> None:
        """Closes the connection at once, whatever is under way."""
        if self.connected:
            if self._answer is not None:  # what the system holds of it is let go, too
                connection = self.transport.get_extra_info("socket")
                with suppress(OSError, AttributeError):  # TLS gives none any more where it is lost already
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            cast("Any", self.transport).abort()
        elif self.connecting is not None:
            self.connecting.cancel()

    def _give_up(self) -> None:
        self._own.closed("slow")
        self.hang_up()

    @property
    def _untaken(self) -> int:
        """Bytes of answers that wait for the client: TLS has some behind its own transport."""
        behind = self.transport.get_extra_info("untaken")
        return self.transport.get_write_buffer_size() + (behind() if behind is not None else 0)

    def _refuse(self, status: bytes, text: bytes) -> None:
        """Answers what is no HTTP, unless an answer is under way: the two would be mixed up."""
        self._deaf = True
        if self._is_answering:
            if self.cycle.response_started or self.pipeline:
                self.hang_up()
                return
            self.cycle.disconnected = True  # what it says is not sent any more
            self.cycle.message_event.set()
        head = (
            b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        )
        self._own.rejected.inc()
        self.transport.write(head % (status, len(text)) + text)
        self.transport.close()

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _expect_answer(self) -> None:
        self._end_answer()
        self._answer = self.loop.call_later(ANSWER_SECONDS, self._give_up)

    def _end_answer(self) -> None:
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
