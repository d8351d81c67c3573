"""A PgBouncer with one database of each sort, and clients that queue for its only server connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import sleep

import psycopg

from tests.servers import PgBouncer, Postgres, require

INI = {
    "default_pool_size": "7",
    "min_pool_size": "0",
    "reserve_pool_size": "2",
    "max_client_conn": "50",
    "max_db_connections": "20",
    "max_user_connections": "30",
    "query_wait_timeout": "60",
    "server_idle_timeout": "300",
    "ignore_startup_parameters": "extra_float_digits",
}


Sections = Mapping[str, Mapping[str, str]]


def bouncer(
    postgres: Postgres, program: Path | None = None, sections: Sections | None = None, **ini: str
) -> PgBouncer:
    """`app` has one server connection, `forced` one user, `held` is to be paused, the rest is plain."""
    where = f"host=127.0.0.1 port={postgres.port} dbname=postgres"
    databases = {
        "app": f"{where} pool_size=1 reserve_pool=0",
        "forced": f"{where} user=postgres password=postgres pool_mode=transaction min_pool_size=1",
        "held": where,
    }
    server = require(PgBouncer, postgres, ini={**INI, **ini}, databases=databases, sections=sections)
    if program is not None:
        server._program = program
    return server


def client(
    server: PgBouncer, dbname: str = "app", application_name: str = ""
) -> psycopg.Connection[tuple[object, ...]]:
    """A connection through PgBouncer."""
    return psycopg.connect(
        server.dsn(dbname=dbname, user="postgres"),
        autocommit=True,
        prepare_threshold=None,
        application_name=application_name,
    )


@asynccontextmanager
async def queue(server: PgBouncer) -> AsyncIterator[None]:
    """One client has the only server connection of `app`, a second one waits for it."""
    with client(server) as first, client(server) as second:
        first.execute("BEGIN")
        waiting = asyncio.create_task(asyncio.to_thread(second.execute, "SELECT 1"))
        try:
            await asyncio.to_thread(_wait_for_the_queue, server)
            yield
        finally:
            first.close()
            await waiting


def _wait_for_the_queue(server: PgBouncer) -> None:
    while not any(pool["cl_waiting"] for pool in server.console("SHOW POOLS")):
        sleep(0.01)
