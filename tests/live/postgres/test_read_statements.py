"""One reading of pg_stat_statements for an analysis, on real servers."""

from __future__ import annotations

import pytest

from exporter.facts.read_statements import StatementReading, read_statements
from exporter.facts.statement import Statement
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import database, role, source
from tests.servers import Postgres, require

pytestmark = pytest.mark.live

ORDERS = (
    "CREATE TABLE orders (id int, customer int)",
    "INSERT INTO orders SELECT i, i % 10 FROM generate_series(1, 100) i",
)


async def read(options: PostgresOptions) -> StatementReading:
    async with source(options) as server:
        return await read_statements(server, Deadline.after(20))


def of(reading: StatementReading, datname: str, *tables: str) -> list[Statement]:
    return [one for one in reading.statements if one.key.datname == datname and one.tables == tables]


@pytest.mark.pg(13, 18)
async def test_entries_with_one_text_are_one_statement(pg: Postgres) -> None:
    with database(pg, "shop", *ORDERS), pg.connect(dbname="shop") as session:
        for statement in (
            "SELECT id FROM orders WHERE id IN (1, 2)",
            "SELECT  id from ORDERS where id in (1,2,3,4)",
            "SELECT id FROM orders WHERE id IN (7, 8, 9)",
        ):
            for _ in range(3):
                session.execute(statement.encode())
        entries = pg.execute("""
            SELECT count(*), sum(calls), sum(total_exec_time),
                   max(max_exec_time), min(min_exec_time), sum(rows),
                   sum(calls * (stddev_exec_time ^ 2 + mean_exec_time ^ 2))
            FROM pg_stat_statements JOIN pg_database ON oid = dbid
            WHERE datname = 'shop' AND query ~* 'where id in'""")
        reading = await read(PostgresOptions(dsn=pg.dsn()))

    count, calls, time, longest, shortest, rows, squares = entries[0]
    (merged,) = [one for one in of(reading, "shop", "orders") if one.operation == "SELECT"]
    assert len(merged.queryids) == count >= 1 + (pg.major < 18), "18 merges lists by itself"
    assert (merged.counters.calls, merged.counters.rows) == (calls, rows) == (9, 27)
    assert merged.counters.exec_ms == pytest.approx(time)
    assert merged.counters.square_ms == pytest.approx(squares)
    assert (merged.max_ms, merged.min_ms) == (longest, shortest)
    assert merged.key.user == "postgres"
    assert len(merged.key.id) == 16
    assert (merged.since is not None) == (pg.major >= 17)


@pytest.mark.pg(13, 18)
async def test_the_reading_says_of_what_it_is(pg: Postgres) -> None:
    with database(pg, "shop", *ORDERS):
        before = await read(PostgresOptions(dsn=pg.dsn()))
        after = await read(PostgresOptions(dsn=pg.dsn()))

    assert (before.about.since is None) == (before.about.dealloc is None) == (pg.major == 13)
    assert (before.about.most, before.about.track, before.about.track_planning) == (5000, "top", False)
    assert before.about.io_timing
    assert before.entries > 0
    assert before.hidden == 0
    assert before.text_bytes is not None
    assert before.text_bytes > sum(len(one.text) for one in before.statements[:10])
    times = [one.counters.exec_ms for one in before.statements]
    assert times == sorted(times, reverse=True)
    assert sum(times) < before.totals.exec_ms
    assert after.totals.minus(before.totals).calls >= 3
    assert after.own.minus(before.own).calls >= 3, "our own are counted, and not shown"
    assert not any("pg_stat_statements" in one.text for one in after.statements if one.key.user == "postgres")


@pytest.mark.pg(15)
async def test_what_an_application_does_with_our_role_is_shown(pg: Postgres) -> None:
    with role(pg, "shared", "pg_monitor") as options, database(pg, "shop", *ORDERS):
        pg.execute("GRANT SELECT ON orders TO shared", dbname="shop")
        with pg.connect(dbname="shop", user="shared", password="secret") as session:
            session.execute("SELECT count(*) FROM orders")
            session.execute("SELECT count(*) FROM pg_stat_activity")
            session.execute("SET work_mem = '5MB'")
        reading = await read(options)
        pg.execute("DROP OWNED BY shared", dbname="shop")

    shown = {one.tables for one in reading.statements if one.key.user == "shared"}
    assert shown == {("orders",)}
    assert reading.own.calls >= 4


@pytest.mark.pg(15, 18)
async def test_secrets_are_in_the_raw_text_only(pg: Postgres) -> None:
    with role(pg, "clerk"), database(pg, "shop", *ORDERS), pg.connect(dbname="shop") as session:
        session.execute("DELETE FROM orders WHERE id = 1 /* TopSecret-4711 */")
        session.execute("ALTER ROLE clerk PASSWORD 'TopSecret-4711'")
        with role(pg, "watcher", "pg_monitor") as options:
            reading = await read(options)

    (deleted,) = [one for one in of(reading, "shop", "orders") if one.operation == "DELETE"]
    assert "TopSecret" in deleted.raw
    assert any("TopSecret" in one.raw for one in reading.statements if one.operation == "UTILITY")
    assert "TopSecret" not in repr(reading)


@pytest.mark.pg(15)
async def test_without_rights_or_extension_it_is_skipped_with_the_remedy(pg: Postgres) -> None:
    with role(pg, "mute") as options:
        pg.execute("ALTER ROLE mute SET pg_stat_statements.track = 'none'")
        with pytest.raises(Skip, match="GRANT pg_read_all_stats") as mute:
            await read(options)
    with database(pg, "bare"), pytest.raises(Skip, match="CREATE EXTENSION") as absent:
        await read(PostgresOptions(dsn=pg.dsn(dbname="bare")))
    with require(Postgres, 15) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        with pytest.raises(Skip, match="shared_preload_libraries") as unloaded:
            await read(PostgresOptions(dsn=server.dsn()))

    assert mute.value.reason is Reason.PERMISSION
    assert absent.value.reason is unloaded.value.reason is Reason.UNSUPPORTED


@pytest.mark.pg(13, 18)
async def test_what_others_did_is_hidden_without_the_right_and_said(pg: Postgres) -> None:
    with role(pg, "blind") as options:
        with pg.connect(user="blind", password="secret") as session:
            session.execute("SELECT 1 FROM (VALUES (1)) AS x")
        reading = await read(options)

    assert reading.hidden > 0
    assert {one.key.user for one in reading.statements} <= {"blind"}
    assert reading.totals.calls >= 1
