"""Collects from real PostgreSQL servers, as roles and in databases that are gone afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors import discover
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.view import View
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.servers import Postgres

SPECS = {name: named.spec for name, named in discover().items()}
VIEWS: dict[str, View] = {name: spec.view for name, spec in SPECS.items() if isinstance(spec.view, View)}

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


@contextmanager
def role(pg: Postgres, name: str, *grants: str) -> Iterator[PostgresOptions]:
    """A login role with these grants, in the database `postgres`; gone at the end."""
    quoted = '"' + name.replace('"', '""') + '"'
    granted = "".join(f"; GRANT {grant} TO {quoted}" for grant in grants)
    pg.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD 'secret'{granted}")
    try:
        yield PostgresOptions(dsn=pg.dsn(user=name, password="secret"))
    finally:
        pg.execute(f"DROP ROLE {quoted}")


@contextmanager
def database(pg: Postgres, name: str, *statements: str) -> Iterator[None]:
    """A database in which these statements ran; gone at the end."""
    quoted = '"' + name.replace('"', '""') + '"'
    pg.execute(f"CREATE DATABASE {quoted}")
    try:
        with pg.connect(dbname=name) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        yield
    finally:
        pg.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


@asynccontextmanager
async def source(options: PostgresOptions) -> AsyncIterator[PostgresServer]:
    server = PostgresServer(options)
    try:
        yield server
    finally:
        await server.close()


async def samples(options: PostgresOptions, name: str) -> Samples:
    """What the collector puts on the page, read back by prometheus_client."""
    async with source(options) as server:
        tables = await SPECS[name].build(server)(Deadline.after(20))
    text = b"".join(TextEncoder().encode(tables)).decode()
    families = list(text_string_to_metric_families(text))
    found: Samples = {}
    for family in families:
        # The parser gives every counter the suffix that OpenMetrics wants.
        name = family.name if f"# TYPE {family.name} " in text else f"{family.name}_total"
        found[name] = {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        assert len(found[name]) == len(family.samples), f"{name} has a series twice"
    return found


def values(found: Samples, metric: str, label: str) -> dict[str, float]:
    """The values of a metric by one of its labels."""
    return {dict(labels)[label]: value for labels, value in found[metric].items()}
