"""The routes: metrics, health, reload, landing page."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.expose.text import CONTENT_TYPE
from exporter.http.landing import landing_page
from exporter.http.own import OwnMetrics
from exporter.http.pages import Pages
from exporter.http.selection import UnknownNameError, select
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.errors import SettingsError
from exporter.scrape.engine import Engine

TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"
LONGEST_SECONDS = 120.0
"""What a request may ask for at most, whatever its header says."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the routes show; a reload puts a new one in its place.

    Attributes:
        engine: collects.
        known: all collectors of the installation, those that are off too.
        targets: what is watched: (name, address) for the landing page.
        timeout_seconds: the budget of a request that names none.
        offset_seconds: how much sooner than the scraper's timeout the answer is there.
    """

    engine: Engine
    known: Collection[Named]
    targets: Sequence[tuple[str, str]]
    timeout_seconds: float
    offset_seconds: float


class Web:
    """The application and what it holds.

    Args:
        served: gives what is served now.
        reload: reads the configuration again; raises SettingsError and changes nothing if it is bad.
        own: the process's own metrics.
        metrics_path: where the page is.
        enable_reload: whether `POST /-/reload` is there.
    """

    def __init__(
        self,
        served: Callable[[], Served],
        reload: Callable[[], Awaitable[None]],
        own: OwnMetrics,
        *,
        metrics_path: str = "/metrics",
        enable_reload: bool = True,
    ) -> None:
        self._served = served
        self._reload = reload
        self._own = own
        self._metrics_path = metrics_path
        self.pages = Pages(lambda: served().engine, own)
        routes = [
            Route(metrics_path, self.metrics, methods=["GET"]),
            Route("/-/healthy", self.healthy, methods=["GET"]),
            Route("/-/ready", self.ready, methods=["GET"]),
            Route("/", self.landing, methods=["GET"]),
        ]
        if enable_reload:
            routes.append(Route("/-/reload", self.reload, methods=["POST"]))
        self.app = Starlette(routes=routes, middleware=[Middleware(_Stopping)])

    async def metrics(self, request: Request) -> Response:
        """The page of the selected collectors, before the scraper gives up."""
        started = monotonic()
        served = self._served()
        query = request.query_params
        try:
            selection = select(
                query.getlist("collect[]"), query.getlist("exclude[]"), served.engine.collectors, served.known
            )
        except UnknownNameError as error:
            self._own.rejected.inc()
            return PlainTextResponse(f"{error}\n", status_code=400)
        gzip = _accepts_gzip(request.headers.get("accept-encoding", ""))
        budget = _budget(request.headers.get(TIMEOUT_HEADER), served)
        page = asyncio.create_task(self.pages.page(Deadline.after(budget), selection, gzip=gzip))
        if not await _unless_gone(page, request):
            return Response(status_code=499)  # nobody reads it: the client has hung up
        parts = page.result()
        self._own.scrape_seconds.observe(monotonic() - started)
        headers = {"content-length": str(sum(map(len, parts))), "vary": "accept-encoding"}
        if gzip:
            headers["content-encoding"] = "gzip"
        if len(parts) == 1:
            return Response(parts[0], headers=headers, media_type=CONTENT_TYPE)
        return StreamingResponse(_each(parts), headers=headers, media_type=CONTENT_TYPE)

    async def healthy(self, _request: Request) -> Response:
        """The process answers. No database has a say in this: a restart of ours mends none."""
        return PlainTextResponse("healthy\n")

    async def ready(self, _request: Request) -> Response:
        """Whether a first collection has been done; makes one if there was none."""
        if self.pages.scraped_at is None:
            served = self._served()
            await self.pages.page(Deadline.after(_budget(None, served)), None, gzip=False)
        return PlainTextResponse("ready\n")

    async def reload(self, _request: Request) -> Response:
        """Reads the configuration again; a bad one changes nothing."""
        try:
            await self._reload()
        except SettingsError as error:
            return PlainTextResponse(f"configuration not changed:\n{error}\n", status_code=500)
        return PlainTextResponse("configuration reloaded\n")

    async def landing(self, _request: Request) -> Response:
        """What is watched, how it is, and where to go from here."""
        served = self._served()
        snapshot = await served.engine.scrape(Deadline.after(_budget(None, served) / 2))
        return HTMLResponse(landing_page(served.targets, snapshot, self._metrics_path))


class _Stopping:
    """Answers 503 where the server gives up a request because the process ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            if not started:
                await PlainTextResponse("the exporter is stopping\n", status_code=503)(scope, receive, send)


def _budget(header: str | None, served: Served) -> float:
    """Seconds until the answer has to be there."""
    seconds = served.timeout_seconds
    if header is not None:
        with suppress(ValueError):
            asked = float(header)
            if math.isfinite(asked) and asked > 0:
                seconds = min(asked, LONGEST_SECONDS)
    return seconds - min(served.offset_seconds, 0.2 * seconds)


def _accepts_gzip(header: str) -> bool:
    """Whether Accept-Encoding names gzip, and not with the weight 0, which refuses it."""
    for part in header.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";")
        if coding == "gzip":
            return weight.rstrip("0") not in ("q=", "q=0.")
    return False


async def _unless_gone(task: asyncio.Task[list[bytes]], request: Request) -> bool:
    """Waits for the task, or until the client hangs up: then it is cancelled."""
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
    return task.done()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _each(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
