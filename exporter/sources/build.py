"""Makes the sources that a configuration asks for.

Drivers are imported where their target is configured, so that unused ones cost no memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from exporter.settings import Settings
from exporter.settings.redis_address import seeds
from exporter.settings.sections import Redis


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
    from exporter.sources.postgres.connect import PostgresOptions, QueryOptions  # noqa: PLC0415
    from exporter.sources.postgres.server import PostgresServer  # noqa: PLC0415

    own = settings.postgres
    options = PostgresOptions(
        dsn=_secret(own.dsn) or "",
        password=_secret(own.password),
        discover_databases=own.discover_databases,
        include_databases=[re.compile(pattern) for pattern in own.include_databases],
        exclude_databases=[re.compile(pattern) for pattern in own.exclude_databases],
        max_connections=own.max_connections,
        databases_per_scrape=own.databases_per_scrape,
        connect_timeout_seconds=own.connect_timeout_seconds,
        lock_timeout_seconds=own.lock_timeout_seconds,
        max_lifetime_seconds=own.max_lifetime_seconds,
        pool_sizes=own.pool_sizes,
        queries=QueryOptions(**{key.name: getattr(own, key.name) for key in fields(QueryOptions)}),
    )
    return PostgresServer(options)


def _redis(settings: Settings) -> Any:
    from exporter.sources.redis import RedisOptions, RedisServer, TlsOptions  # noqa: PLC0415
    from exporter.sources.redis.scan.options import KeyOptions  # noqa: PLC0415

    own = settings.redis
    options = RedisOptions(
        url=own.address or "",
        username=own.username,
        password=_secret(own.password),
        connect_timeout_seconds=own.connect_timeout_seconds,
        tls=TlsOptions(
            ca_file=_path(own.tls_ca_file),
            cert_file=_path(own.tls_cert_file),
            key_file=_path(own.tls_key_file),
            server_name=own.tls_server_name,
            verify=own.tls_verify,
        ),
        search_indexes=re.compile(own.search_indexes),
        keys=KeyOptions(**{key.name: getattr(own, key.name) for key in fields(KeyOptions)}),
    )
    return RedisServer(options) if own.discovery == "off" else _redis_nodes(own, options)


def _redis_nodes(own: Redis, options: Any) -> Any:
    from exporter.sources.redis.discovery import ClusterDiscovery, SentinelDiscovery  # noqa: PLC0415
    from exporter.sources.redis.nodes import RedisNodes  # noqa: PLC0415

    discovery = ClusterDiscovery() if own.discovery == "cluster" else SentinelDiscovery()
    addresses = [replace(options, url=seed) for seed in seeds(own.address or "")]
    login = (own.sentinel_username, _secret(own.sentinel_password))
    return RedisNodes(addresses, discovery, login, own.max_nodes)


def _pgbouncer(settings: Settings) -> Any:
    from exporter.sources.pgbouncer import PgBouncerOptions, PgBouncerServer  # noqa: PLC0415

    own = settings.pgbouncer
    options = PgBouncerOptions(
        dsn=_secret(own.dsn) or "",
        password=_secret(own.password),
        connect_timeout_seconds=own.connect_timeout_seconds,
        application_names=own.application_names,
        pid_file=own.pid_file,
    )
    return PgBouncerServer(options)


def _path(value: Path | None) -> str | None:
    return None if value is None else str(value)


def _secret(value: Any) -> str | None:
    return None if value is None else str(value.get_secret_value())


BUILDERS: Mapping[str, tuple[Callable[[Settings], bool], Callable[[Settings], Any]]] = {
    "host": (lambda s: s.host.enabled, _host),
    "postgres": (lambda s: s.postgres.dsn is not None, _postgres),
    "redis": (lambda s: s.redis.address is not None, _redis),
    "pgbouncer": (lambda s: s.pgbouncer.dsn is not None, _pgbouncer),
}
"""Key of the source, and of its section in the settings -> whether it is configured, how it is built."""
