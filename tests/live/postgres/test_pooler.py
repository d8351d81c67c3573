"""A PostgreSQL target behind PgBouncer in transaction mode: each statement may meet another session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

import psycopg
import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Refused, Skip
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import SPECS, VIEWS, source
from tests.servers import PgBouncer, Postgres, require

pytestmark = pytest.mark.live

OURS = ("default_transaction_read_only", "search_path", "jit", "lock_timeout", "statement_timeout")


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    ini = {"pool_mode": "transaction", "default_pool_size": "1", "max_client_conn": "50"}
    with require(PgBouncer, postgres, ini=ini, databases=_databases(postgres)) as running:
        yield running


def _databases(postgres: Postgres) -> dict[str, str]:
    return {"postgres": f"host=127.0.0.1 port={postgres.port}"}


def settings(dsn: str) -> list[str]:
    """What an application finds that gets the session after us."""
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as application:
        columns = ", ".join(f"current_setting('{name}')" for name in OURS)
        return list(application.execute(f"SELECT {columns}".encode()).fetchone() or ())


async def test_nothing_of_ours_stays_in_the_shared_session(pooler: PgBouncer, postgres: Postgres) -> None:
    dsn = pooler.dsn(dbname="postgres", user="postgres")
    untouched = settings(postgres.dsn())
    columns = ", ".join(f"current_setting('{name}')" for name in ("transaction_read_only", *OURS[1:4]))
    async with source(PostgresOptions(dsn)) as server:
        rows = await server.fetch(f"SELECT {columns}", Deadline.after(5))
        assert [column[0] for column in rows.columns] == ["on", "pg_catalog", "off", "200ms"]
        assert await asyncio.to_thread(settings, dsn) == untouched
        with pytest.raises(Refused, match="read-only transaction"):
            await server.fetch("CREATE TABLE public.harm ()", Deadline.after(5))
        assert await asyncio.to_thread(settings, dsn) == untouched


async def test_deadlines_hold(pooler: PgBouncer, postgres: Postgres) -> None:
    async with source(PostgresOptions(pooler.dsn(dbname="postgres", user="postgres"))) as server:
        await server.fetch("SELECT 1", Deadline.after(5))
        started = monotonic()
        with pytest.raises(DeadlineExceeded):
            await server.fetch("SELECT pg_sleep(30)", Deadline.after(0.3))
        assert monotonic() - started < 0.5
        await asyncio.sleep(0.7)
        sleeping = (
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active'"
        )
        assert postgres.execute(f"{sleeping} AND pid <> pg_backend_pid()") == [(0,)]
        assert (await server.fetch("SELECT 2", Deadline.after(5))).columns == [("2",)]


async def test_databases_that_the_pooler_does_not_know_are_left_out(
    pooler: PgBouncer, postgres: Postgres
) -> None:
    postgres.execute("CREATE DATABASE unknown_to_the_pooler")
    try:
        async with source(PostgresOptions(pooler.dsn(dbname="postgres", user="postgres"))) as server:
            collect = SPECS["stat_user_tables"].build(server)
            with pytest.raises(Partial):
                await collect(Deadline.after(5))
            server._databases = (float("-inf"), [])  # as some seconds later
            assert "unknown_to_the_pooler" not in await server.databases(Deadline.after(5))
            await collect(Deadline.after(5))
    finally:
        postgres.execute("DROP DATABASE unknown_to_the_pooler")


@pytest.mark.parametrize("name", VIEWS)
async def test_every_view_is_read_through_it(pooler: PgBouncer, name: str) -> None:
    options = PostgresOptions(pooler.dsn(dbname="postgres", user="postgres"), discover_databases=False)
    async with source(options) as server:
        with suppress(Skip):  # an older server, an extension that is not there
            await SPECS[name].build(server)(Deadline.after(10))
