"""A real PostgreSQL and a real Redis of our own, with a workload: something to look at on a bare machine."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg
import yaml
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from exporter.demo.account import Account, server_account, within_reach
from exporter.demo.binaries import PostgresBinaries, find_postgres, find_redis
from exporter.demo.servers import PostgresProcess, RedisProcess
from exporter.demo.workload import Workload

# As people have it who care for their data, and see what they ask: else that is what analyze finds.
SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "off",
    "track_activity_query_size": "4096",
}
MONITOR = "exporter"
SHOP = "shop"


class DemoStack:
    """The demo's servers, in a temporary folder on free ports of 127.0.0.1. A context manager.

    As root the servers run as another user (`server_account`). They end with this process however it ends;
    only after kill -9 the folder stays in the system's temporary folder.

    Attributes:
        postgres_dsn: the shop's database, as a member of pg_monitor that may read the shop's tables.
        redis_url: the shop's cache.
        config: a file of settings with both addresses, for other commands: only its owner may read it.
        postgres: the server's process.
        redis: the server's process.
    """

    postgres_dsn: str
    redis_url: str
    config: Path
    postgres: PostgresProcess
    redis: RedisProcess

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._workload: Workload | None = None

    def start(self) -> Self:
        """Starts both servers and fills them; it takes two seconds or three.

        Raises:
            BinariesMissing: no server program on this machine; the message says how to get one.
            ServerFailed: a server did not start; the message holds what it said.
        """
        with ExitStack() as stack:
            binaries, redis_server = find_postgres(), find_redis()
            account = server_account()
            folder = _folder(stack, account)
            program = within_reach(binaries.program, account, folder)
            self.postgres = stack.enter_context(_postgres(binaries, program, folder, account))
            program = within_reach(redis_server, account, folder)
            self.redis = stack.enter_context(
                RedisProcess(program, folder / "redis", settings={"maxmemory": "64mb"}, account=account)
            )
            self._fill(binaries)
            self.config = self._write_config(folder)
            self._stack = stack.pop_all()
        return self

    def stop(self) -> None:
        """Ends both servers and removes the folder."""
        self._stack.close()

    @property
    def pool(self) -> AsyncConnectionPool:
        """The shop's connection pool, for a look at its numbers; it is open while the workload runs."""
        return self._shop().pool

    async def run_workload(self) -> None:
        """Acts as the shop's visitors until it is cancelled; a server that went away is waited for."""
        await self._shop().run()

    def _shop(self) -> Workload:
        if self._workload is None:
            raise RuntimeError("the demo has not been started")
        return self._workload

    def _fill(self, binaries: PostgresBinaries) -> None:
        with psycopg.connect(self.postgres.dsn, autocommit=True) as connection:
            monitor, shop = _role(connection, MONITOR), _role(connection, SHOP)
            connection.execute("GRANT pg_monitor TO exporter")
            connection.execute("CREATE DATABASE shop OWNER shop")
        self.postgres_dsn = self.postgres.dsn_of(dbname=SHOP, user=MONITOR, password=monitor)
        self.redis_url = self.redis.dsn
        self._workload = Workload(self.postgres.dsn_of(dbname=SHOP, user=SHOP, password=shop), self.redis_url)
        self._workload.create()
        with psycopg.connect(self.postgres.dsn_of(dbname=SHOP)) as connection:
            # Plans take the right to read.
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO exporter")
            connection.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO exporter")
            if binaries.statements:
                connection.execute("ALTER ROLE exporter SET pg_stat_statements.track = 'none'")
                connection.execute("CREATE EXTENSION pg_stat_statements")
                # What was said so far is not the shop's, and has the roles' verifiers in it.
                connection.execute("SELECT pg_stat_statements_reset()")
        self._workload.rehearse()

    def _write_config(self, folder: Path) -> Path:
        path = folder / "exporter.yml"
        path.touch(mode=0o600)
        servers = {"postgres": {"dsn": self.postgres_dsn}, "redis": {"address": self.redis_url}}
        path.write_text(yaml.safe_dump(servers))
        return path

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _folder(stack: ExitStack, account: Account) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="datastack-exporter-demo-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    account.give(folder)
    return folder


def _postgres(binaries: PostgresBinaries, program: Path, folder: Path, account: Account) -> PostgresProcess:
    settings = {"max_connections": "30", "track_io_timing": "on", "log_checkpoints": "off"}
    settings |= SAFE
    if binaries.major >= 14:
        settings["track_wal_io_timing"] = "on"
    if binaries.statements:
        settings["shared_preload_libraries"] = "pg_stat_statements"
    return PostgresProcess(program.parent, folder / "postgres", settings=settings, account=account)


def _role(connection: psycopg.Connection[Any], name: str) -> str:
    """Creates a role that may log in, and returns its password; the server sees only the verifier."""
    password = secrets.token_urlsafe(18)
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(create.format(sql.Identifier(name), verifier.decode()))
    return password
