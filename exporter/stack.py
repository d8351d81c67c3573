"""What one configuration amounts to: its sources, and the engine over them.

Drivers are imported where their target is configured, so that unused ones cost no memory.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
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

    Attributes:
        sources: key -> source, for those that are configured.
        engine: collects from them.
        served: what the routes show.
    """

    def __init__(
        self, settings: Settings, collectors: Mapping[str, Named], pools: Sequence[Any] = ()
    ) -> None:
        self.sources = build_sources(settings, pools)
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

    async def close(self) -> None:
        """Ends the background runs, then the sources."""
        await self.engine.stop()
        closing = [source.close() for source in self.sources.values() if hasattr(source, "close")]
        await asyncio.gather(*closing, return_exceptions=True)


def build_sources(settings: Settings, pools: Sequence[Any] = ()) -> dict[str, Any]:
    """The configured sources by key."""
    sources: dict[str, Any] = {}
    if settings.host.enabled:
        sources["host"] = _host(settings)
    if settings.postgres.dsn is not None:
        sources["postgres"] = _postgres(settings)
        sources["psycopg_pool"] = [sources["postgres"].pool, *pools]
    if settings.redis.address is not None:
        sources["redis"] = _redis(settings)
    if settings.pgbouncer.dsn is not None:
        sources["pgbouncer"] = _pgbouncer(settings)
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
