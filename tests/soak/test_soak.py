"""The long runs: `make soak`. What they measured is printed with `pytest -s`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.e2e import endurance
from tests.servers import Exporter, Postgres, Redis

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1800)]

SCRAPES = 2_000
FROZEN_SECONDS = 600


@pytest.fixture
def exporter(fresh_postgres: Postgres, fresh_redis: Redis) -> Iterator[Exporter]:
    dsn = endurance.dsn_of_watcher(fresh_postgres)
    with Exporter(postgres__dsn=dsn, redis__address=fresh_redis.url) as daemon:
        for _ in range(10):
            daemon.scrape()
        yield daemon


def test_two_thousand_scrapes_of_tables_that_come_and_go(
    exporter: Exporter, fresh_postgres: Postgres
) -> None:
    run = endurance.scrape_changing_tables(exporter, fresh_postgres, SCRAPES)
    show(run)

    assert endurance.growth(run, lambda held: held.memory) < 0.005
    assert endurance.growth(run, lambda held: held.session_memory) < 0.01
    assert max(held.files for held in run) <= run[0].files + 4


def test_ten_minutes_of_frozen_servers(
    exporter: Exporter, fresh_postgres: Postgres, fresh_redis: Redis
) -> None:
    before = endurance.held(exporter)
    meanwhile = endurance.scrape_frozen(exporter, fresh_postgres, fresh_redis, FROZEN_SECONDS)
    show([before, *meanwhile])

    assert len(meanwhile) >= FROZEN_SECONDS - 5
    endurance.bounded(before, meanwhile)


def show(run: Sequence[endurance.Held]) -> None:
    """A line for each tenth of the run."""
    print("\n   MB  sessions MB  files  threads")
    for held in [*run[:: max(1, len(run) // 10)], run[-1]]:
        memory, sessions = held.memory / 1e6, held.session_memory / 1e6
        print(f"{memory:5.1f}  {sessions:11.2f}  {held.files:5}  {held.threads:7}")
