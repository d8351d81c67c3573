"""The daemon beside a PgBouncer that fails: every page in time, what is healthy on it, whole afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic, sleep

import psycopg
import pytest

from tests.e2e.judge import (
    HANGING,
    Samples,
    count_lines,
    failed,
    others_whole,
    succeeded,
    timed_scrape,
    value,
)
from tests.servers import Exporter, PgBouncer, Postgres, Redis, require

pytestmark = pytest.mark.live

TARGET = "pgbouncer at"


@pytest.fixture
def pooler(fresh_postgres: Postgres) -> Iterator[PgBouncer]:
    """A PgBouncer of the test's own, in front of a PostgreSQL of the test's own."""
    with require(PgBouncer, fresh_postgres) as server:
        yield server


@pytest.fixture
def exporter(postgres: Postgres, redis: Redis, pooler: PgBouncer) -> Iterator[Exporter]:
    """Its PostgreSQL is another one than the pooler's."""
    with Exporter(
        postgres__dsn=postgres.dsn(), pgbouncer__dsn=pooler.dsn(user="stats"), redis__address=redis.url
    ) as daemon:
        whole(timed_scrape(daemon))
        yield daemon


def whole(samples: Samples) -> None:
    """The page shows everything."""
    others_whole(samples)
    assert "pgbouncer_databases_pool_size" in samples
    assert "pgbouncer_stats_queries_pooled_total" in samples


def down(samples: Samples) -> None:
    """The page says that PgBouncer is down, and shows all else: our own pool too."""
    assert value(samples, "pgbouncer_up") == 0
    assert succeeded(samples, "pool") == {"psycopg_pool"}
    assert {"pgbouncer_up", "pgbouncer_pools", "pgbouncer_stats"} <= failed(samples, "pool")
    assert {name for name in samples if name.startswith("pgbouncer_")} == {"pgbouncer_up"}
    assert "psycopg_pool_connections" in samples
    others_whole(samples, "pool")


def test_killed_and_started_again(exporter: Exporter, pooler: PgBouncer) -> None:
    pooler.kill()
    for _ in range(3):
        down(timed_scrape(exporter))
    pooler.start()

    whole(timed_scrape(exporter))
    assert count_lines(exporter.log, "target is down", TARGET) == 1
    assert count_lines(exporter.log, "target is up", TARGET) == 2


def test_frozen(exporter: Exporter, pooler: PgBouncer) -> None:
    pooler.freeze()
    before = exporter.open_fds()
    try:
        started = monotonic()
        for _ in range(10):
            down(timed_scrape(exporter, HANGING))
        assert monotonic() - started < HANGING + 9 * 0.6  # only the first one waits to the end
        assert exporter.open_fds() <= before + 4
    finally:
        pooler.thaw()

    whole(timed_scrape(exporter))
    assert count_lines(exporter.log, "target is down", TARGET) == 1


def test_frozen_in_the_middle_of_a_scrape(exporter: Exporter, pooler: PgBouncer) -> None:
    for delay in (0.001, 0.004, 0.01):
        freezer = threading.Timer(delay, pooler.freeze)
        freezer.start()
        others_whole(timed_scrape(exporter, HANGING), "pool")
        freezer.join()
        try:
            down(timed_scrape(exporter, HANGING))
        finally:
            pooler.thaw()
        whole(timed_scrape(exporter))


def test_restarted_between_two_scrapes(exporter: Exporter, pooler: PgBouncer) -> None:
    pooler.restart()

    whole(timed_scrape(exporter))
    assert count_lines(exporter.log, "target is down", TARGET) == 0


def test_its_postgres_killed(exporter: Exporter, pooler: PgBouncer, fresh_postgres: Postgres) -> None:
    """The console is PgBouncer's own: it answers without any server behind it."""
    with psycopg.connect(pooler.dsn(dbname="postgres", user="postgres")) as client:
        client.execute("SELECT 1")
    fresh_postgres.kill()
    samples = timed_scrape(exporter)
    others_whole(samples)
    assert value(samples, "pgbouncer_up") == 1
    waiter = threading.Thread(target=_connect, args=(pooler,))
    waiter.start()
    sleep(0.3)
    others_whole(timed_scrape(exporter))
    fresh_postgres.start()
    waiter.join()

    whole(timed_scrape(exporter))


def _connect(pooler: PgBouncer) -> None:
    try:
        psycopg.connect(pooler.dsn(dbname="postgres", user="postgres"), connect_timeout=10).close()
    except psycopg.OperationalError:
        return


def test_user_that_may_not_look(postgres: Postgres, redis: Redis, pooler: PgBouncer) -> None:
    with Exporter(
        postgres__dsn=postgres.dsn(),
        redis__address=redis.url,
        pgbouncer__dsn=pooler.dsn(user="postgres"),
    ) as exporter:
        down(timed_scrape(exporter))
        down(timed_scrape(exporter))

        assert "stats_users" in exporter.log
        assert count_lines(exporter.log, "target is down", TARGET) == 1


def test_wrong_password(postgres: Postgres, redis: Redis, pooler: PgBouncer) -> None:
    with Exporter(
        postgres__dsn=postgres.dsn(),
        redis__address=redis.url,
        pgbouncer__dsn=pooler.dsn(user="stats", password="wrong-hunter2"),
    ) as exporter:
        for _ in range(3):
            down(timed_scrape(exporter))

        assert "auth_file" in exporter.log
        assert "hunter2" not in exporter.log + exporter.get("/").text
        assert count_lines(exporter.log, "target is down", TARGET) == 1


def test_paused(exporter: Exporter, pooler: PgBouncer) -> None:
    """PAUSE stops the clients' queries, not the console."""
    pooler.console("PAUSE")
    try:
        samples = timed_scrape(exporter)
        others_whole(samples)
        paused = {dict(labels)["name"]: v for labels, v in samples["pgbouncer_databases_paused"].items()}
        assert set(paused.values()) <= {0.0, 1.0}
    finally:
        pooler.console("RESUME")
    whole(timed_scrape(exporter))
