"""Sends pages piece by piece, and bounds what all that are on their way may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.expose.text import CONTENT_TYPE

PIECE_BYTES = 64 * 1024
"""Handed over at a time: more waits until the client takes it."""
UNSENT_BYTES = 128 * 2**20
"""Of all pages that clients have not taken yet. Beyond, who has been at it longest loses his."""


class Unsent:
    """The pages on their way, the oldest first."""

    def __init__(self, most: int = UNSENT_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._pages: dict[PartsResponse, Callable[[], None]] = {}

    def begin(self, page: PartsResponse, hang_up: Callable[[], None]) -> None:
        """A page is there; hangs up on older ones where it would be too much."""
        self._pages[page] = hang_up
        self._bytes += page.size
        while self._bytes > self._most and (oldest := next(iter(self._pages))) is not page:
            hang_up = self._pages[oldest]
            self.end(oldest)
            hang_up()

    def end(self, page: PartsResponse) -> None:
        """It was handed over, or given up; the second time changes nothing."""
        if self._pages.pop(page, None) is not None:
            self._bytes -= page.size


class PartsResponse(Response):
    """A metrics page.

    Args:
        parts: the page.
        unsent: counts what is on its way.
        headers: beside its type and its length.
    """

    def __init__(self, parts: Sequence[bytes], unsent: Unsent, headers: Mapping[str, str]) -> None:
        self.size = sum(map(len, parts))
        self._parts = parts
        self._unsent = unsent
        super().__init__(None, 200, {**headers, "content-length": str(self.size)}, CONTENT_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's shape
        """Sends it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self.size <= PIECE_BYTES:
            await send({"type": "http.response.body", "body": b"".join(self._parts)})
            return
        self._unsent.begin(self, scope["hang_up"])
        try:
            for part in self._parts:
                whole = memoryview(part)
                for at in range(0, len(part), PIECE_BYTES):
                    piece = whole[at : at + PIECE_BYTES]
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._unsent.end(self)
