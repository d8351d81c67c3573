"""The daemon beside a Redis that fails: every page in time, what is healthy on it, whole afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep

import pytest
import redis as redis_py

from tests.e2e.judge import (
    HANGING,
    Samples,
    count_lines,
    failed,
    others_whole,
    reasons,
    succeeded,
    timed_scrape,
    value,
)
from tests.servers import Exporter, PgBouncer, Postgres, Redis, require

pytestmark = pytest.mark.live

TARGET = "redis at"


@contextmanager
def watching(postgres: Postgres, pgbouncer: PgBouncer, address: str) -> Iterator[Exporter]:
    """The daemon beside a Redis of the test's own, and servers that stay well."""
    with Exporter(
        postgres__dsn=postgres.dsn(), pgbouncer__dsn=pgbouncer.dsn(user="stats"), redis__address=address
    ) as daemon:
        yield daemon


@pytest.fixture
def exporter(postgres: Postgres, pgbouncer: PgBouncer, fresh_redis: Redis) -> Iterator[Exporter]:
    with watching(postgres, pgbouncer, fresh_redis.url) as daemon:
        whole(timed_scrape(daemon))
        yield daemon


def whole(samples: Samples) -> None:
    """The page shows everything."""
    others_whole(samples)
    assert "redis_memory_used_bytes" in samples
    assert "redis_config_maxclients" in samples


def down(samples: Samples) -> None:
    """The page says that Redis is down, and shows all else."""
    assert value(samples, "redis_up") == 0
    assert succeeded(samples, "redis") == set()
    assert {"redis_up", "redis_info", "redis_keyspace", "redis_config"} <= failed(samples, "redis")
    assert {name for name in samples if name.startswith("redis_")} == {"redis_up"}
    others_whole(samples, "redis")


def test_frozen(exporter: Exporter, fresh_redis: Redis) -> None:
    fresh_redis.freeze()
    before = exporter.open_fds()
    try:
        started = monotonic()
        for _ in range(10):
            down(timed_scrape(exporter, HANGING))
        assert monotonic() - started < HANGING + 9 * 0.5  # only the first one waits to the end
        assert exporter.open_fds() <= before + 2
    finally:
        fresh_redis.thaw()

    whole(timed_scrape(exporter))
    assert count_lines(exporter.log, "target is down", TARGET) == 1
    assert count_lines(exporter.log, "target is up", TARGET) == 2


def test_frozen_in_the_middle_of_a_scrape(exporter: Exporter, fresh_redis: Redis) -> None:
    for delay in (0.001, 0.003, 0.006):
        freezer = threading.Timer(delay, fresh_redis.freeze)
        freezer.start()
        others_whole(timed_scrape(exporter, HANGING), "redis")
        freezer.join()
        try:
            down(timed_scrape(exporter, HANGING))
        finally:
            fresh_redis.thaw()
        whole(timed_scrape(exporter))


def test_killed_and_started_again(exporter: Exporter, fresh_redis: Redis) -> None:
    fresh_redis.kill()
    for _ in range(3):
        down(timed_scrape(exporter))
    fresh_redis.start()

    whole(timed_scrape(exporter))
    assert "Connection refused" in exporter.log
    assert count_lines(exporter.log, "target is down", TARGET) == 1


def test_restarted_between_two_scrapes(exporter: Exporter, fresh_redis: Redis) -> None:
    fresh_redis.restart()

    whole(timed_scrape(exporter))
    assert count_lines(exporter.log, "target is down", TARGET) == 0


def test_started_before_its_redis(postgres: Postgres, pgbouncer: PgBouncer, fresh_redis: Redis) -> None:
    fresh_redis.stop()
    with watching(postgres, pgbouncer, fresh_redis.url) as exporter:
        down(timed_scrape(exporter))
        fresh_redis.start()

        whole(timed_scrape(exporter))


def test_busy_with_something_slow(exporter: Exporter, fresh_redis: Redis) -> None:
    """DEBUG SLEEP answers nobody meanwhile."""
    sleeper = threading.Thread(target=_ask, args=(fresh_redis, "DEBUG", "SLEEP", "2"))
    sleeper.start()
    sleep(0.1)
    down(timed_scrape(exporter, HANGING))
    sleeper.join()

    whole(timed_scrape(exporter))


def _ask(server: Redis, *command: str) -> None:
    with (
        suppress(redis_py.RedisError),
        redis_py.Redis.from_url(server.url, socket_timeout=20) as client,
    ):
        client.execute_command(*command)


def test_loading(exporter: Exporter, fresh_redis: Redis) -> None:
    """Redis that loads its file answers INFO, which says so, and little else."""
    with fresh_redis.client() as client:
        client.execute_command("DEBUG", "POPULATE", "3000", "key", "8000")
        client.config_set("rdbcompression", "no")
        client.config_set("key-load-delay", "1000")
    loader = threading.Thread(target=_ask, args=(fresh_redis, "DEBUG", "RELOAD"))
    loader.start()
    try:
        samples = until_loading(exporter)
        assert value(samples, "redis_up") == 1
        assert "redis_info" in succeeded(samples, "redis")
        others_whole(samples, "redis")
    finally:
        with suppress(redis_py.RedisError):
            fresh_redis.execute("CONFIG", "SET", "key-load-delay", "0")
        loader.join()

    whole(timed_scrape(exporter))


def until_loading(exporter: Exporter) -> Samples:
    """The first page on which Redis says that it loads: it writes the file first."""
    end = monotonic() + 10
    while monotonic() < end:
        samples = timed_scrape(exporter)
        if value(samples, "redis_loading_dump_file"):
            return samples
    raise AssertionError("Redis never said that it loads")


def test_password_refused(postgres: Postgres, pgbouncer: PgBouncer) -> None:
    with require(Redis, password="right-hunter2") as server:
        wrong = server.url.replace("right-hunter2", "wrong-hunter3")
        with watching(postgres, pgbouncer, wrong) as exporter:
            for _ in range(3):
                down(timed_scrape(exporter))
            server.execute("CONFIG", "SET", "requirepass", "wrong-hunter3")

            whole(timed_scrape(exporter))
            assert "hunter" not in exporter.log + exporter.get("/").text
            assert count_lines(exporter.log, "target is down", TARGET) == 1


def test_password_missing(postgres: Postgres, pgbouncer: PgBouncer) -> None:
    with (
        require(Redis, password="right-hunter2") as server,
        watching(postgres, pgbouncer, f"127.0.0.1:{server.port}") as exporter,
    ):
        down(timed_scrape(exporter))
        assert "redis.password" in exporter.log


def test_config_refused(postgres: Postgres, pgbouncer: PgBouncer, fresh_redis: Redis) -> None:
    fresh_redis.execute("ACL", "SETUSER", "watcher", "on", ">secret", "+@all", "-config")
    with watching(postgres, pgbouncer, f"redis://watcher:secret@127.0.0.1:{fresh_redis.port}") as exporter:
        for _ in range(3):
            samples = timed_scrape(exporter)
            assert value(samples, "redis_up") == 1
            assert ("redis_config", "permission") in reasons(samples)
            assert "redis_config" not in succeeded(samples, "redis")
            assert failed(samples, "redis") == set()
            assert "redis_memory_used_bytes" in samples
            assert "redis_db_keys" in samples
            others_whole(samples, "redis")
        refusals = fresh_redis.client().info("errorstats")["errorstat_NOPERM"]["count"]
        assert refusals <= 4  # not asked again at each scrape
        fresh_redis.execute("ACL", "SETUSER", "watcher", "+config")
        fresh_redis.execute("CLIENT", "KILL", "USER", "watcher")

        whole(timed_scrape(exporter))
        assert exporter.log.count("redis_config") == 2
