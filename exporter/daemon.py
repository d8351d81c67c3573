"""The one place that wires things together: settings to sources to collectors to engine to web.

Order of shutdown: the listening socket, the requests under way, the background runs, the sources.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any

import uvicorn

from exporter.http.app import Web
from exporter.http.own import OwnMetrics
from exporter.http.protocol import BoundedProtocol
from exporter.http.served import Served
from exporter.log import configure_logging, get_logger
from exporter.model.collector import Named
from exporter.model.errors import SettingsError
from exporter.settings import Settings
from exporter.stack import Fleet

if TYPE_CHECKING:
    from exporter.http.api.app import Api

log = get_logger("exporter")

GRACE_SECONDS = 2
"""How long requests under way may take when the process is told to stop."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays: longer than the usual interval of scrapes, so that Prometheus need not
connect anew for each."""
OPEN_REQUESTS = 500
"""Connections and requests at a time; more are answered 503 at once."""


class Daemon:
    """Serves a configuration, and another one after each reload.

    Args:
        load: reads the settings again.
        settings: what it starts with.
        collectors: all collectors of the installation, by name.
        pools: psycopg pools of this process, beside the exporter's own.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        settings: Settings,
        collectors: Mapping[str, Named],
        pools: Sequence[Any] = (),
    ) -> None:
        self._load = load
        self._settings = settings
        self._collectors = collectors
        self._own = OwnMetrics()
        self._pools = pools
        self._api = _api(settings, lambda: self._fleet.served)
        self._fleet = Fleet(settings, collectors, pools)
        self._closing: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self.web = Web(
            lambda: self._fleet.served,
            self.reload,
            self._own,
            metrics_path=settings.web.telemetry_path,
            enable_reload=settings.web.enable_reload,
            api=self._api.app if self._api is not None else None,
        )
        self._loaded()

    def _loaded(self) -> None:
        self._own.reload_successful.set(1)
        self._own.reload_time.set(time())

    async def reload(self) -> None:
        """Reads the configuration again and serves it; a bad one changes nothing.

        Raises:
            SettingsError: it is bad; the metric and the log say so too.
        """
        async with self._reloading:
            try:
                settings = await asyncio.to_thread(self._load)
                use_api = self._prepared_api(settings)
                if settings != self._settings or self._fleet.changed():
                    self._replace(settings)
            except SettingsError as error:
                self._own.reload_successful.set(0)
                log.error("configuration not changed", findings=list(error.findings))  # noqa: TRY400
                raise
            use_api()
            self._loaded()
            log.info("configuration reloaded")

    def _prepared_api(self, settings: Settings) -> Callable[[], None]:
        """What puts the section `api` in force, with the keys that its files have now.

        Raises:
            SettingsError: they are bad.
        """
        if settings.api.enabled != (self._api is not None):
            log.warning("api.enabled takes effect at the next start")
        if self._api is None or not settings.api.enabled:
            return lambda: None
        return self._api.prepared(settings.api)

    def _replace(self, settings: Settings) -> None:
        if settings.web != self._settings.web:
            log.warning("the settings of section web take effect at the next start")
        old = self._fleet
        new = Fleet(settings, self._collectors, self._pools, before=old)
        configure_logging(settings.log.level, settings.log.format)
        new.start()
        self._fleet, self._settings = new, settings
        closing = asyncio.create_task(self._close_idle(old, settings.scrape.timeout_seconds))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close_idle(self, fleet: Fleet, seconds: float) -> None:
        """Closes what is left of a replaced fleet once its scrapes are done."""
        await fleet.idle(seconds)
        await fleet.close()

    async def serve(self, listening: socket.socket, started: Callable[[str], None] | None = None) -> None:
        """Serves on a bound socket until the process is told to stop.

        Args:
            listening: where; it is closed at the end.
            started: called with the URL once requests are answered.
        """
        self._fleet.start()
        config = uvicorn.Config(
            self.web.app,
            http=BoundedProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            limit_concurrency=OPEN_REQUESTS,
        )
        server = _Server(config)
        self._handle_signals(server)
        url = url_of(listening)
        log.info("serving", url=url, targets=self._fleet.names())
        if started is not None:
            started(url)
        gc.collect()
        gc.freeze()
        try:
            await server.serve(sockets=[listening])
        finally:
            self.web.pages.close()
            if self._api is not None:
                self._api.close()
            await asyncio.gather(self._fleet.close(), *self._closing, return_exceptions=True)
            log.info("stopped")

    def _handle_signals(self, server: _Server) -> None:
        loop = asyncio.get_running_loop()

        def reload() -> None:
            task = loop.create_task(self._reload_quietly())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

        loop.add_signal_handler(signal.SIGTERM, server.stop)
        loop.add_signal_handler(signal.SIGINT, server.stop)
        loop.add_signal_handler(signal.SIGHUP, reload)

    async def _reload_quietly(self) -> None:
        try:
            await self.reload()
        except SettingsError:
            return  # logged and counted there


def _api(settings: Settings, served: Callable[[], Served]) -> Api | None:
    """The JSON API, where it is on: it is imported only then.

    Raises:
        SettingsError: what it needs is not installed, or its settings are bad.
    """
    if not settings.api.enabled:
        return None
    try:
        from exporter.http.api.app import Api  # noqa: PLC0415
    except ModuleNotFoundError as error:
        text = f"api.enabled: {error.name} is missing: pip install 'datastack-exporter[api]'"
        raise SettingsError([text]) from None
    return Api(served, settings.api)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the daemon, which has more to end than requests.

    And that sleeps while there is nothing to do: uvicorn's own looks ten times a second whether it should
    stop, which costs more CPU than the scrapes of a quarter of a minute.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ends `serve` after the requests under way."""
        self.should_exit = True
        self._stop.set()

    async def main_loop(self) -> None:
        """Waits for the end."""
        await self._stop.wait()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


def listen(settings: Settings) -> socket.socket:
    """The bound socket of `web.listen_address`.

    Raises:
        SettingsError: it can't be had, with the reason.
    """
    host, port = settings.web.bind
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        text = f"web.listen_address: can't listen on {settings.web.listen_address}: {error.strerror or error}"
        raise SettingsError([text]) from None


def url_of(listening: socket.socket) -> str:
    """The URL of a bound socket, as one types it on this machine."""
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{host}:{port}"


def serve(
    load: Callable[[], Settings],
    settings: Settings,
    collectors: Mapping[str, Named],
    beside: Sequence[Callable[[], Any]] = (),
    pools: Sequence[Any] = (),
) -> int:
    """Runs the daemon in this process until it is told to stop.

    Args:
        load: reads the settings again, for a reload.
        settings: what it starts with.
        collectors: all collectors of the installation.
        beside: coroutine functions that run as long as it serves: the demo's workload.
        pools: psycopg pools of this process, beside the exporter's own.
    """
    configure_logging(settings.log.level, settings.log.format)

    async def main() -> None:
        daemon = Daemon(load, settings, collectors, pools)
        listening = listen(settings)
        tasks = [asyncio.ensure_future(work()) for work in beside]
        try:
            await daemon.serve(listening)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    return 0
