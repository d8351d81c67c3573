"""Pools as the server sees them, on real servers."""

from __future__ import annotations

import psycopg
import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import samples, values
from tests.servers import Postgres

pytestmark = pytest.mark.live


@pytest.mark.pg(13, 15, 18)
async def test_sessions_of_an_application_beside_its_size(pg: Postgres) -> None:
    def session() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(pg.dsn(), application_name="the pool's", autocommit=True)

    options = PostgresOptions(pg.dsn(), pool_sizes=[("the pool's", 5), ("nobody", 2)])
    with session(), session() as in_transaction:
        in_transaction.execute("BEGIN")
        found = await samples(options, "postgres_pools")
    ours = {k: v for k, v in found["pg_pool_connections"].items() if ("application_name", "the pool's") in k}
    assert {dict(labels)["state"]: v for labels, v in ours.items()} == {
        "active": 0,
        "idle": 1,
        "idle in transaction": 1,
        "idle in transaction (aborted)": 0,
        "fastpath function call": 0,
        "disabled": 0,
    }
    assert sum(v for k, v in found["pg_pool_connections"].items() if k not in ours) == 0
    assert values(found, "pg_pool_size", "application_name") == {"the pool's": 5, "nobody": 2}
