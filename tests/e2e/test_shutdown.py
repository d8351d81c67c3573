"""The end of the daemon: soon, orderly, and nothing of it is left on the servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from time import monotonic, sleep

import psutil
import pytest

from tests.e2e.judge import timed_scrape, value
from tests.servers import Exporter, PgBouncer, Postgres, Redis, catalogue, require
from tests.servers.page import TIMEOUT_HEADER

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("shutdown")]

SECONDS = 5.0
"""How long the end may take."""

SESSIONS = "SELECT pid, state, query FROM pg_stat_activity WHERE application_name = 'datastack-exporter'"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this module's own, with several databases."""
    with require(Postgres) as server:
        for n in range(3):
            server.execute(f"CREATE DATABASE extra{n}")
        yield server


@pytest.fixture
def exporter(server: Postgres, redis: Redis, pgbouncer: PgBouncer) -> Iterator[Exporter]:
    with Exporter(
        postgres__dsn=server.dsn(), redis__address=redis.url, pgbouncer__dsn=pgbouncer.dsn(user="stats")
    ) as daemon:
        assert value(timed_scrape(daemon), "pg_up") == 1
        yield daemon


def ends(exporter: Exporter, how: signal.Signals = signal.SIGTERM) -> float:
    """Tells it to stop; how long it took. It has to exit with status 0."""
    children = psutil.Process(exporter.pid).children(recursive=True)
    started = monotonic()
    os.kill(exporter.pid, how)
    code = exporter.process._child.wait(SECONDS) if exporter.process._child else None
    took = monotonic() - started
    assert code == 0, exporter.log
    assert "stopped" in exporter.log.splitlines()[-1]
    assert "Traceback" not in exporter.log
    assert [child for child in children if child.is_running()] == []
    return took


def nobody_left(server: Postgres) -> None:
    """No session of ours on the server, as soon as it has noticed."""
    end = monotonic() + 2
    while server.execute(SESSIONS) and monotonic() < end:
        sleep(0.02)
    assert server.execute(SESSIONS) == []


def connections(redis: Redis) -> int:
    """How many connections of ours a Redis has; other daemons of this test run count, too."""
    with redis.client() as client:
        return sum(of["name"] == "datastack-exporter" for of in client.client_list())


@contextmanager
def scraping(exporter: Exporter, clients: int = 5) -> Iterator[None]:
    """Clients that scrape without a pause; they get a page, or 503, or no answer."""
    done = threading.Event()
    got: set[int] = set()

    def scrape() -> None:
        while not done.is_set():
            with suppress(OSError, HTTPException):
                got.add(exporter.get(headers={TIMEOUT_HEADER: "10"}).status)

    threads = [threading.Thread(target=scrape) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        sleep(0.3)
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert got <= {200, 503}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_idle(exporter: Exporter, server: Postgres, redis: Redis, how: signal.Signals) -> None:
    assert server.execute(SESSIONS)
    before = connections(redis)
    assert ends(exporter, how) < 2
    nobody_left(server)
    assert connections(redis) == before - 1


def test_during_scrapes(exporter: Exporter, server: Postgres) -> None:
    with scraping(exporter):
        ends(exporter)
    nobody_left(server)


def test_while_a_query_waits_for_a_lock(exporter: Exporter, server: Postgres) -> None:
    with server.connect() as locker:
        server.execute("ALTER ROLE postgres SET lock_timeout = 0")
        try:
            locker.execute("BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE")
            with scraping(exporter, 1):
                ends(exporter)
            locker.execute("ROLLBACK")
        finally:
            server.execute("ALTER ROLE postgres RESET lock_timeout")
    nobody_left(server)


def test_while_the_database_is_frozen(exporter: Exporter, server: Postgres) -> None:
    server.freeze()
    try:
        with scraping(exporter, 2):
            ends(exporter)
    finally:
        server.thaw()
    nobody_left(server)


def test_while_all_is_frozen_for_long(exporter: Exporter, server: Postgres, redis: Redis) -> None:
    server.freeze()
    redis.freeze()
    try:
        assert value(timed_scrape(exporter), "pg_up") == 0
        sleep(1)
        ends(exporter)
    finally:
        redis.thaw()
        server.thaw()
    nobody_left(server)


def test_with_clients_that_say_nothing(exporter: Exporter) -> None:
    silent = [socket.create_connection(("127.0.0.1", exporter.port)) for _ in range(3)]
    silent[1].sendall(b"GET /metrics HTTP/1.1\r\nHos")
    silent[2].sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        ends(exporter)
    finally:
        for client in silent:
            client.close()


def test_before_anybody_has_asked(server: Postgres) -> None:
    with Exporter(postgres__dsn=server.dsn()) as exporter:
        ends(exporter)
    nobody_left(server)


def test_a_second_signal_does_no_harm(exporter: Exporter, server: Postgres) -> None:
    server.freeze()
    try:
        with scraping(exporter, 2):
            os.kill(exporter.pid, signal.SIGTERM)
            sleep(0.05)
            ends(exporter)
    finally:
        server.thaw()
    nobody_left(server)


def test_while_it_reloads(exporter: Exporter, server: Postgres) -> None:
    for _ in range(5):
        os.kill(exporter.pid, signal.SIGHUP)
    ends(exporter)
    nobody_left(server)


def start_line(address: str) -> subprocess.CompletedProcess[str]:
    """Starts one on an address that it can't have."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", "--web.listen-address", address],
        cwd=catalogue.ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(catalogue.ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "0.0.0.0:{port}", ":{port}", "localhost:{port}"])
def test_the_port_is_taken(exporter: Exporter, address: str) -> None:
    done = start_line(address.format(port=exporter.port))

    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "in use" in line]
    assert len(lines) == 1
    assert str(exporter.port) in lines[0]
    assert "web.listen_address" in lines[0]
    assert "Traceback" not in done.stderr
    assert value(timed_scrape(exporter), "pg_up") == 1


@pytest.mark.parametrize("address", ["192.0.2.1:9188", "nowhere.invalid:9188", "[2001:db8::1]:9188"])
def test_an_address_that_is_not_ours(address: str) -> None:
    done = start_line(address)

    assert done.returncode == 2
    assert address in done.stderr
    assert "web.listen_address" in done.stderr
    assert "Traceback" not in done.stderr
