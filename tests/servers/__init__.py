"""Real servers for tests: where each comes from (`install`), and how to start, freeze and kill it."""

from tests.servers.daemon import Exporter
from tests.servers.missing import Missing, require
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import DEFAULT_MAJOR, MAJORS, Postgres
from tests.servers.prometheus import Alertmanager, Prometheus
from tests.servers.redis import DEFAULT_VERSION, VERSIONS, Redis
from tests.servers.upstream import (
    Upstream,
    node_exporter,
    pgbouncer_exporter,
    postgres_exporter,
    redis_exporter,
)

__all__ = [
    "DEFAULT_MAJOR",
    "DEFAULT_VERSION",
    "MAJORS",
    "VERSIONS",
    "Alertmanager",
    "Exporter",
    "Missing",
    "PgBouncer",
    "Postgres",
    "Prometheus",
    "Redis",
    "Upstream",
    "node_exporter",
    "pgbouncer_exporter",
    "postgres_exporter",
    "redis_exporter",
    "require",
]
