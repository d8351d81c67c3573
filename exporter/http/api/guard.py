"""What every request of the API goes through: bounds, admission, the audit log, headers, the last catch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.http.api.access import PATH_CHARACTERS, Access, Call, Refusal
from exporter.http.api.problems import ApiError, unforeseen
from exporter.log import get_logger

log = get_logger("exporter.http.api")

BODY_BYTES = 16 * 1024
BODY_SECONDS = 5.0
"""How long a body may take to come."""
URL_BYTES = 8 * 1024
PARALLEL = 32
"""Requests at a time. The server's bound is far higher: scrapes always find a place."""
REQUEST_SECONDS = 60.0
"""From a request's admission to the last byte of its answer, however slowly somebody reads."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """The way to the API.

    Args:
        app: the API.
        access: the rules that are in force.
    """

    def __init__(self, app: ASGIApp, access: Callable[[], Access]) -> None:
        self._app = app
        self._access = access
        self._places = PARALLEL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        # The API's paths are whole ones, wherever it is mounted; GET and HEAD are one route.
        asked = scope["method"]
        state = {"access": self._access(), "method": asked}
        method = "GET" if asked == "HEAD" else asked
        scope = {**scope, "root_path": "", "method": method, "state": state}
        answer = _Answer(send, head=asked == "HEAD")
        if self._places == 0:
            busy = ApiError(503, "too many requests at a time", {"Retry-After": "1"})
            await busy.response()(scope, receive, answer)
            return
        self._places -= 1
        try:
            await self._answered(scope, receive, answer)
        finally:
            self._places += 1

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Answers, whatever happens: what was not foreseen is a problem 500, and a line in the log.

        An answer that has begun and can't be ended is broken off, so that nobody takes it for complete.
        """
        path = scope["path"][:PATH_CHARACTERS]
        failed = unforeseen()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._admitted(Request(scope), receive, answer)
        except asyncio.CancelledError:
            failed = ApiError(503, "the exporter is stopping")
        except TimeoutError:
            failed = ApiError(503, "the answer was not there in time")
            log.warning("API answer not taken in time", path=path, seconds=REQUEST_SECONDS)
        except Exception:
            log.exception("API request failed", path=path)
        else:
            return
        if answer.status is None:
            await failed.response()(scope, receive, answer)

    async def _admitted(self, request: Request, receive: Receive, answer: _Answer) -> None:
        access: Access = request.state.access
        try:
            call = await access.admit(request)
            body = await _body(request, receive, BODY_BYTES if call.caller else 0)
        except ApiError as error:
            if isinstance(error, Refusal) and error.logged:
                entry = request.state.call.entry("refused", error.status, error.reason)
                await access.audit.write(entry)
            await error.response()(request.scope, receive, answer)
            return
        answer.before_start = _noting(access, call)
        await self._app(request.scope, _Replayed(body, receive), answer)


def _noting(access: Access, call: Call) -> Callable[[int], Awaitable[None]]:
    """Writes what became of a privileged call before its answer goes out."""

    async def note(status: int) -> None:
        if call.privileged:
            await access.audit.write(call.entry("done" if status < 400 else "failed", status))

    return note


async def _body(request: Request, receive: Receive, limit: int) -> bytes:
    """The body of a request, and nothing of one that is longer than the limit.

    Raises:
        ApiError: it is, or the URL is too long, or it does not come.
    """
    scope = request.scope
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES:
        raise ApiError(414, f"expected {URL_BYTES} bytes of path and query at most")
    declared = request.headers.get("content-length", "0")
    too_large = ApiError(413, f"expected a body of {limit} bytes at most")
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise too_large
    if declared == "0" and "transfer-encoding" not in request.headers:
        return b""
    body, more = b"", True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more and len(body) <= limit:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError:
        raise ApiError(408, "the body did not come") from None
    if len(body) > limit:
        raise too_large
    return body


class _Replayed:
    """Gives a body that was received already, then what comes after it: that the client is gone."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._first: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        first, self._first = self._first, None
        if first is not None:
            return first
        while (message := await self._receive())["type"] == "http.request":
            pass
        return message


class _Answer:
    """Sends an answer with the headers that all have, and without its body to who asked for the head.

    Attributes:
        status: of the answer; None before it begins.
        before_start: called with the status before anything is sent.
    """

    def __init__(self, send: Send, *, head: bool) -> None:
        self._send = send
        self._head = head
        self.status: int | None = None
        self.before_start: Callable[[int], Awaitable[None]] | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.before_start is not None:
                await self.before_start(message["status"])
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
