"""Groups of real servers' processes against psutil's own sums, and what stays when members are killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from exporter.collectors.host import process_groups
from exporter.model.deadline import Deadline
from exporter.model.table import Table
from exporter.sources.host import Host, HostOptions
from exporter.sources.host.elsewhere import ElsewhereHost
from exporter.sources.host.processes import Process, Processes
from exporter.sources.host.processes_elsewhere import PsutilProcesses
from tests.record_host import page
from tests.servers import Postgres, Redis, require
from tests.servers.page import samples_of

pytestmark = pytest.mark.live

CLIENTS = 4
DATABASE = "groups"

Shown = Callable[..., float | None]


class Only(Host):
    """This machine, of which only the processes of these servers are seen."""

    def __init__(self, *servers: Postgres | Redis) -> None:
        super().__init__(HostOptions(process_pss_seconds=2.0))
        self.servers = servers

    def pids(self) -> list[int]:
        return [pid for server in self.servers for pid in family(server)]

    def proc_names(self, relative: str) -> list[str]:
        return list(map(str, self.pids())) if relative == "" else super().proc_names(relative)


class OnlyElsewhere(ElsewhereHost):
    """The same as psutil sees it."""

    def __init__(self, host: Only) -> None:
        super().__init__(host.options)
        self._host = host

    def processes(self) -> Processes:
        seen = PsutilProcesses()
        everything = seen.all

        def those() -> list[Process]:
            pids = set(self._host.pids())
            return [process for process in everything() if process.pid in pids]

        seen.all = those  # type: ignore[method-assign]
        return seen


def family(server: Postgres | Redis) -> list[int]:
    """The server's process and those that it has started."""
    parent = psutil.Process(server.pid)
    return [parent.pid, *(child.pid for child in parent.children(recursive=True))]


class Groups:
    """Runs of one collector."""

    def __init__(self, host: Host) -> None:
        self._collect = process_groups.build(host)

    def shown(self) -> Shown:
        async def once() -> Sequence[Table]:
            return await self._collect(Deadline.after(20))

        samples = samples_of(page(asyncio.run(once())).decode())

        def of(name: str, group: str, **labels: str) -> float | None:
            found = samples.get(f"namedprocess_namegroup_{name}", {})
            return found.get(frozenset({"groupname": group, **labels}.items()))

        return of


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server without autovacuum, whose processes come and go only when the tests say so."""
    with require(Postgres, settings={"autovacuum": "off", "cluster_name": "eu: 1"}) as postgres:
        postgres.execute(f"CREATE DATABASE {DATABASE}")
        postgres.execute("CREATE TABLE big AS SELECT generate_series(1, 200000) AS n", dbname=DATABASE)
        yield postgres


@pytest.fixture
def clients(server: Postgres) -> Iterator[list[psycopg.Connection[tuple[int]]]]:
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect(dbname=DATABASE)) for _ in range(CLIENTS)]
        for connection in connections:
            connection.execute("SELECT sum(n) FROM big")
        yield connections


def backends(clients: Sequence[psycopg.Connection]) -> list[psutil.Process]:
    return [psutil.Process(client.info.backend_pid) for client in clients]


CLIENT_GROUP = f"postgres client {DATABASE}"


def test_groups_are_those_that_the_server_knows(server, clients, redis):
    shown = Groups(Only(server, redis)).shown()
    told = server.execute(
        "SELECT backend_type, count(*) FROM pg_stat_activity"
        " WHERE backend_type <> 'client backend' GROUP BY backend_type"
    )
    assert len(told) >= 3
    assert {kind: shown("num_procs", f"postgres {kind}") for kind, _ in told} == dict(told)
    assert shown("num_procs", CLIENT_GROUP) == len(clients)
    assert shown("num_procs", "postgres postmaster") == 1
    assert shown("num_procs", "redis-server") == 1


@pytest.mark.parametrize("see", [lambda host: host, OnlyElsewhere], ids=["files", "psutil"])
def test_sums_are_those_of_psutil(server, clients, see):
    shown = Groups(see(Only(server))).shown()
    members = backends(clients)
    full = [member.memory_full_info() for member in members]
    memory = {kind: shown("memory_bytes", CLIENT_GROUP, memtype=kind) for kind in ("resident", "virtual")}
    assert memory == {
        "resident": pytest.approx(sum(m.rss for m in full), rel=0.02),
        "virtual": sum(m.vms for m in full),
    }
    proportional = shown("memory_bytes", CLIENT_GROUP, memtype="proportionalResident") or 0
    assert proportional == pytest.approx(sum(m.pss for m in full), rel=0.05)
    assert (memory["resident"] or 0) > 1.5 * proportional, "shared buffers count once for each backend"
    assert shown("open_filedesc", CLIENT_GROUP) == sum(member.num_fds() for member in members)
    assert shown("num_threads", CLIENT_GROUP) == len(members)
    oldest = min(member.create_time() for member in members)
    assert shown("oldest_start_time_seconds", CLIENT_GROUP) == pytest.approx(oldest, abs=1.1)
    for source in ("io", "fd", "smaps_rollup"):
        assert shown("unread_procs", CLIENT_GROUP, source=source) == 0


@pytest.mark.parametrize("see", [lambda host: host, OnlyElsewhere], ids=["files", "psutil"])
def test_counters_do_not_fall_when_members_are_killed(server, clients, see):
    groups = Groups(see(Only(server)))
    before = [sum(member.cpu_times()[:2]) for member in backends(clients)]
    assert cpu(groups.shown()) == 0
    for client in clients:
        work(client)
    after = [sum(member.cpu_times()[:2]) for member in backends(clients)]
    used = sum(after) - sum(before)
    assert used > 0.2
    assert cpu(groups.shown()) == pytest.approx(used, abs=0.1)

    clients[0].execute("SELECT pg_terminate_backend(%s)", [clients[1].info.backend_pid])
    os.kill(clients[2].info.backend_pid, 15)
    wait_for(clients[1:3])
    shown = groups.shown()
    assert shown("num_procs", CLIENT_GROUP) == CLIENTS - 2
    assert cpu(shown) == pytest.approx(used, abs=0.1)

    with server.connect(dbname=DATABASE) as newcomer:
        work(newcomer)
        own = sum(psutil.Process(newcomer.info.backend_pid).cpu_times()[:2])
        assert cpu(groups.shown()) == pytest.approx(used + own, abs=0.1)


def cpu(shown: Shown) -> float:
    modes = [shown("cpu_seconds_total", CLIENT_GROUP, mode=mode) for mode in ("user", "system")]
    return sum(value for value in modes if value is not None)


def work(client: psycopg.Connection) -> None:
    client.execute("SELECT count(md5(i::text)) FROM generate_series(1, 150000) AS i")


def wait_for(clients: Sequence[psycopg.Connection]) -> None:
    gone, alive = psutil.wait_procs(
        [psutil.Process(c.info.backend_pid) for c in clients if psutil.pid_exists(c.info.backend_pid)],
        timeout=10,
    )
    _ = gone
    assert alive == []


def test_descriptors_by_their_limit(server, clients):
    shown = Groups(Only(server)).shown()
    members = backends(clients)
    lines = Path(f"/proc/{members[0].pid}/limits").read_text().splitlines()
    (limit,) = (int(line.split()[3]) for line in lines if line.startswith("Max open files"))
    assert shown("worst_fd_ratio", CLIENT_GROUP) == max(member.num_fds() for member in members) / limit


def test_groups_stay_when_the_server_has_gone():
    with require(Redis) as server:
        host = Only(server)
        groups = Groups(host)
        assert groups.shown()("num_procs", "redis-server") == 1
        server.client().ping()
        host.servers = ()
        shown = groups.shown()
    assert shown("num_procs", "redis-server") == 0
    assert shown("memory_bytes", "redis-server", memtype="resident") == 0
    assert (shown("cpu_seconds_total", "redis-server", mode="user") or 0) >= 0


AS_ANOTHER_USER = """
import asyncio, os, sys
from exporter.collectors.host import process_groups
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.sources.host import Host
class Only(Host):
    def proc_names(self, relative):
        return sys.argv[1:] if relative == "" else super().proc_names(relative)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
async def main():
    return await process_groups.build(Only())(Deadline.after(20))
sys.stdout.buffer.write(b"".join(TextEncoder().encode(asyncio.run(main()))))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a process of another user")
def test_what_another_user_may_not_read_is_absent_and_counted(redis):
    command = [sys.executable, "-c", AS_ANOTHER_USER, str(redis.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert 'namedprocess_namegroup_memory_bytes{groupname="redis-server",memtype="resident"}' in text
    for name in ("read_bytes_total", "write_bytes_total", "open_filedesc", "worst_fd_ratio"):
        assert f"namedprocess_namegroup_{name}{{" not in text
    assert "proportional" not in "".join(line for line in text.splitlines() if not line.startswith("#"))
    for source in ("io", "fd", "smaps_rollup"):
        assert f'unread_procs{{groupname="redis-server",source="{source}"}} 1' in text
    assert "namedprocess_scrape_partial_errors 3" in text
