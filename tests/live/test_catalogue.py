"""The daemon's page beside one server of each kind has nothing that the catalogue does not declare."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.collectors import discover
from tests.declared import PATTERNS, complaints, on_page, stands_for
from tests.servers import Exporter, PgBouncer, Postgres, Redis

pytestmark = pytest.mark.live

# Each is on every page of its source: no replica, disk, spike or setting has to be there.
CERTAIN = {
    *{"pg_static", "pg_locks_count", "pg_stat_database_conflicts_confl_lock"},
    *{"redis_instance_info", "redis_db_keys", "redis_commands_latencies_usec"},
    *{"node_cpu_seconds_total", "node_uname_info", "node_memory_<field>_bytes"},
    *{"pgbouncer_version_info", "pgbouncer_databases_pool_size", "psycopg_pool_connections"},
    *{"exporter_collector_success", "exporter_build_info", "exporter_scrape_duration_seconds"},
}


@pytest.fixture(scope="module")
def page(postgres: Postgres, redis: Redis, pgbouncer: PgBouncer) -> Iterator[str]:
    """The second page, on which the first scrape itself is counted."""
    with Exporter(
        postgres__dsn=postgres.dsn(), redis__address=redis.url, pgbouncer__dsn=pgbouncer.dsn(user="stats")
    ) as exporter:
        exporter.scrape()
        yield exporter.scrape()


def test_each_sample_has_the_name_type_and_labels_of_the_catalogue(page: str) -> None:
    assert complaints(on_page(page)) == []


def test_every_family_and_much_of_the_catalogue_was_there(page: str) -> None:
    found = {metric.name for shown in on_page(page) if (metric := stands_for(shown.name)) is not None}

    assert CERTAIN - found == set()
    assert found & {metric.name for metric in PATTERNS.values()}
    by_default = {m.name for named in discover().values() if named.spec.default for m in named.spec.metrics}
    assert len(found) > len(by_default) / 2
