"""Servers with a shop, where nothing happens by itself, and roles that may plan its statements or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace

from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions, QueryOptions
from exporter.sources.postgres.plans import PlanSession
from tests.collecting import source
from tests.live.postgres.plan_statements import SCHEMA
from tests.servers import Postgres, require

QUIET = {
    "shared_preload_libraries": "pg_stat_statements",
    "autovacuum": "off",
    "wal_level": "minimal",  # else the server notes its running transactions from time to time
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
}
ROLES = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE shop.sentinel ();
CREATE ROLE app LOGIN PASSWORD 'secret';
ALTER ROLE app SET search_path = shop, public;
CREATE ROLE planner LOGIN PASSWORD 'secret';
CREATE ROLE reader LOGIN PASSWORD 'secret';
GRANT pg_monitor TO planner, reader;
GRANT USAGE ON SCHEMA shop TO app, planner, reader;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA shop TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO planner;
"""

ANALYZE = "ANALYZE shop.customers, shop.orders, shop.items, shop.products, shop.queue, shop.events"

ServerOf = Callable[[int], Postgres]


@contextmanager
def shops() -> Iterator[ServerOf]:
    """server_of(15): the quiet server of a major version, started at the first call."""
    with ExitStack() as stack:
        running: dict[int, Postgres] = {}

        def of(major: int) -> Postgres:
            if major not in running:
                server = running[major] = stack.enter_context(require(Postgres, major, settings=QUIET))
                with server.connect() as connection:
                    for statement in (*SCHEMA, ROLES, ANALYZE):
                        connection.execute(statement.encode())
            return running[major]

        yield of


def options(server: Postgres, user: str, **queries: float) -> PostgresOptions:
    """How the exporter reaches it as this role."""
    wanted = replace(QueryOptions(plan_timeout_seconds=1.0), **queries)  # type: ignore[arg-type]
    return PostgresOptions(dsn=server.dsn(user=user, password="secret"), queries=wanted)


@asynccontextmanager
async def planning(
    server: Postgres, user: str = "planner", database: str | None = None, **queries: float
) -> AsyncIterator[PlanSession]:
    """A session that asks for plans as this role."""
    async with (
        source(options(server, user, **queries)) as target,
        target.plan_session(Deadline.after(10), database) as session,
    ):
        yield session
