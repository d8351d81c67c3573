"""What every request goes through before it reaches a route: the screen, the rate limit, users, headers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.http.own import OwnMetrics
from exporter.http.passwords import BusyError, Passwords
from exporter.http.places import address_of
from exporter.http.screen import Screen
from exporter.http.web_config import WebConfig

OPEN = frozenset({"/-/healthy", "/-/ready"})
"""Without a password and without a rate limit: orchestrators restart what does not answer them."""
CHALLENGE = 'Basic realm="datastack-exporter", charset="UTF-8"'
HEADERS = ((b"x-content-type-options", b"nosniff"),)
"""Of each answer that does not have them itself."""


class Guard:
    """The way to the application.

    Args:
        app: the application.
        config: the web file in force.
        screen: what is refused unseen.
        own: the process's own metrics.
        api_path: below it requests have tokens instead of passwords; None for nowhere.
    """

    def __init__(
        self, app: ASGIApp, config: WebConfig, screen: Screen, own: OwnMetrics, api_path: str | None = None
    ) -> None:
        self._app = app
        self._config = config
        self._screen = screen
        self._own = own
        self._token_prefix = f"{api_path}/" if api_path is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; 503 where the server gives it up because the process ends."""
        answer = _Answer(send, self._config.now.headers)
        try:
            refused = await self._refused(scope)
            await (self._app if refused is None else refused)(scope, receive, answer)
        except asyncio.CancelledError:
            if not answer.started:
                stopping = PlainTextResponse("the exporter is stopping\n", status_code=503)
                await stopping(scope, receive, answer)

    async def _refused(self, scope: Scope) -> Response | None:
        """The answer to a request that may not go on."""
        refusal = self._screen.refusal(scope)
        path = scope["path"]
        is_api = self._token_prefix is not None and f"{path}/".startswith(self._token_prefix)
        said = _problem if is_api else _said
        if refusal is not None:
            self._own.rejected.inc()
            return said(refusal.text, refusal.status, {"connection": "close"})
        if path in OPEN:
            return None
        in_force = self._config.now
        if in_force.bucket is not None and not in_force.bucket.take():
            return said("too many requests", 429, {"retry-after": "1"})
        if in_force.passwords is None or is_api:
            return None
        return await self._without_password(scope, in_force.passwords)

    async def _without_password(self, scope: Scope, passwords: Passwords) -> Response | None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        right = False
        if len(given) == 1 and (known := passwords.known(given[0])) is not None:
            right = known
        elif len(given) == 1:
            try:
                right = await passwords.right(given[0], address_of(scope.get("client")))
            except BusyError:
                return _said("too many passwords wait to be tried", 429, {"retry-after": "1"})
        if right:
            return None
        self._own.unauthorized.inc()
        return _said("expected a user and the password", 401, {"www-authenticate": CHALLENGE})


def _said(text: str, status: int, headers: Mapping[str, str]) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)


def _problem(text: str, status: int, headers: Mapping[str, str]) -> Response:
    """As the API says all that is wrong. Only where it is on: its modules are imported then."""
    from exporter.http.api.problems import problem  # noqa: PLC0415

    return problem(status, text, headers=headers)


class _Answer:
    """Sends an answer with the headers that all have.

    Attributes:
        started: whether it has begun.
    """

    def __init__(self, send: Send, configured: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._configured = configured
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = message["headers"] = list(message.get("headers", ()))
            if self._configured:
                replaced = {name for name, _ in self._configured}
                headers[:] = [pair for pair in headers if pair[0] not in replaced]
                headers += self._configured
            there = {name for name, _ in headers}
            headers += [pair for pair in HEADERS if pair[0] not in there]
        await self._send(message)
