"""The routes: metrics, one target by name, health, reload, landing page."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from exporter.http.answers import PartsResponse, Unsent
from exporter.http.discovery import discovery_route
from exporter.http.landing import HTML_HEADERS, landing_page
from exporter.http.own import OwnMetrics
from exporter.http.pages import Pages
from exporter.http.selection import UnknownNameError, select
from exporter.http.served import Served, View, Watched
from exporter.model.deadline import Deadline
from exporter.model.errors import SettingsError
from exporter.scrape.turns import NoTurnError

TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"
API_PATH = "/api/v1"
LONGEST_SECONDS = 120.0
"""What a request may ask for at most, whatever its header says."""


class Web:
    """The application and what it holds.

    Args:
        served: gives what is served now.
        reload: reads the configuration again; raises SettingsError and changes nothing if it is bad.
        own: the process's own metrics.
        metrics_path: where the page is.
        enable_reload: whether `POST /-/reload` is there.
        api: what is below `/api/v1`; None for nothing.
    """

    def __init__(
        self,
        served: Callable[[], Served],
        reload: Callable[[], Awaitable[None]],
        own: OwnMetrics,
        *,
        metrics_path: str = "/metrics",
        enable_reload: bool = True,
        api: ASGIApp | None = None,
    ) -> None:
        self._served = served
        self._reload = reload
        self._own = own
        self._metrics_path = metrics_path
        self.pages = Pages(own)
        self._unsent = Unsent()
        routes: list[BaseRoute] = [
            Route(metrics_path, self.metrics, methods=["GET"]),
            Route("/probe", self.probe, methods=["GET"]),
            discovery_route(served),
            Route("/-/healthy", self.healthy, methods=["GET"]),
            Route("/-/ready", self.ready, methods=["GET"]),
            Route("/", self.landing, methods=["GET"]),
        ]
        if enable_reload:
            routes.append(Route("/-/reload", self.reload, methods=["POST"]))
        if api is not None:
            routes += [Mount(API_PATH, app=api), Route(API_PATH, api)]
        self.app = Starlette(routes=routes)
        self.app.router.redirect_slashes = False  # a redirect would repeat the header Host

    async def metrics(self, request: Request) -> Response:
        """The page of the selected collectors, before the scraper gives up."""
        served = self._served()
        return await self._page(request, served, None, served.top)

    async def probe(self, request: Request) -> Response:
        """The same of one configured target, by its name; what a request says is connected to nowhere."""
        served = self._served()
        watched = served.by_name()
        names = request.query_params.getlist("target")
        listed = f"there are: {', '.join(watched)}" if watched else "no target is configured"
        if len(names) != 1:
            return self._rejected(f"expected one ?target=NAME; {listed}", 400)
        if names[0] not in watched:
            return self._rejected(f"no target has this name; {listed}", 404)
        try:
            return await self._page(request, served, names[0], watched[names[0]])
        except NoTurnError as error:
            return self._rejected(str(error), 503)

    def _rejected(self, text: str, status: int) -> Response:
        self._own.rejected.inc()
        return PlainTextResponse(f"{text}\n", status_code=status)

    async def _page(self, request: Request, served: Served, view: View, watched: Watched) -> Response:
        started = monotonic()
        query = request.query_params
        try:
            selection = select(
                query.getlist("collect[]"), query.getlist("exclude[]"), served.running(view), served.known
            )
        except UnknownNameError as error:
            return self._rejected(str(error), 400)
        gzip = _accepts_gzip(request.headers.get("accept-encoding", ""))
        budget = _budget(request.headers.get(TIMEOUT_HEADER), watched)
        making = self.pages.page(served, Deadline.after(budget), (view, selection), gzip=gzip)
        page = asyncio.create_task(making)
        if not await _unless_gone(page, request):
            return Response(status_code=499)  # nobody reads it: the client has hung up
        parts = page.result()
        self._own.scrape_seconds.observe(monotonic() - started)
        headers = {"vary": "accept-encoding"}
        if gzip:
            headers["content-encoding"] = "gzip"
        return PartsResponse(parts, self._unsent, headers)

    async def healthy(self, _request: Request) -> Response:
        """The process answers. No database has a say in this: a restart of ours mends none."""
        return PlainTextResponse("healthy\n")

    async def ready(self, _request: Request) -> Response:
        """Whether a first collection has been done; makes one if there was none."""
        if self.pages.scraped_at is None:
            served = self._served()
            deadline = Deadline.after(_budget(None, served.top))
            await self.pages.page(served, deadline, (None, None), gzip=False)
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
        found = await served.scrape_each(Deadline.after(_budget(None, served.top) / 2))
        return HTMLResponse(landing_page(found, self._metrics_path), headers=HTML_HEADERS)


def _budget(header: str | None, watched: Watched) -> float:
    """Seconds until the answer has to be there."""
    seconds = watched.timeout_seconds
    if header is not None:
        with suppress(ValueError):
            asked = float(header)
            if math.isfinite(asked) and asked > 0:
                seconds = min(asked, LONGEST_SECONDS)
    return seconds - min(watched.offset_seconds, 0.2 * seconds)


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
