"""The servers that tests use: each starts, answers, freezes, thaws, dies, comes back, is gone at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil
import psycopg
import pytest
import redis as redis_client

from exporter.demo.account import server_account, within_reach
from exporter.demo.binaries import postgres_binaries
from exporter.demo.servers import ONE_TRY, PostgresProcess
from tests.servers import (
    DEFAULT_MAJOR,
    DEFAULT_VERSION,
    MAJORS,
    VERSIONS,
    Alertmanager,
    PgBouncer,
    Postgres,
    Prometheus,
    Redis,
    catalogue,
    folders,
    node_exporter,
    pgbouncer_exporter,
    postgres_exporter,
    redis_exporter,
    require,
)
from tests.servers.page import request
from tests.servers.postgres import STOP_SIGNALS, StopMode

pytestmark = pytest.mark.live


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = monotonic() + seconds
    while not (now := true()) and monotonic() < end:
        sleep(0.01)
    return now


def gone_within(seconds: float, *pids: int) -> bool:
    return eventually(lambda: not any(map(alive, pids)), seconds)


def blocked(port: int, question: bytes) -> bool:
    """Whether nothing comes back for half a second."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.settimeout(0.5)
        connection.sendall(question)
        try:
            return not connection.recv(1)
        except TimeoutError:
            return True


@pytest.mark.parametrize("major", MAJORS)
def test_each_postgres_lives_and_leaves_nothing(major: int) -> None:
    with require(Postgres, major, settings={"work_mem": "3MB"}) as server:
        family = [process.pid for process in server.process.family()]
        assert len(family) > 4
        assert server.execute("SHOW server_version_num")[0][0].startswith(str(major))
        assert server.execute("SHOW work_mem") == [("3MB",)]
        assert server.execute("CREATE EXTENSION pgstattuple; SELECT 1") == [(1,)]
        assert server.log.count("ready to accept connections") == 1
        folder = server.folder
    assert gone_within(2, *family)
    assert not folder.exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_each_redis_lives_and_leaves_nothing(version: str) -> None:
    with require(Redis, version, args=["--maxmemory", "32mb"]) as server:
        pid = server.pid
        assert server.execute("INFO", "server")["redis_version"].startswith(version)
        assert server.execute("CONFIG", "GET", "maxmemory") == {"maxmemory": "33554432"}
        assert server.execute("DEBUG", "SLEEP", "0") in ("OK", True)
        folder = server.folder
    assert gone_within(2, pid)
    assert not folder.exists()


def test_redis_with_a_password_wants_it() -> None:
    with require(Redis, password="open sesame") as server:
        assert server.execute("PING") in ("PONG", True)
        with (
            redis_client.Redis(host="127.0.0.1", port=server.port, retry=ONE_TRY) as client,
            pytest.raises(redis_client.AuthenticationError),
        ):
            client.ping()


def test_a_frozen_postgres_holds_connections_and_a_thawed_one_answers(fresh_postgres: Postgres) -> None:
    with fresh_postgres.connect() as connection:
        fresh_postgres.freeze()
        statuses = {process.status() for process in fresh_postgres.process.family()}
        assert statuses == {psutil.STATUS_STOPPED}
        connection.pgconn.send_query(b"SELECT 41 + 1")
        sleep(0.3)
        connection.pgconn.consume_input()
        assert connection.pgconn.is_busy()
        fresh_postgres.thaw()
        result = connection.pgconn.get_result()
        assert result is not None
        assert result.get_value(0, 0) == b"42"
        while connection.pgconn.get_result():
            pass


def test_a_frozen_postgres_can_be_stopped(fresh_postgres: Postgres) -> None:
    fresh_postgres.freeze()
    start = monotonic()
    fresh_postgres.stop()
    assert monotonic() - start < 5
    assert not fresh_postgres.running


def test_a_killed_postgres_breaks_connections_and_recovers(fresh_postgres: Postgres) -> None:
    fresh_postgres.execute("CREATE TABLE kept AS SELECT 7 AS n")
    port = fresh_postgres.port
    with fresh_postgres.connect() as connection:
        family = [process.pid for process in fresh_postgres.process.family()]
        fresh_postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert not any(map(alive, family))
    fresh_postgres.start()
    assert fresh_postgres.port == port
    assert fresh_postgres.execute("SELECT n FROM kept") == [(7,)]
    assert "automatic recovery in progress" in fresh_postgres.log


@pytest.mark.parametrize("mode", STOP_SIGNALS)
def test_the_stop_mode_decides_how_postgres_ends(mode: StopMode) -> None:
    with require(Postgres, stop_mode=mode) as server:
        server.restart()
        assert f"received {mode} shutdown request" in server.log
        assert server.execute("SELECT 1") == [(1,)]


def test_redis_freezes_thaws_dies_and_restarts(fresh_redis: Redis) -> None:
    fresh_redis.freeze()
    assert blocked(fresh_redis.port, b"PING\r\n")
    fresh_redis.thaw()
    assert fresh_redis.execute("PING") in ("PONG", True)
    first = fresh_redis.pid
    fresh_redis.kill()
    assert not alive(first)
    fresh_redis.start()
    fresh_redis.restart()
    assert fresh_redis.execute("INFO", "server")["process_id"] == fresh_redis.pid != first


def test_pgbouncer_passes_on_and_has_a_console(pgbouncer: PgBouncer) -> None:
    with psycopg.connect(pgbouncer.dsn(dbname="postgres", user="postgres"), autocommit=True) as connection:
        row = connection.execute("SELECT inet_server_port()").fetchone()
    assert row == (pgbouncer.postgres.port,)
    assert "postgres" in [pool["database"] for pool in pgbouncer.console("SHOW POOLS", user="stats")]
    with pytest.raises(psycopg.Error):
        pgbouncer.console("RELOAD", user="stats")
    assert pgbouncer.console("RELOAD") == []


def test_pgbouncer_takes_settings_and_restarts(postgres: Postgres) -> None:
    with require(PgBouncer, postgres, ini={"pool_mode": "transaction"}) as bouncer:
        bouncer.restart()
        settings = {row["key"]: row["value"] for row in bouncer.console("SHOW CONFIG")}
        assert settings["pool_mode"] == "transaction"
        pid = bouncer.pid
    assert gone_within(2, pid)


def test_prometheus_scrapes_an_exporter_and_reloads() -> None:
    with require(node_exporter) as node:
        job = {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{node.port}"]}]}
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
        with require(Prometheus, config) as prometheus:
            assert prometheus.wait_for('up{job="node"} == 1')
            prometheus.reload({**config, "scrape_configs": [{**job, "job_name": "host"}]})
            loaded = "job_name: host"
            assert eventually(lambda: loaded in prometheus.api("status/config")["yaml"])


def test_alertmanager_takes_an_alert() -> None:
    with require(Alertmanager) as alertmanager:
        assert alertmanager.alerts() == []
        body = b'[{"labels": {"alertname": "Loud"}}]'
        header = {"Content-Type": "application/json"}
        request(alertmanager.port, "/api/v2/alerts", method="POST", headers=header, body=body)
        assert [alert["labels"]["alertname"] for alert in alertmanager.alerts()] == ["Loud"]


def test_upstream_exporters_see_their_targets(postgres: Postgres, redis: Redis, pgbouncer: PgBouncer) -> None:
    with require(postgres_exporter, postgres) as upstream:
        assert upstream.samples()["pg_up"] == {frozenset(): 1.0}
        assert upstream.parsed()["pg_up"].type == "gauge"
        assert upstream.rss_bytes() > 1_000_000
        assert upstream.open_fds() > 3
        assert upstream.cpu_seconds() > 0
    with require(redis_exporter, redis) as upstream:
        assert upstream.samples()["redis_up"] == {frozenset(): 1.0}
    with require(pgbouncer_exporter, pgbouncer) as upstream:
        assert upstream.samples()["pgbouncer_databases"] != {}


ORPHAN = """
import sys
from tests.servers import Postgres, Redis, folders
postgres, redis = Postgres().start(), Redis().start()
if sys.argv[1] == "thread":
    import threading
    extra = []
    starter = threading.Thread(target=lambda: extra.append(Redis().start()))
    starter.start()
    starter.join()
    import time
    time.sleep(0.3)
    assert extra[0].execute("PING")
pids = [process.pid for server in (postgres, redis) for process in server.process.family()]
print(folders.base(), *pids, flush=True)
if sys.argv[1] != "thread":
    sys.stdin.read()
"""


@contextmanager
def orphans(how: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process with servers of its own, and their pids; a killed one can't remove its folder."""
    require(catalogue.postgres_bin, DEFAULT_MAJOR)
    require(catalogue.redis_server, DEFAULT_VERSION)
    child = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, how],
        cwd=catalogue.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        folder, *pids = child.stdout.readline().split()
        yield child, [int(pid) for pid in pids]
        child.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has ended")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_servers_end_with_the_process_that_started_them(signum: signal.Signals) -> None:
    with orphans("wait") as (child, pids):
        assert len(pids) > 5
        assert all(map(alive, pids))
        child.send_signal(signum)
        child.wait(10)
        assert gone_within(5, *pids)


def test_a_server_started_by_a_short_thread_lives_on_and_ends_with_the_process() -> None:
    with orphans("thread") as (child, pids):
        assert child.wait(20) == 0
        assert gone_within(5, *pids)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_programs_in_a_closed_folder_are_copied(tmp_path: Path) -> None:
    """pytest's folder is closed to others, as is the home folder of root."""
    source = require(catalogue.postgres_bin, 16).parent
    shutil.copytree(source, tmp_path / "closed" / "pg", symlinks=True)
    tmp_path.chmod(0o700)
    binaries = postgres_binaries(tmp_path / "closed" / "pg" / "bin")
    assert binaries is not None
    account, folder = server_account(), folders.new("copy")
    account.give(folder)
    moved = within_reach(binaries.program, account, folder)
    assert moved.is_relative_to(folder)
    with (
        PostgresProcess(moved.parent, folder / "cluster") as server,
        psycopg.connect(server.dsn) as connection,
    ):
        row = connection.execute("SHOW server_version_num").fetchone()
    assert row is not None
    assert row[0].startswith("16")
