"""Short runs of what `make soak` does at full length: a schema that changes, servers that are frozen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import endurance
from tests.servers import Exporter, Postgres, Redis

pytestmark = [pytest.mark.live, pytest.mark.slow]


@pytest.fixture
def exporter(fresh_postgres: Postgres, fresh_redis: Redis) -> Iterator[Exporter]:
    dsn = endurance.dsn_of_watcher(fresh_postgres)
    with Exporter(postgres__dsn=dsn, redis__address=fresh_redis.url) as daemon:
        for _ in range(10):
            daemon.scrape()
        yield daemon


def test_tables_come_and_go(exporter: Exporter, fresh_postgres: Postgres) -> None:
    run = endurance.scrape_changing_tables(exporter, fresh_postgres, 160)

    assert endurance.growth(run, lambda held: held.memory) < 0.03
    assert endurance.growth(run, lambda held: held.session_memory) < 0.10
    assert max(held.files for held in run) <= run[0].files + 4


def test_frozen_servers(exporter: Exporter, fresh_postgres: Postgres, fresh_redis: Redis) -> None:
    before = endurance.held(exporter)
    meanwhile = endurance.scrape_frozen(exporter, fresh_postgres, fresh_redis, 11, every=0.55)

    assert len(meanwhile) >= 15
    endurance.bounded(before, meanwhile)
