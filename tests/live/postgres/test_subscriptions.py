"""A logical subscription between two databases: workers, positions, tables, errors and conflicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import Samples, database, role, samples
from tests.servers import MAJORS, Postgres, require
from tests.workload import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("subscriptions")]

TABLES = ("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)")
PUBLISHED = (*TABLES, "INSERT INTO t VALUES (1)", "CREATE PUBLICATION all_of_it FOR TABLE t, u")
ORDERS = frozenset({("datname", "there"), ("subname", "orders")})


SETTINGS = {"wal_level": "logical", "wal_retrieve_retry_interval": "100ms"}


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server whose database `there` subscribes to two tables of its database `here`."""
    with (
        require(Postgres, request.param, settings=SETTINGS) as running,
        database(running, "here", *PUBLISHED),
        database(running, "there", *TABLES),
    ):
        # A subscription within one server waits for itself when it makes its slot.
        running.execute("SELECT pg_create_logical_replication_slot('orders', 'pgoutput')", dbname="here")
        running.execute(
            f"""CREATE SUBSCRIPTION orders CONNECTION '{running.dsn(dbname="here")}'
            PUBLICATION all_of_it WITH (create_slot = false)""",
            dbname="there",
        )
        ready = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r'"
        wait_until(lambda: running.execute(ready, dbname="there") == [(2,)])
        yield running
        running.execute("ALTER SUBSCRIPTION orders DISABLE", dbname="there")
        running.execute("ALTER SUBSCRIPTION orders SET (slot_name = NONE)", dbname="there")
        running.execute("DROP SUBSCRIPTION orders", dbname="there")
        wait_until(lambda: running.execute("SELECT active FROM pg_replication_slots") == [(False,)])
        running.execute("SELECT pg_drop_replication_slot('orders')", dbname="here")


@pytest.fixture
def monitor(server: Postgres) -> Iterator[PostgresOptions]:
    with role(server, "watcher", "pg_monitor") as options:
        yield options


def orders(found: Samples) -> dict[str, float]:
    """The values of the one subscription."""
    return {name: by_labels[ORDERS] for name, by_labels in found.items()}


async def test_a_running_subscription_has_a_worker_and_positions(
    server: Postgres, monitor: PostgresOptions
) -> None:
    server.execute("INSERT INTO u VALUES (1)", dbname="here")
    wait_until(lambda: server.execute("SELECT id FROM u", dbname="there") == [(1,)])
    (position,) = server.execute("SELECT (pg_current_wal_lsn() - '0/0')::bigint")[0]

    found = orders(await samples(monitor, "stat_subscription"))

    assert found["pg_subscription_enabled"] == 1
    assert found["pg_stat_subscription_apply_workers"] == 1
    assert found["pg_stat_subscription_sync_workers"] == 0
    assert abs(position - found["pg_stat_subscription_received_lsn_bytes"]) < 1_000_000
    assert found["pg_stat_subscription_latest_end_lsn_bytes"] > 0
    (now,) = server.execute("SELECT date_part('epoch', now())")[0]
    assert 0 <= now - found["pg_stat_subscription_last_msg_receipt_timestamp_seconds"] < 60
    if server.major >= 16:
        assert found["pg_stat_subscription_parallel_workers"] == 0


async def test_tables_of_a_subscription_by_state(monitor: PostgresOptions) -> None:
    found = await samples(monitor, "subscription_relations")

    assert found == {"pg_subscription_relations": {ORDERS | {("state", "ready")}: 2}}


async def test_a_change_that_cannot_be_applied_is_an_error_and_a_conflict(
    server: Postgres, monitor: PostgresOptions
) -> None:
    server.execute("INSERT INTO t VALUES (2)", dbname="there")
    server.execute("INSERT INTO t VALUES (2)", dbname="here")
    try:
        if server.major >= 15:
            counted = "SELECT apply_error_count > 0 FROM pg_stat_subscription_stats"
            wait_until(lambda: server.execute(counted) == [(True,)])
        found = orders(await samples(monitor, "stat_subscription"))
    finally:
        server.execute("DELETE FROM t WHERE id = 2", dbname="there")
    wait_until(lambda: server.execute("SELECT id FROM t ORDER BY id", dbname="there") == [(1,), (2,)])

    if server.major >= 15:
        assert found["pg_stat_subscription_stats_apply_errors_total"] >= 1
        assert found["pg_stat_subscription_stats_sync_errors_total"] == 0
    if server.major >= 18:
        assert found["pg_stat_subscription_stats_confl_insert_exists_total"] >= 1
        assert found["pg_stat_subscription_stats_confl_update_missing_total"] == 0


async def test_a_subscription_that_stands_still_has_no_worker(
    server: Postgres, monitor: PostgresOptions
) -> None:
    server.execute("ALTER SUBSCRIPTION orders DISABLE", dbname="there")
    try:
        wait_until(
            lambda: server.execute("SELECT count(*) FROM pg_stat_subscription WHERE pid > 0") == [(0,)]
        )
        found = orders(await samples(monitor, "stat_subscription"))
    finally:
        server.execute("ALTER SUBSCRIPTION orders ENABLE", dbname="there")
    wait_until(lambda: server.execute("SELECT count(*) FROM pg_stat_subscription WHERE pid > 0") == [(1,)])

    assert found["pg_subscription_enabled"] == 0
    assert found["pg_stat_subscription_apply_workers"] == 0
    assert "pg_stat_subscription_received_lsn_bytes" not in found
