"""The daemon beside one server of each kind, for tests that break none of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Exporter, PgBouncer, Postgres, Redis


@pytest.fixture(scope="session")
def stack(postgres: Postgres, redis: Redis, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    """The daemon beside the shared servers; leave its configuration as it is."""
    with Exporter(
        postgres__dsn=postgres.dsn(), redis__address=redis.url, pgbouncer__dsn=pgbouncer.dsn(user="stats")
    ) as exporter:
        exporter.scrape()
        yield exporter
