"""The servers that the benchmarks watch, started when first asked for, with both exporters beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any, Self

import psycopg
import yaml

from exporter.demo.process import LOOPBACK
from tests.bench import tenants
from tests.servers import (
    Exporter,
    PgBouncer,
    Postgres,
    Redis,
    Upstream,
    node_exporter,
    pgbouncer_exporter,
    redis_exporter,
)
from tests.servers.missing import Missing
from tests.servers.pgbouncer import STATS
from tests.servers.program import config_file

QUERIES = Path("/usr/share/doc/prometheus-postgres-exporter/examples/queries.yaml")
NOT_ON_15 = ("pg_stat_statements", "pg_process_idle")

OURS, THEIRS, PASSWORD = "ours", "theirs", "bench"
DATABASES = ("shop1", "shop2", "shop3", "shop4")
TABLES_EACH = 2_750
DATABASE, CLIENTS = "shop", 10

# What postgres_exporter with its queries shows as well: its series, some under older names.
SAME_AS_UPSTREAM = (
    *("database", "database_size", "locks", "postgres_up", "replication", "replication_slots", "settings"),
    *("stat_activity", "stat_archiver", "stat_bgwriter", "stat_database", "stat_database_conflicts"),
    *("stat_replication", "stat_user_tables", "statio_user_tables"),
)

SETTINGS = {
    "autovacuum": "off",
    "max_locks_per_transaction": "1024",
    "max_wal_size": "8GB",
    "pg_stat_statements.track_planning": "on",
    "shared_buffers": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
}

CREATE_TABLES = f"""DO $$
DECLARE name text;
BEGIN
    FOR i IN 1..{TABLES_EACH} LOOP
        name := format('table_%s', lpad(i::text, 5, '0'));
        EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, parent int, note text)', name);
        EXECUTE format('CREATE INDEX ON %I (parent)', name);
        EXECUTE format('INSERT INTO %I VALUES (1, 1, ''a''), (2, 1, ''b''), (3, 2, ''c'')', name);
    END LOOP;
END $$"""


@dataclass(frozen=True, slots=True)
class Statements:
    """What a role's statements have cost the server so far."""

    calls: int
    milliseconds: float


class Watched:
    """A PostgreSQL 15 and both exporters beside it, each with a role of its own in pg_monitor.

    Args:
        stack: ends all.
        databases: to be made, with many tables each.
        settings: of the server.
        fill: makes what else is to be there.
        beside: starts what else ours watches, and tells its settings.
        ours: settings of our exporter.
    """

    def __init__(
        self,
        stack: ExitStack,
        databases: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        fill: Callable[[Postgres], None] = lambda _server: None,
        beside: Callable[[Postgres], Mapping[str, Any]] = lambda _server: {},
        **ours: Any,
    ) -> None:
        self.server = stack.enter_context(Postgres(settings=SETTINGS | dict(settings or {})))
        self.server.execute("CREATE EXTENSION pg_stat_statements")
        for role in (OURS, THEIRS):
            self.server.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        more = {**ours, **beside(self.server)}
        self.ours = stack.enter_context(Exporter(postgres__dsn=self._dsn(OURS), **more))
        self.theirs = stack.enter_context(self._postgres_exporter())
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._fill, databases))
        fill(self.server)
        self.server.execute("CHECKPOINT")

    def _fill(self, database: str) -> None:
        self.server.execute(f"CREATE DATABASE {database}")
        self.server.execute(CREATE_TABLES, dbname=database)
        self.server.execute("ANALYZE", dbname=database)

    def _dsn(self, role: str) -> str:
        return self.server.dsn(user=role, password=PASSWORD)

    def _postgres_exporter(self) -> Upstream:
        def line(port: int) -> list[str]:
            queries = config_file(upstream.process, "queries.yaml", upstream_queries())
            return [
                f"--web.listen-address={LOOPBACK}:{port}",
                "--auto-discover-databases",
                f"--extend.query-path={queries}",
            ]

        env = {"DATA_SOURCE_NAME": self._dsn(THEIRS) + "?sslmode=disable"}
        upstream = Upstream("prometheus-postgres-exporter", line, env)
        return upstream

    def statements(self, role: str) -> Statements:
        """Source: pg_stat_statements with planning; what it counts begins at `forget_statements`."""
        sql = f"""SELECT coalesce(sum(calls), 0)::int,
                         coalesce(sum(total_plan_time + total_exec_time), 0)::float8
                  FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid
                  WHERE r.rolname = '{role}'"""
        return Statements(*self.server.execute(sql)[0])

    def forget_statements(self) -> None:
        """Begins to count anew."""
        self.server.execute("SELECT pg_stat_statements_reset()")


def upstream_queries() -> dict[str, object]:
    """The queries file that Debian ships, without what fails on PostgreSQL 15.

    Raises:
        Missing: it is not there.
    """
    if not QUERIES.exists():
        raise Missing(f"{QUERIES} is not there: it comes with prometheus-postgres-exporter")
    queries = yaml.safe_load(QUERIES.read_text())
    return {name: query for name, query in queries.items() if name not in NOT_ON_15}


class Stacks:
    """What the benchmarks of one run share. A context manager that leaves nothing behind."""

    pgbouncer: PgBouncer
    """In front of the server of the small stack, from when that was asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    @cached_property
    def redis(self) -> Redis:
        """A Redis 7.0 with a few keys."""
        redis = self._stack.enter_context(Redis())
        with redis.client() as client:
            client.mset({f"key:{n}": "value" for n in range(1000)})
        return redis

    @cached_property
    def small(self) -> Watched:
        """One database; ours watches the Redis, a PgBouncer and the host as well."""

        def behind_pgbouncer(server: Postgres) -> Mapping[str, Any]:
            databases = {DATABASE: f"host={LOOPBACK} port={server.port} dbname=postgres"}
            self.pgbouncer = self._stack.enter_context(PgBouncer(server, databases=databases))
            return {"pgbouncer__dsn": self.pgbouncer.dsn(user=STATS)}

        watched = Watched(self._stack, beside=behind_pgbouncer, redis__address=self.redis.url)
        for _ in range(CLIENTS):
            dsn = self.pgbouncer.dsn(dbname=DATABASE, user="postgres")
            self._stack.enter_context(psycopg.connect(dsn)).execute("SELECT 1")
        watched.server.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
        watched.server.execute("INSERT INTO orders SELECT g, 'note' FROM generate_series(1, 1000) AS g")
        return watched

    @cached_property
    def large(self) -> Watched:
        """11,000 tables in four databases; ours watches nothing else."""
        watched = Watched(self._stack, DATABASES, host__enabled=False)
        sleep(1.0)  # the statistics of the sessions that made them arrive
        return watched

    @cached_property
    def fleet(self) -> Watched:
        """500 databases; ours watches nothing else."""
        return Watched(self._stack, settings=tenants.SETTINGS, fill=tenants.fill, host__enabled=False)

    @cached_property
    def redis_exporter(self) -> Upstream:
        """Beside the Redis."""
        return self._stack.enter_context(redis_exporter(self.redis))

    @cached_property
    def pgbouncer_exporter(self) -> Upstream:
        """Beside the PgBouncer."""
        return self._stack.enter_context(pgbouncer_exporter(self.pgbouncer))

    @cached_property
    def node_exporter(self) -> Upstream:
        """Beside the host."""
        return self._stack.enter_context(node_exporter())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def collect(*names: str) -> str:
    """The path of our page with these collectors."""
    return "/metrics?" + "&".join(f"collect[]={name}" for name in names)
