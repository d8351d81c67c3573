"""What the collectors say of a real PgBouncer, compared with its console and with what was done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from exporter.collectors import discover
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused
from tests.live.pool.conftest import Scraper
from tests.live.pool.workload import bouncer, client, queue
from tests.servers import PgBouncer, Postgres

pytestmark = pytest.mark.live

Make = Callable[..., Scraper]

ALL = {name for name, named in discover().items() if named.spec.source == "pgbouncer"}


async def test_every_collector_works_for_a_user_who_may_only_look(pooler: PgBouncer, scraper: Make) -> None:
    page = await scraper(pooler.dsn(user="stats")).scrape()
    assert page.reasons == set()
    assert {n for n, v in page.samples["exporter_collector_success"].items() if v != 1} == set()
    assert set(page.outcomes) >= ALL
    assert page.value("pgbouncer_up") == 1
    assert page.value("pgbouncer_version_info", version=pooler.console("SHOW VERSION")[0]["version"]) == 1


async def test_a_waiting_client_is_seen_with_the_fraction_of_a_second(
    pooler: PgBouncer, scraper: Make
) -> None:
    one = scraper(pooler.dsn(user="stats"))
    async with queue(pooler):
        await asyncio.sleep(0.3)
        page = await one.scrape()
        app = {"database": "app", "user": "postgres"}
        assert page.value("pgbouncer_pools_client_waiting_connections", **app) == 1
        assert page.value("pgbouncer_pools_client_active_connections", **app) == 1
        assert page.value("pgbouncer_pools_server_active_connections", **app) == 1
        waited = page.value("pgbouncer_pools_client_maxwait_seconds", **app)
        assert 0.25 < waited < 1 or 1 < waited < 3, waited
        assert page.value("pgbouncer_client_connections", state="waiting", **app) == 1
    page = await one.scrape()
    assert page.value("pgbouncer_pools_client_waiting_connections", **app) == 0
    assert page.value("pgbouncer_pools_client_maxwait_seconds", **app) == 0
    assert page.value("pgbouncer_stats_totals_client_wait_seconds_total", database="app") >= waited


async def test_a_paused_and_a_disabled_database_are_seen(pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(pooler.dsn(user="stats"))
    with client(pooler, "held"):
        for command, metric, value in [
            ("PAUSE held", "pgbouncer_databases_paused", 1),
            ("RESUME held", "pgbouncer_databases_paused", 0),
            ("DISABLE held", "pgbouncer_databases_disabled", 1),
            ("ENABLE held", "pgbouncer_databases_disabled", 0),
        ]:
            pooler.console(command)
            page = await one.scrape()
            assert page.value(metric, name="held") == value, command
            assert page.value(metric, name="app") == 0, command


async def test_counters_count_what_was_done(pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(pooler.dsn(user="stats"))
    before = await one.scrape()
    with client(pooler, "forced") as connection:
        for _ in range(7):
            connection.execute("SELECT pg_sleep(0.02)")
    await asyncio.sleep(0.1)
    after = await one.scrape()

    def grown(name: str) -> float:
        return after.value(name, database="forced") - before.samples.get(name, {}).get(
            frozenset({("database", "forced")}), 0.0
        )

    for prefix in ("pgbouncer_stats_totals_", "pgbouncer_stats_"):
        assert grown(f"{prefix}queries_pooled_total") == 7
        assert grown(f"{prefix}sql_transactions_pooled_total") == 7
        assert 0.14 <= grown(f"{prefix}queries_duration_seconds_total") < 2
        assert grown(f"{prefix}received_bytes_total") > 7 * 20
        assert grown(f"{prefix}sent_bytes_total") > 7 * 20


async def test_limits_are_those_of_the_file(pooler: PgBouncer, scraper: Make) -> None:
    page = await scraper(pooler.dsn(user="stats")).scrape()
    assert page.value("pgbouncer_config_max_client_connections") == 50
    assert page.value("pgbouncer_config_max_user_connections") == 30
    assert page.value("pgbouncer_config_max_db_connections") == 20
    assert page.value("pgbouncer_config_default_pool_size") == 7
    assert page.value("pgbouncer_config_query_wait_timeout_seconds") == 60
    assert page.value("pgbouncer_config_server_idle_timeout_seconds") == 300
    assert page.value("pgbouncer_databases_pool_size", name="app", database="postgres", force_user="") == 1
    forced = {"name": "forced", "force_user": "postgres", "pool_mode": "transaction"}
    assert page.value("pgbouncer_databases_min_pool_size", **forced) == 1
    assert page.value("pgbouncer_databases_reserve_pool", **forced) == 2
    lists = {row["list"]: row["items"] for row in pooler.console("SHOW LISTS")}
    assert page.value("pgbouncer_databases") == lists["databases"]
    assert page.value("pgbouncer_users") == lists["users"]


async def test_an_unknown_command_is_refused_and_the_connection_goes_on(
    pooler: PgBouncer, scraper: Make
) -> None:
    source = scraper(pooler.dsn(user="stats")).source
    with pytest.raises(
        Refused, match=r"pgbouncer at 127\.0\.0\.1:\d+: SHOW NOTHING: invalid command"
    ) as caught:
        await source.show("NOTHING", Deadline.after(2))
    assert caught.value.reason is Reason.UNSUPPORTED
    assert await source.show("VERSION", Deadline.after(2))
    assert len(sessions(pooler)) == 1


def sessions(server: PgBouncer) -> list[dict[str, Any]]:
    """The exporter's connections."""
    return [c for c in server.console("SHOW CLIENTS") if c["application_name"] == "datastack-exporter"]


async def test_one_connection_is_kept_where_that_holds_up_nothing(
    fresh_pooler: PgBouncer, scraper: Make
) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    for _ in range(3):
        await one.scrape()
    (first,) = sessions(fresh_pooler)
    await asyncio.sleep(1.3)
    await one.scrape()
    (same,) = sessions(fresh_pooler)
    assert same["port"] == first["port"]
    began = monotonic()
    fresh_pooler.stop()
    assert monotonic() - began < 1


@pytest.mark.usefixtures("waits_for_clients")
async def test_one_connection_serves_a_scrape_and_is_then_closed(pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(pooler.dsn(user="stats"))
    for _ in range(3):
        await one.scrape()
        assert len(sessions(pooler)) == 1
    first = sessions(pooler)
    await asyncio.sleep(1.3)
    assert sessions(pooler) == []
    await one.scrape()
    assert len(sessions(pooler)) == 1
    assert sessions(pooler) != first


async def test_settings_meant_for_postgresql_do_no_harm(
    pooler: PgBouncer, scraper: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c jit=off")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "read-write")
    dsn = pooler.dsn(user="stats", dbname="app")
    for dsn_with in (dsn, f"{dsn}?options=-cjit%3Doff&target_session_attrs=standby"):
        assert (await scraper(dsn_with).scrape()).reasons == set()


async def test_it_is_let_in_when_no_more_clients_are(postgres: Postgres, scraper: Make) -> None:
    with bouncer(postgres, max_client_conn="2") as full, client(full, "forced"), client(full, "held"):
        with pytest.raises(psycopg.OperationalError, match="no more connections"):
            client(full, "held")
        page = await scraper(full.dsn(user="stats")).scrape()
        assert page.value("pgbouncer_up") == 1
        assert page.value("pgbouncer_config_max_client_connections") == 2


async def test_psycopg_pools_of_this_process(postgres: Postgres, pooler: PgBouncer, scraper: Make) -> None:
    sync = ConnectionPool(postgres.dsn(), min_size=1, max_size=2, name="sync", open=True)
    lazy = AsyncConnectionPool(postgres.dsn(), min_size=0, max_size=1, name="lazy", open=False)
    try:
        await lazy.open()
        sync.wait()
        with sync.connection() as connection:
            connection.execute("SELECT pg_sleep(0.05)")
            first = await scraper(pooler.dsn(), [sync, lazy]).scrape()
        async with lazy.connection():
            with pytest.raises(PoolTimeout):
                await lazy.getconn(timeout=0.05)
        page = await scraper(pooler.dsn(), [sync, lazy]).scrape()
    finally:
        sync.close()
        await lazy.close()
    assert first.value("psycopg_pool_connections", pool="sync", state="in_use") == 1
    assert page.value("psycopg_pool_connections", pool="sync", state="idle") == 1
    assert page.value("psycopg_pool_connections_max", pool="sync") == 2
    assert page.value("psycopg_pool_requests_total", pool="sync") == 1
    assert page.value("psycopg_pool_requests_errors_total", pool="sync") == 0
    assert page.value("psycopg_pool_requests_errors_total", pool="lazy") == 1
    assert 0.05 <= page.value("psycopg_pool_usage_seconds_total", pool="sync") < 2
    assert page.kinds["psycopg_pool_requests_total"] == "counter"
