"""Sessions in trouble: blocked, blocking, idle in transaction, prepared, holding the xmin horizon."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import psycopg
import pytest

from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import SPECS, Samples, database, role, samples, source, values
from tests.servers import MAJORS, Postgres, require
from tests.servers.page import samples_of
from tests.workload import wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("activity")]

TABLE = ("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server that allows prepared transactions and logical slots."""
    settings = {"max_prepared_transactions": "5", "wal_level": "logical"}
    with require(Postgres, request.param, settings=settings) as running, database(running, "app", *TABLE):
        yield running


async def activity(options: PostgresOptions) -> Samples:
    async with source(options) as asked:
        tables = await SPECS["activity"].build(asked)(Deadline.after(20))
    return samples_of(b"".join(TextEncoder().encode(tables)).decode())


@contextmanager
def waiting(server: Postgres, count: int = 1) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Sessions that wait for a row that the session given back has updated; all in the database app."""
    update = "UPDATE t SET id = id"
    with ExitStack() as stack:
        holder = stack.enter_context(server.connect(dbname="app"))
        holder.execute("BEGIN")
        holder.execute(update)
        threads = []
        for _ in range(count):
            waiter = stack.enter_context(server.connect(dbname="app"))
            threads.append(Thread(target=waiter.execute, args=(update,)))
            threads[-1].start()
        seen = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: server.execute(seen) == [(count,)])
        yield holder
        holder.execute("COMMIT")
        for thread in threads:
            thread.join(10)


def app(found: Samples, metric: str) -> float:
    return values(found, metric, "datname")["app"]


async def test_waiters_are_blocked_and_only_the_first_cause_blocks(server: Postgres) -> None:
    with role(server, "watcher", "pg_monitor") as options, waiting(server, 3):
        await asyncio.sleep(0.3)
        found = await activity(options)
        waits = await samples(options, "wait_events")

    assert app(found, "pg_stat_activity_blocked_sessions") == 3
    assert app(found, "pg_stat_activity_blocking_sessions") == 1
    assert 0.2 < app(found, "pg_stat_activity_longest_lock_wait_seconds") < 20
    assert 0.2 < app(found, "pg_stat_activity_longest_idle_in_transaction_seconds") < 20
    assert 0.2 < app(found, "pg_stat_activity_longest_query_seconds") < 20
    events = values(waits, "pg_wait_event_processes", "wait_event")
    assert events["transactionid"] + events["tuple"] == 3
    assert events["ClientRead"] == 1  # idle in a transaction is not idle


async def test_a_database_without_trouble_has_zeros_and_one_without_sessions_no_row(server: Postgres) -> None:
    with role(server, "watcher", "pg_monitor") as options, server.connect(dbname="app"):
        found = await activity(options)

    names = {dict(key)["datname"] for key in found["pg_stat_activity_blocked_sessions"]}
    assert names == {"app"}
    for metric, by_labels in found.items():
        if metric.startswith("pg_stat_activity_"):
            assert set(by_labels.values()) == {0}, metric


async def test_an_excluded_database_has_no_row(server: Postgres) -> None:
    excluding = PostgresOptions(dsn=server.dsn(), exclude_databases=[re.compile("app")])
    with server.connect(dbname="app"), server.connect():
        found = await activity(excluding)

    assert values(found, "pg_stat_activity_blocked_sessions", "datname").keys() == {"postgres"}
    assert "app" not in str(found)


async def test_ages_of_transactions_are_a_snapshot_histogram(server: Postgres) -> None:
    with (
        role(server, "watcher", "pg_monitor") as options,
        server.connect(dbname="app") as old,
        server.connect(dbname="app") as young,
    ):
        old.execute("BEGIN")
        await asyncio.sleep(1.1)
        young.execute("BEGIN")
        found = await activity(options)

    buckets = values(found, "pg_stat_activity_transaction_age_seconds_bucket", "le")
    assert (buckets["1"], buckets["5"], buckets["86400"], buckets["+Inf"]) == (1, 2, 2, 2)
    assert app(found, "pg_stat_activity_transaction_age_seconds_count") == 2
    longest = app(found, "pg_stat_activity_longest_transaction_seconds")
    assert 1.1 < longest <= app(found, "pg_stat_activity_transaction_age_seconds_sum") < 2 * longest


async def test_connections_are_counted_whatever_the_role_may_see(server: Postgres) -> None:
    with role(server, "nobody") as blind, role(server, "watcher", "pg_monitor") as seeing, server.connect():
        unseen, seen = await activity(blind), await activity(seeing)

    usable = "SELECT current_setting('max_connections')::int - 3"  # superuser_reserved_connections
    for found in (unseen, seen):
        assert found["pg_connections_used"] == {frozenset(): 2}
        assert found["pg_connections_limit"] == {frozenset(): server.execute(usable)[0][0]}
    assert "pg_stat_activity_blocked_sessions" not in unseen
    assert "pg_stat_activity_blocked_sessions" in seen


async def test_who_holds_the_horizon_of_vacuum(server: Postgres) -> None:
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ"
    server.execute("SELECT pg_create_logical_replication_slot('holder', 'pgoutput')")
    with role(server, "watcher", "pg_monitor") as options, server.connect(dbname="app") as reader:
        try:
            reader.execute(begin)
            reader.execute("SELECT 1")
            _burn(server, 20)
            alone = await samples(options, "xmin_horizon")
            reader.execute("COMMIT")
            reader.execute("BEGIN")
            reader.execute("UPDATE t SET id = id")
            reader.execute("PREPARE TRANSACTION 'half'")
            _burn(server, 20)
            prepared = await samples(options, "xmin_horizon")
            counted = await samples(options, "prepared_xacts")
        finally:
            reader.execute("ROLLBACK PREPARED 'half'")
            server.execute("SELECT pg_drop_replication_slot('holder')")
        gone = await samples(options, "xmin_horizon")

    ages = values(alone, "pg_xmin_horizon_age_xids", "holder")
    assert ages.keys() == {"session", "replication_slot_catalog"}
    assert 20 <= ages["session"] <= ages["replication_slot_catalog"] < 60
    ages = values(prepared, "pg_xmin_horizon_age_xids", "holder")
    assert 20 <= ages["prepared_transaction"] < 60
    assert values(counted, "pg_prepared_xacts_transactions", "datname") == {"app": 1}
    prepared_at = app(counted, "pg_prepared_xacts_oldest_timestamp_seconds")
    assert 0 <= server.execute("SELECT date_part('epoch', now())")[0][0] - prepared_at < 60
    assert gone == {}


async def test_a_transaction_that_has_written_holds_the_horizon_without_a_snapshot(server: Postgres) -> None:
    with role(server, "watcher", "pg_monitor") as options, server.connect(dbname="app") as writer:
        writer.execute("BEGIN")
        writer.execute("UPDATE t SET id = id")
        snapshots = "SELECT backend_xmin FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        assert server.execute(snapshots) == [(None,)]
        _burn(server, 10)
        found = await samples(options, "xmin_horizon")

    assert 10 <= values(found, "pg_xmin_horizon_age_xids", "holder")["session"] < 40


def _burn(server: Postgres, count: int) -> None:
    """Uses up transaction numbers."""
    with server.connect() as connection:
        for _ in range(count):
            connection.execute("SELECT txid_current()")
