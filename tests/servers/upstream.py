"""The exporters that this project replaces, from Debian's packages, to be run side by side with ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from exporter.demo.process import LOOPBACK
from tests.servers import catalogue
from tests.servers.controlled import Controlled
from tests.servers.page import Page
from tests.servers.pgbouncer import STATS, PgBouncer
from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.program import Program
from tests.servers.redis import Redis


class Upstream(Page, Controlled[Program]):
    """One of the exporters; made by the functions below, each of which raises `Missing` without it.

    Args:
        package: its Debian package.
        line: makes its arguments from the port.
        env: its environment variables.
    """

    def __init__(
        self, package: str, line: Callable[[int], Sequence[str]], env: Mapping[str, str] | None = None
    ) -> None:
        program = catalogue.debian_program(package)

        def command(port: int) -> list[str | Path]:
            return [program, *line(port)]

        super().__init__(Program(package, command, env=env))


def postgres_exporter(postgres: Postgres, *arguments: str, dbname: str = "postgres") -> Upstream:
    """postgres_exporter 0.11 as the superuser."""
    return Upstream(
        "prometheus-postgres-exporter",
        lambda port: [f"--web.listen-address={LOOPBACK}:{port}", *arguments],
        {"DATA_SOURCE_NAME": postgres.dsn(dbname=dbname) + "?sslmode=disable"},
    )


def redis_exporter(redis: Redis, *arguments: str) -> Upstream:
    """redis_exporter 1.45."""
    return Upstream(
        "prometheus-redis-exporter",
        lambda port: ["-web.listen-address", f"{LOOPBACK}:{port}", *arguments],
        {"REDIS_ADDR": f"redis://{LOOPBACK}:{redis.port}", "REDIS_PASSWORD": redis.process.password},
    )


def node_exporter(*arguments: str) -> Upstream:
    """node_exporter 1.5."""
    return Upstream(
        "prometheus-node-exporter",
        lambda port: [f"--web.listen-address={LOOPBACK}:{port}", *arguments],
    )


def pgbouncer_exporter(pgbouncer: PgBouncer, *arguments: str) -> Upstream:
    """pgbouncer_exporter 1.7, which is not the one of prometheus-community.

    It dies of any row of SHOW STATS of PgBouncer 1.8 and newer, which has no column total_requests. So it
    is told to look at a database without statistics, and shows SHOW LISTS and what it knows by name.
    """
    where = ["--pgbouncer-host", LOOPBACK, "--pgbouncer-port", str(pgbouncer.port), "--pgbouncer-user", STATS]
    where += ["--database", "without_statistics"]
    return Upstream(
        "prometheus-pgbouncer-exporter",
        lambda port: ["--host", LOOPBACK, "--port", str(port), *where, *arguments],
        {"PGPASSWORD": PASSWORD},
    )
