"""The one place that wires things together: settings to sources to collectors to engine to web.

Order of shutdown: the listening socket, the requests under way, the background runs, the sources.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING, Any

from exporter.http.app import API_PATH, Web
from exporter.http.door import Door
from exporter.http.guard import Guard
from exporter.http.own import OwnMetrics
from exporter.http.places import Places, bounded
from exporter.http.screen import Screen
from exporter.http.served import Served
from exporter.http.server import Server, listen, url_of
from exporter.http.web_config import WebConfig
from exporter.log import configure_logging, get_logger
from exporter.model.collector import Named
from exporter.model.errors import SettingsError
from exporter.settings import Settings
from exporter.stack import Fleet

if TYPE_CHECKING:
    from exporter.http.api.app import Api

log = get_logger("exporter")


class Daemon:
    """Serves a configuration, and another one after each reload.

    Args:
        load: reads the settings again.
        settings: what it starts with.
        collectors: all collectors of the installation, by name.
        pools: psycopg pools of this process, beside the exporter's own.

    Attributes:
        app: what answers requests.

    Raises:
        SettingsError: the web file is bad, or what the API needs is.
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
        self._web_config = WebConfig(settings.web.config_file, self._own)
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
        api_path = API_PATH if self._api is not None else None
        screen = Screen(settings.web.allowed_hosts, settings.web.bind[0], api_path)
        self.app = Guard(self.web.app, self._web_config, screen, self._own, api_path)
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
                self._web_config.reload()
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
        places = Places(bounded(self._settings.web.max_connections))
        server = Server(self.app, Door(self._web_config, places, self._own))
        self._handle_signals(server)
        url = url_of(listening, "https" if self._web_config.now.context is not None else "http")
        log.info("serving", url=url, targets=self._fleet.names())
        if started is not None:
            started(url)
        gc.collect()
        gc.freeze()
        try:
            await server.serve(sockets=[listening])
        finally:
            self.web.pages.close()
            self._web_config.close()
            if self._api is not None:
                self._api.close()
            await asyncio.gather(self._fleet.close(), *self._closing, return_exceptions=True)
            log.info("stopped")

    def _handle_signals(self, server: Server) -> None:
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
        listening = listen(settings.web)
        tasks = [asyncio.ensure_future(work()) for work in beside]
        try:
            await daemon.serve(listening)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    return 0
