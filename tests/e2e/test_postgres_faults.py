"""The daemon beside a PostgreSQL that fails: every page in time, what is healthy on it, whole afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from exporter.collectors import discover
from tests.e2e.judge import HANGING, Samples, failed, succeeded, timed_scrape, value
from tests.servers import Exporter, Postgres, Redis, require

pytestmark = pytest.mark.live

ROLE_PASSWORD = "watching"

COLLECTORS = {name: named.spec for name, named in discover().items() if named.family == "postgres"}
ALL_ON: dict[str, Any] = {f"collector__{name}": True for name in COLLECTORS}
BACKGROUND = {name for name, spec in COLLECTORS.items() if spec.every_seconds is not None}


@pytest.fixture
def exporter(fresh_postgres: Postgres, redis: Redis) -> Iterator[Exporter]:
    fresh_postgres.execute(
        f"CREATE ROLE watcher LOGIN PASSWORD '{ROLE_PASSWORD}' IN ROLE pg_monitor; CREATE TABLE t (id int)"
    )
    dsn = fresh_postgres.dsn(user="watcher", password=ROLE_PASSWORD)
    with Exporter(postgres__dsn=dsn, redis__address=redis.url, **ALL_ON) as daemon:
        whole(timed_scrape(daemon))
        yield daemon


def whole(samples: Samples) -> None:
    """The page shows everything."""
    assert value(samples, "pg_up") == 1
    assert failed(samples) == set()
    assert "pg_stat_database_xact_commit" in samples
    assert "pg_stat_user_tables_seq_scan" in samples


def down(samples: Samples) -> None:
    """The page says that PostgreSQL is down, and shows all else."""
    assert value(samples, "pg_up") == 0
    # What is collected in the background stands, with its age.
    assert succeeded(samples, "postgres") <= BACKGROUND
    assert "stat_database" in failed(samples, "postgres")
    assert failed(samples, "redis") == failed(samples, "host") == set()
    assert value(samples, "redis_up") == 1
    assert "node_load1" in samples


def test_frozen_in_the_middle_of_a_scrape(exporter: Exporter, fresh_postgres: Postgres) -> None:
    freezer = threading.Timer(0.003, fresh_postgres.freeze)
    freezer.start()
    timed_scrape(exporter, HANGING)
    freezer.join()
    try:
        down(timed_scrape(exporter, HANGING))
        down(timed_scrape(exporter, HANGING))
    finally:
        fresh_postgres.thaw()

    whole(timed_scrape(exporter))


def test_frozen_for_long(exporter: Exporter, fresh_postgres: Postgres) -> None:
    before = exporter.open_fds()
    fresh_postgres.freeze()
    try:
        for _ in range(10):
            down(timed_scrape(exporter, HANGING))
        assert exporter.open_fds() <= before + 4
    finally:
        fresh_postgres.thaw()

    whole(timed_scrape(exporter))
    assert exporter.log.count("target is down") == 1


def test_killed_and_started_again(exporter: Exporter, fresh_postgres: Postgres) -> None:
    fresh_postgres.kill()
    for _ in range(3):
        down(timed_scrape(exporter))
    fresh_postgres.start()

    whole(timed_scrape(exporter))


def test_restarted_between_two_scrapes(exporter: Exporter, fresh_postgres: Postgres) -> None:
    fresh_postgres.restart()

    whole(timed_scrape(exporter))


def test_password_refused(exporter: Exporter, fresh_postgres: Postgres) -> None:
    fresh_postgres.execute("ALTER ROLE watcher PASSWORD 'another'")
    fresh_postgres.restart()
    down(timed_scrape(exporter))
    down(timed_scrape(exporter))
    fresh_postgres.execute(f"ALTER ROLE watcher PASSWORD '{ROLE_PASSWORD}'")

    whole(timed_scrape(exporter))
    assert "password authentication failed" in exporter.log
    assert ROLE_PASSWORD not in exporter.log


def test_out_of_connections(redis: Redis) -> None:
    with require(
        Postgres, settings={"max_connections": "8", "superuser_reserved_connections": "2"}
    ) as server:
        server.execute(f"CREATE ROLE watcher LOGIN PASSWORD '{ROLE_PASSWORD}' IN ROLE pg_monitor")
        dsn = server.dsn(user="watcher", password=ROLE_PASSWORD)
        taken = [psycopg.connect(dsn) for _ in range(6)]
        with Exporter(postgres__dsn=dsn, redis__address=redis.url) as exporter:
            down(timed_scrape(exporter))
            for connection in taken:
                connection.close()

            samples = timed_scrape(exporter)
            assert value(samples, "pg_up") == 1
            assert failed(samples) == set()


def test_started_before_its_database(redis: Redis) -> None:
    with require(Postgres) as server:
        server.execute(
            f"CREATE ROLE watcher LOGIN PASSWORD '{ROLE_PASSWORD}' IN ROLE pg_monitor; CREATE TABLE t ()"
        )
        dsn = server.dsn(user="watcher", password=ROLE_PASSWORD)
        server.stop()
        with Exporter(postgres__dsn=dsn, redis__address=redis.url) as exporter:
            down(timed_scrape(exporter))
            server.start()

            whole(timed_scrape(exporter))


def test_starting_up(exporter: Exporter, fresh_postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that recovers answers each connection with 57P03."""
    fresh_postgres.kill()
    data = fresh_postgres.process.data
    (data / "standby.signal").touch()
    with (data / "postgresql.auto.conf").open("a") as conf:
        conf.write("hot_standby = off\n")
    monkeypatch.setattr(
        fresh_postgres.process, "answers", lambda: "the database system is" in refusal(fresh_postgres)
    )
    fresh_postgres.start()
    monkeypatch.undo()
    down(timed_scrape(exporter))
    assert "the database system is" in exporter.get("/").text
    fresh_postgres.stop()
    (data / "standby.signal").unlink()
    fresh_postgres.start()

    whole(timed_scrape(exporter))


def refusal(server: Postgres) -> str:
    """What the server answers to a connection attempt; empty if it lets us in."""
    try:
        server.connect().close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


@contextmanager
def table_lock(server: Postgres, *, waiting: bool) -> Iterator[None]:
    """An ACCESS EXCLUSIVE lock on table t: held, or only waited for behind a reader."""
    with server.connect() as first, server.connect() as second:
        first.execute("BEGIN")
        if not waiting:
            first.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            yield
        else:
            first.execute("SELECT * FROM t")
            second.execute("BEGIN")
            waiter = threading.Thread(target=_wait_for_lock, args=(second,))
            waiter.start()
            sleep(0.2)
            yield
            first.execute("ROLLBACK")
            waiter.join()
            return
        first.execute("ROLLBACK")


def _wait_for_lock(connection: psycopg.Connection[object]) -> None:
    connection.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    connection.execute("ROLLBACK")


@pytest.mark.parametrize("waiting", [False, True], ids=["held", "waited for"])
def test_table_lock(exporter: Exporter, fresh_postgres: Postgres, *, waiting: bool) -> None:
    with table_lock(fresh_postgres, waiting=waiting):
        started = monotonic()
        whole(timed_scrape(exporter))

        assert monotonic() - started < 1.0


def test_role_without_pg_monitor(exporter: Exporter, fresh_postgres: Postgres) -> None:
    fresh_postgres.execute("REVOKE pg_monitor FROM watcher")
    samples = timed_scrape(exporter)

    assert value(samples, "pg_up") == 1
    assert failed(samples) == {"wal"}
    reasons = {dict(labels)["reason"] for labels in samples["exporter_collector_skipped"]}
    assert "permission" in reasons
    assert "GRANT pg_monitor" in exporter.log


def test_many_clients_share_sessions(exporter: Exporter, fresh_postgres: Postgres) -> None:
    for n in range(3):
        fresh_postgres.execute(f"CREATE DATABASE extra{n}")
    counts: list[int] = []
    done = threading.Event()

    def watch() -> None:
        with fresh_postgres.connect() as connection:
            while not done.is_set():
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher'"
                ).fetchone()
                counts.append(row[0] if row else 0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(50) as clients:
        pages = list(clients.map(lambda _: timed_scrape(exporter, 10.0), range(200)))
    done.set()
    watcher.join()

    assert len(counts) > 20
    assert 1 <= max(counts) <= 3
    for page in pages:
        assert value(page, "pg_up") == 1
        assert failed(page) == set()


def test_client_hangs_up(exporter: Exporter, fresh_postgres: Postgres) -> None:
    """No query of ours runs on after the client has gone."""
    import socket

    with fresh_postgres.connect() as locker:
        # Makes our query on this catalog wait for as long as the server lets it.
        fresh_postgres.execute("ALTER ROLE watcher SET lock_timeout = 0")
        locker.execute("BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE")
        with socket.create_connection(("127.0.0.1", exporter.port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            sleep(0.1)
        sleep(0.7)
        row = locker.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'watcher' AND state = 'active'"
        ).fetchone()
        locker.execute("ROLLBACK")

    assert row == (0,)
    whole(timed_scrape(exporter))
