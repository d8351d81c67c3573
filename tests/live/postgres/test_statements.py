"""pg_stat_statements of every version, also of older ones than the server's, and whatever it forgets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from exporter.collectors.postgres._statements_source import statements_of
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.model.table import Labels
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import SPECS, database, role, source
from tests.servers import Postgres, require

pytestmark = pytest.mark.live

CALLS = "pg_stat_statements_by_user_calls_total"
PRELOADED = {"shared_preload_libraries": "pg_stat_statements"}
OPERATORS = ("+", "-", "*", "<", ">", "=", "<=", ">=", "<>")
OLDER = {
    13: ("1.4", "1.8"),
    14: ("1.4", "1.8", "1.9"),
    15: ("1.8", "1.9", "1.10"),
    16: ("1.4", "1.8", "1.10"),
    17: ("1.8", "1.10", "1.11"),
    18: ("1.4", "1.8", "1.9", "1.11"),
}

Found = dict[str, dict[Labels, float]]


class Reader:
    """Both collectors of one server, which read anew each time."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._collect = [SPECS[n].build(server) for n in ("stat_statements_totals", "stat_statements")]

    async def read(self) -> Found:
        statements_of(self._server)._read_at = float("-inf")
        found: Found = {}
        for collect in self._collect:
            for table in await collect(Deadline.after(20)):
                for column in table.columns:
                    pairs = zip(table.rows, column.values, strict=True)
                    found[column.metric.name] = {row: float(v) for row, v in pairs if v is not None}
        return found


@asynccontextmanager
async def reader(options: PostgresOptions) -> AsyncIterator[Reader]:
    async with source(options) as server:
        yield Reader(server)


async def test_totals_grow_by_what_happened(pg: Postgres) -> None:
    with database(pg, "counted", "CREATE TABLE t (id int)"), pg.connect(dbname="counted") as session:
        async with reader(PostgresOptions(dsn=pg.dsn())) as statements:
            session.execute("SELECT pg_sleep(0.001)")
            first = await statements.read()
            for _ in range(7):
                session.execute("INSERT INTO t SELECT generate_series(1, 30)")
            second = await statements.read()

    key = ("counted", "postgres")
    grown = {
        name.removeprefix("pg_stat_statements_by_user_").removesuffix("_total"): rows[key] - first[name][key]
        for name, rows in second.items()
        if "_by_user_" in name
    }
    assert first[CALLS][key] == 0, "what lies before the start counts nothing"
    assert (grown["calls"], grown["rows"]) == (7, 210)
    assert 0 < grown["seconds"] < 1
    assert grown["wal_records"] >= 210
    assert grown["wal_bytes"] > 210 * 20
    assert grown["shared_blocks_hit"] > 0
    assert len(grown) == 14


async def test_a_reset_takes_nothing_away(pg: Postgres) -> None:
    async with reader(PostgresOptions(dsn=pg.dsn())) as statements:
        await statements.read()
        for _ in range(50):
            pg.execute("SELECT 1 AS before_the_reset")
        before = await statements.read()
        pg.execute("SELECT pg_stat_statements_reset()")
        for _ in range(5):
            pg.execute("SELECT 1 AS before_the_reset")
        after = await statements.read()

    grown = after[CALLS]["postgres", "postgres"] - before[CALLS]["postgres", "postgres"]
    assert before[CALLS]["postgres", "postgres"] >= 50
    assert 5 <= grown <= 10
    if pg.major >= 14:
        reset = "pg_stat_statements_stats_reset_timestamp_seconds"
        assert after[reset][()] > before[reset][()]


async def test_an_extension_older_than_the_server_is_read(pg: Postgres) -> None:
    for version in OLDER[pg.major]:
        create = f"CREATE EXTENSION pg_stat_statements SCHEMA \"Odd Schema\" VERSION '{version}'"
        with database(pg, "older", 'CREATE SCHEMA "Odd Schema"', create):
            async with reader(PostgresOptions(dsn=pg.dsn(dbname="older"))) as statements:
                await statements.read()
                for _ in range(3):
                    pg.execute("SELECT 1 AS some, 2 AS older", dbname="older")
                found = await statements.read()

        assert 3 <= found[CALLS]["older", "postgres"] <= 10
        assert found["pg_stat_statements_by_user_seconds_total"]["older", "postgres"] > 0
        assert ("pg_stat_statements_by_user_wal_bytes_total" in found) == (version != "1.4")
        assert bool(found["pg_stat_statements_dealloc_total"]) == (version not in ("1.4", "1.8"))
        assert found["pg_stat_statements_max_entries"] == {(): 5000}
        assert "pg_stat_statements_block_read_seconds_total" in found


@pytest.mark.parametrize("version", ["1.8", "1.10"])
@pytest.mark.pg(15, 18)
async def test_levels_of_a_statement_are_added_up(pg: Postgres, version: str) -> None:
    """Called by itself and from a function: two entries from 1.9 on, which 1.8 can't tell apart."""
    same = "SELECT count(*) FROM levels WHERE id = 42"
    create = f"CREATE EXTENSION pg_stat_statements VERSION '{version}'"
    inside = "DO $$BEGIN EXECUTE 'SELECT count(*) FROM levels WHERE id = 42'; END$$"
    with (
        database(pg, "levels", create, "CREATE TABLE levels (id int)"),
        pg.connect(dbname="levels") as session,
    ):
        session.execute("SELECT pg_stat_statements_reset()")  # what others asked for may fill the top
        session.execute("SET pg_stat_statements.track = 'all'")
        for statement in [same] * 4 + [inside] * 3:
            session.execute(statement.encode())
        query = """SELECT queryid::text, sum(calls), count(*) FROM pg_stat_statements
                   WHERE query ~ '^SELECT count.*levels'
                     AND dbid = (SELECT oid FROM pg_database WHERE datname = 'levels') GROUP BY 1"""
        ((queryid, calls, entries),) = session.execute(query.encode())
        async with reader(PostgresOptions(dsn=pg.dsn(dbname="levels"))) as statements:
            found = await statements.read()
            for statement in [same] * 2 + [inside]:
                session.execute(statement.encode())
            again = await statements.read()

    key = ("postgres", "levels", queryid)
    name = "pg_stat_statements_calls_total"
    assert (entries, calls) == (2, 7)
    assert (found[name][key], again[name][key]) == (7, 10)


@pytest.mark.pg(14, 17)
async def test_what_is_evicted_stays_counted_and_counts_once(pg: Postgres) -> None:
    settings = PRELOADED | {"pg_stat_statements.max": "100"}
    with require(Postgres, pg.major, settings=settings) as server, server.connect() as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        async with reader(PostgresOptions(dsn=server.dsn())) as statements:
            pages = [await statements.read()]
            for step in range(12):
                for i in range(step * 40, step * 40 + 60):
                    session.execute(_another(i).encode())
                pages.append(await statements.read())

    totals = [page[CALLS]["postgres", "postgres"] for page in pages]
    others = [page["pg_stat_statements_calls_total"]["postgres", "postgres", "other"] for page in pages]
    assert totals == sorted(totals)
    assert others == sorted(others)
    assert 12 * 30 < totals[-1] <= 12 * (60 + 5), (
        "of 60 calls in each step some are gone before they are read"
    )
    assert pages[-1]["pg_stat_statements_dealloc_total"][()] > 3
    assert pages[-1]["pg_stat_statements_entries"][()] <= 100
    assert pages[-1]["pg_stat_statements_max_entries"] == {(): 100}


def _another(number: int) -> str:
    """Statements that differ in more than their constants."""
    digits = [number // 9**place % 9 for place in range(3)]
    return "SELECT " + ", ".join(f"1 {OPERATORS[digit]} 2" for digit in digits)


@pytest.mark.pg(15, 18)
async def test_a_restart_neither_falls_nor_jumps(pg: Postgres) -> None:
    with require(Postgres, pg.major, settings=PRELOADED) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        async with reader(PostgresOptions(dsn=server.dsn())) as statements:
            await statements.read()
            for _ in range(100):
                server.execute("SELECT 1 AS many")
            before = await statements.read()
            server.restart()
            after = await statements.read()
            server.execute("SELECT 1 AS many")
            later = await statements.read()

    totals = [page[CALLS]["postgres", "postgres"] for page in (before, after, later)]
    assert totals[0] >= 100
    assert totals[1] == totals[0], "nobody knows what happened around the restart"
    assert 1 <= totals[2] - totals[1] <= 5


@pytest.mark.pg(13, 18)
async def test_without_the_right_only_own_statements_count_until_it_is_given(pg: Postgres) -> None:
    with role(pg, "blind") as options:
        async with reader(options) as statements:
            await statements.read()
            own = await _after_one_of_its_own(pg, statements)
            pg.execute("GRANT pg_read_all_stats TO blind")
            granted = await statements.read()

    assert set(own[CALLS]) == {("postgres", "blind")}
    assert own["pg_stat_statements_hidden_entries"][()] > 0
    assert granted["pg_stat_statements_hidden_entries"] == {(): 0}
    assert granted[CALLS]["postgres", "postgres"] == 0, "what became visible did not just happen"


@pytest.mark.pg(13, 18)
async def test_who_is_shown_nothing_is_told_the_right(pg: Postgres) -> None:
    with role(pg, "mute") as options:
        pg.execute("ALTER ROLE mute SET pg_stat_statements.track = 'none'")
        async with reader(options) as statements:
            with pytest.raises(Skip, match="GRANT pg_read_all_stats") as skipped:
                await statements.read()

    assert skipped.value.reason is Reason.PERMISSION


async def _after_one_of_its_own(pg: Postgres, statements: Reader) -> Found:
    with pg.connect(user="blind", password="secret") as session:
        session.execute("SELECT 1")
    return await statements.read()


@pytest.mark.pg(15)
async def test_what_is_not_there_is_skipped_with_the_remedy(pg: Postgres) -> None:
    with database(pg, "bare"), pytest.raises(Skip, match="CREATE EXTENSION") as absent:
        async with reader(PostgresOptions(dsn=pg.dsn(dbname="bare"))) as statements:
            await statements.read()
    with require(Postgres, 15) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        with pytest.raises(Skip, match="shared_preload_libraries") as unloaded:
            async with reader(PostgresOptions(dsn=server.dsn())) as statements:
                await statements.read()

    assert absent.value.reason is unloaded.value.reason is Reason.UNSUPPORTED


@pytest.mark.pg(15)
async def test_one_reading_serves_both_collectors(pg: Postgres) -> None:
    async with source(PostgresOptions(dsn=pg.dsn())) as server:
        asked: list[str] = []
        fetch = server.fetch

        async def counted(sql: str, deadline: Deadline, **how: bool) -> object:
            asked.append(sql)
            return await fetch(sql, deadline, **how)  # type: ignore[arg-type]

        server.fetch = counted  # type: ignore[method-assign, assignment]
        for name in ("stat_statements_totals", "stat_statements"):
            await SPECS[name].build(server)(Deadline.after(20))

    assert sum("ROW(" in sql for sql in asked) == 1
    assert not any(re.search(r"\bquery\b|\(true\)", sql) for sql in asked), "texts are never read"
