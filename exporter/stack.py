"""What one configuration amounts to: its sources, and the engine over them.

Drivers are imported where their target is configured, so that unused ones cost no memory.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.http.app import Served
from exporter.model.collector import Named
from exporter.scrape.engine import Engine, EngineOptions
from exporter.settings import Settings


class Stack:
    """The sources of one configuration, and the engine over them.

    Args:
        settings: the configuration.
        collectors: all collectors of the installation, by name.
        pools: psycopg pools of this process, beside the exporter's own.
        before: the stack whose place it takes: a source whose settings are the same is taken over with
            its connections, and is not closed with the old stack.

    Attributes:
        sources: key -> source, for those that are configured.
        engine: collects from them.
        served: what the routes show.
    """

    def __init__(
        self,
        settings: Settings,
        collectors: Mapping[str, Named],
        pools: Sequence[Any] = (),
        before: Stack | None = None,
    ) -> None:
        self._settings = settings
        self._handed_over: frozenset[str] = frozenset()
        kept = before.hand_over(settings) if before is not None else {}
        self.sources = build_sources(settings, pools, kept)
        on = settings.enabled_collectors()
        self.engine = Engine(
            [named for name, named in collectors.items() if name in on],
            self.sources,
            EngineOptions(series_limit=settings.scrape.series_limit),
        )
        self.served = Served(
            self.engine,
            list(collectors.values()),
            [(key, source.address) for key, source in self.sources.items() if hasattr(source, "address")],
            settings.scrape.timeout_seconds,
            settings.scrape.timeout_offset_seconds,
        )

    def hand_over(self, settings: Settings) -> dict[str, Any]:
        """The sources that the new settings leave as they are; from now on they are not ours to close."""
        kept = {
            key: source
            for key, source in self.sources.items()
            if key in BUILDERS and getattr(settings, key) == getattr(self._settings, key)
        }
        self._handed_over = frozenset(kept)
        return kept

    async def close(self) -> None:
        """Ends the background runs, then the sources."""
        await self.engine.stop()
        ours = [source for key, source in self.sources.items() if key not in self._handed_over]
        closing = [source.close() for source in ours if hasattr(source, "close")]
        await asyncio.gather(*closing, return_exceptions=True)


def build_sources(
    settings: Settings, pools: Sequence[Any] = (), kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configured sources by key; those in `kept` are taken as they are."""
    kept = kept or {}
    sources = {
        key: kept[key] if key in kept else build(settings)
        for key, (configured, build) in BUILDERS.items()
        if configured(settings)
    }
    if "postgres" in sources:
        sources["psycopg_pool"] = [sources["postgres"].pool, *pools]
    return sources


def _host(settings: Settings) -> Any:
    from exporter.sources.host import HostOptions, open_host  # noqa: PLC0415

    given = settings.host.model_dump(exclude={"enabled"}, exclude_none=True)
    return open_host(HostOptions(**given))


def _postgres(settings: Settings) -> Any:
    from exporter.sources.postgres.connect import PostgresOptions  # noqa: PLC0415
    from exporter.sources.postgres.server import PostgresServer  # noqa: PLC0415

    own = settings.postgres
    options = PostgresOptions(
        dsn=_secret(own.dsn) or "",
        password=_secret(own.password),
        discover_databases=own.discover_databases,
        include_databases=[re.compile(pattern) for pattern in own.include_databases],
        exclude_databases=[re.compile(pattern) for pattern in own.exclude_databases],
        max_connections=own.max_connections,
        connect_timeout_seconds=own.connect_timeout_seconds,
        lock_timeout_seconds=own.lock_timeout_seconds,
        max_lifetime_seconds=own.max_lifetime_seconds,
    )
    return PostgresServer(options)


def _redis(settings: Settings) -> Any:
    from exporter.sources.redis import RedisOptions, RedisServer  # noqa: PLC0415

    own = settings.redis
    options = RedisOptions(
        url=own.address or "",
        username=own.username,
        password=_secret(own.password),
        connect_timeout_seconds=own.connect_timeout_seconds,
    )
    return RedisServer(options)


def _pgbouncer(settings: Settings) -> Any:
    from exporter.sources.pgbouncer import PgBouncerOptions, PgBouncerServer  # noqa: PLC0415

    own = settings.pgbouncer
    options = PgBouncerOptions(
        dsn=_secret(own.dsn) or "",
        password=_secret(own.password),
        connect_timeout_seconds=own.connect_timeout_seconds,
    )
    return PgBouncerServer(options)


def _secret(value: Any) -> str | None:
    return None if value is None else str(value.get_secret_value())


BUILDERS: Mapping[str, tuple[Callable[[Settings], bool], Callable[[Settings], Any]]] = {
    "host": (lambda s: s.host.enabled, _host),
    "postgres": (lambda s: s.postgres.dsn is not None, _postgres),
    "redis": (lambda s: s.redis.address is not None, _redis),
    "pgbouncer": (lambda s: s.pgbouncer.dsn is not None, _pgbouncer),
}
"""Key of the source, and of its section in the settings -> whether it is configured, how it is built."""
