"""The daemon beside one server of each kind, for tests that break none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.servers import Exporter, PgBouncer, Postgres, Redis
from tests.servers.chain import Chain

SHORTER: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("PostgresBlockedSessions", "warning"): {"> 60": "> 2"},
    ("PostgresReplicationLagHigh", "warning"): {"> 30": "> 2", "offset 30s": "offset 2s"},
    ("PostgresReplicationLagHigh", "critical"): {"> 300": "> 4", "offset 5m": "offset 4s"},
}
"""Thresholds of the chain's rules that are times. Everything else is as shipped."""


@pytest.fixture(scope="session")
def stack(postgres: Postgres, redis: Redis, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    """The daemon beside the shared servers; leave its configuration as it is."""
    with Exporter(
        postgres__dsn=postgres.dsn(), redis__address=redis.url, pgbouncer__dsn=pgbouncer.dsn(user="stats")
    ) as exporter:
        exporter.scrape()
        yield exporter


@pytest.fixture(scope="session")
def chain() -> Iterator[Chain]:
    """Everything that users deploy, under load; what a test breaks it mends again."""
    with Chain(SHORTER) as running:
        yield running
