"""Two hundred named targets on ten real servers, an exporter that watches them, a Prometheus that asks it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import psycopg
from redis import RedisError

from exporter.demo.process import LOOPBACK
from tests.servers import Exporter, Postgres, Prometheus, Redis, folders

POSTGRES_SERVERS, DATABASES_EACH = 5, 30
REDIS_SERVERS, NAMES_EACH = 5, 10
TARGETS = POSTGRES_SERVERS * DATABASES_EACH + REDIS_SERVERS * NAMES_EACH
INTERVAL_SECONDS = 15
ROLE, PASSWORD = "exporter", "bench"

SETTINGS = {
    "autovacuum": "off",
    "log_connections": "on",
    "log_line_prefix": "%m ",
    "max_connections": "200",
    "pg_stat_statements.max": "500",
    "shared_preload_libraries": "pg_stat_statements",
}
AUTHORIZED = re.compile(rf"^\S+ (\S+) UTC LOG:  connection authorized: user={ROLE} ", re.MULTILINE)
SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"

TABLES = """
CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, customer int, note text);
CREATE TABLE IF NOT EXISTS customers (id serial PRIMARY KEY, name text);
CREATE INDEX IF NOT EXISTS orders_customer ON orders (customer);
INSERT INTO orders (customer, note) SELECT n % 50, 'note' FROM generate_series(1, 500) AS n;
INSERT INTO customers (name) SELECT 'name' FROM generate_series(1, 50);
ANALYZE orders, customers"""
WORK = (
    "SELECT count(*) FROM orders WHERE customer = 7",
    "UPDATE orders SET note = note || 'x' WHERE id = 1 + (random() * 400)::int",
    "INSERT INTO orders (customer, note) SELECT (random() * 50)::int, 'new'",
    "SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer LIMIT 20",
)


@dataclass(frozen=True, slots=True)
class Servers:
    """The real servers, and what stands in the section `targets` for each of the names on them.

    Attributes:
        postgres: each with its databases `db00`, `db01` and so on.
        redis: each watched under several names.
    """

    postgres: Sequence[Postgres]
    redis: Sequence[Redis]

    def targets(self, count: int) -> dict[str, Any]:
        """That many targets, in the same mixture whatever their number."""
        every: list[tuple[str, dict[str, Any]]] = []
        for d in range(DATABASES_EACH):
            every += [(f"pg-{s}-{d:02}", _database(server, d)) for s, server in enumerate(self.postgres)]
            if d < NAMES_EACH:
                every += [(f"redis-{s}-{d}", _redis(server)) for s, server in enumerate(self.redis)]
        mixed = sorted(every, key=lambda item: item[0].rpartition("-")[2])
        return dict(mixed[:: max(1, len(mixed) // count)][:count])

    def sessions(self) -> list[int]:
        """How many sessions of ours each PostgreSQL server has."""
        return [server.execute(SESSIONS)[0][0] for server in self.postgres]

    def clients(self) -> list[int]:
        """How many clients each Redis has, the one that asks included."""
        return [len(str(server.execute("CLIENT", "LIST")).split("name=")) - 1 for server in self.redis]

    def logins(self) -> Iterator[str]:
        """When each session was opened, `hh:mm:ss.mmm`. Source: the servers' logs."""
        for server in self.postgres:
            yield from AUTHORIZED.findall(server.log)

    def most_logins(self, digits: int, after: int = 0) -> int:
        """The most sessions opened within one second (8) or one tenth (10) on all servers, after so many."""
        times = sorted(self.logins())[after:]
        return max(Counter(time[:digits] for time in times).values(), default=0)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A client of each server works a little all the time."""
        stop = Event()
        threads = [Thread(target=_work, args=(server, stop)) for server in self.postgres]
        threads.append(Thread(target=_work_redis, args=(self.redis, stop)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _database(server: Postgres, number: int) -> dict[str, Any]:
    name = f"db{number:02}"
    dsn = server.dsn(dbname=name, user=ROLE, password=PASSWORD)
    # As if the database were alone on a server of its own.
    own = {"dsn": dsn, "discover_databases": False, "include_databases": [name, "postgres"]}
    return {"postgres": own, "on_metrics": False, "labels": {"team": f"team{number % 4}"}}


def _redis(server: Redis) -> dict[str, Any]:
    return {"redis": {"address": server.url}, "on_metrics": False}


def _work(server: Postgres, stop: Event) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect(dbname=f"db{n:02}")) for n in range(DATABASES_EACH)]
        for connection, sql in zip(cycle(connections), cycle(WORK), strict=False):
            try:
                connection.execute(sql)
            except psycopg.Error:
                return  # the server was frozen for long, or is ended
            if stop.wait(0.02):
                return


def _work_redis(servers: Sequence[Redis], stop: Event) -> None:
    clients = [server.client() for server in servers]
    for n, client in enumerate(cycle(clients)):
        try:
            client.set(f"key:{n % 997}", "x" * (n % 100))
            client.get(f"key:{n % 1499}")
        except RedisError:
            pass  # frozen: the others get their turn
        if stop.wait(0.02):
            break
    for client in clients:
        client.close()


@contextmanager
def servers() -> Iterator[Servers]:
    """All of them, with databases, tables and the role."""
    with ExitStack() as stack:
        postgres = [stack.enter_context(Postgres(settings=SETTINGS)) for _ in range(POSTGRES_SERVERS)]
        redis = [stack.enter_context(Redis()) for _ in range(REDIS_SERVERS)]
        for server in postgres:
            server.execute("CREATE EXTENSION pg_stat_statements")
            server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
            server.execute("CREATE DATABASE db00")
            server.execute(TABLES, dbname="db00")
            for number in range(1, DATABASES_EACH):
                server.execute(f"CREATE DATABASE db{number:02} TEMPLATE db00 STRATEGY file_copy")
        yield Servers(postgres, redis)


class Watching:
    """One exporter with these targets. A context manager."""

    def __init__(self, targets: Mapping[str, Any]) -> None:
        self.targets = dict(targets)
        self.folder = folders.new("scaling")
        self.file = self.folder / "exporter.yml"
        self.names = self.folder / "targets.json"
        self.write(self.targets)
        self.exporter = Exporter(config__file=str(self.file), host__enabled=False)

    def write(self, targets: Mapping[str, Any]) -> None:
        """The configuration and the list of names."""
        self.file.write_text(json.dumps({"targets": targets}))
        self.names.write_text(json.dumps([{"targets": list(targets)}]))

    def __enter__(self) -> Self:
        self.exporter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.exporter.close()


class Scraping(Prometheus):
    """A Prometheus that can be asked for a snapshot of its data."""

    def _line(self, program: Path, port: int) -> list[str | Path]:
        return [*super()._line(program, port), "--web.enable-admin-api"]


def probing(names: Path, port: int, interval: int) -> Prometheus:
    """A Prometheus that probes the names of a file every so many seconds."""
    relabel = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__address__"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"{LOOPBACK}:{port}"},
    ]
    job = {
        "job_name": "datastack",
        "metrics_path": "/probe",
        "file_sd_configs": [{"files": [str(names)]}],
        "relabel_configs": relabel,
    }
    every = {"scrape_interval": f"{interval}s", "scrape_timeout": f"{min(interval, 10)}s"}
    return Scraping({"global": every, "scrape_configs": [job]})
