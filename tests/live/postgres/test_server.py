"""The PostgreSQL source on a real server: bounded sessions, deadlines that hold, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from time import monotonic

import pytest

from exporter.collectors.run_view import ViewCollector
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Refused, Unavailable
from exporter.model.view import Gauge, Label, Scope, View
from exporter.sources.postgres.connect import APPLICATION_NAME, PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import SPECS
from tests.servers import Postgres

pytestmark = pytest.mark.live

PIDS = View(
    help="The process that serves us in each database.",
    source="pg_stat_activity WHERE pid = pg_backend_pid()",
    scope=Scope.DATABASE,
    docs="monitoring-stats.html",
    labels=(Label("datname", "datname", eg="app"),),
    metrics=(Gauge("pg_test_pid", "pid", "The process.", eg=1),),
)
OURS = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{APPLICATION_NAME}'"


@asynccontextmanager
async def source(
    server: Postgres, *, dbname: str = "postgres", connections: int = 3
) -> AsyncIterator[PostgresServer]:
    options = PostgresOptions(server.dsn(dbname=dbname), max_connections=connections)
    opened = PostgresServer(options)
    try:
        yield opened
    finally:
        await opened.close()


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds)


async def count_ours(server: Postgres, condition: str = "true") -> int:
    rows = await asyncio.to_thread(server.execute, f"{OURS} AND {condition}")
    return int(rows[0][0])


async def test_a_deadline_holds_and_leaves_no_query_behind(postgres: Postgres) -> None:
    async with source(postgres) as server:
        await server.fetch("SELECT 1", soon())
        started = monotonic()
        with pytest.raises(DeadlineExceeded):
            await server.fetch("SELECT pg_sleep(30)", soon(0.3))
        assert monotonic() - started < 0.4

        await asyncio.sleep(0.5)
        assert await count_ours(postgres, "state = 'active'") == 0
        assert (await server.fetch("SELECT 1", soon())).columns == [("1",)]


async def test_a_cancelled_fetch_ends_at_once_and_leaves_no_query_behind(postgres: Postgres) -> None:
    async with source(postgres) as server:
        fetch = asyncio.create_task(server.fetch("SELECT pg_sleep(30)", soon(30)))
        await asyncio.sleep(0.3)
        assert await count_ours(postgres, "state = 'active'") == 1
        started = monotonic()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        assert monotonic() - started < 0.05

        await asyncio.sleep(0.5)
        assert await count_ours(postgres, "state = 'active'") == 0


async def test_the_server_ends_a_statement_by_itself_if_we_are_gone(postgres: Postgres) -> None:
    async with source(postgres) as server:
        timeout = await server.fetch("SELECT current_setting('statement_timeout')", soon(8.0))
        assert timeout.columns == [("8s",)]

        unchanged = await server.fetch("SELECT current_setting('statement_timeout')", soon(6.0))
        assert unchanged.columns == [("8s",)]

        shorter = await server.fetch("SELECT current_setting('statement_timeout')", soon(0.4))
        assert shorter.columns == [("500ms",)]


async def test_a_session_can_do_no_harm(postgres: Postgres) -> None:
    names = ("default_transaction_read_only", "search_path", "jit", "lock_timeout", "application_name")
    async with source(postgres) as server:
        columns = ", ".join(f"current_setting('{name}')" for name in names)
        rows = await server.fetch(f"SELECT {columns}", soon())
        assert [column[0] for column in rows.columns] == [
            "on",
            "pg_catalog",
            "off",
            "200ms",
            APPLICATION_NAME,
        ]

        with pytest.raises(Refused, match="read-only transaction"):
            await server.fetch("CREATE TABLE public.harm ()", soon())


async def test_sessions_stay_within_the_bound_over_many_databases(fresh_postgres: Postgres) -> None:
    for n in range(6):
        fresh_postgres.execute(f"CREATE DATABASE d{n}")
    counts: list[int] = []
    async with source(fresh_postgres) as server:
        names = await server.databases(soon())
        assert names[0] == "postgres"
        assert set(names) == {"postgres", *(f"d{n}" for n in range(6))}

        async def watch() -> None:
            while True:
                counts.append(await count_ours(fresh_postgres))

        watcher = asyncio.create_task(watch())
        for _ in range(5):
            sql = "SELECT current_database(), pg_backend_pid()"
            wanted = [name for name in names for _ in range(3)]
            rows = await asyncio.gather(*(server.fetch(sql, soon(), database=name) for name in wanted))
            assert [r.columns[0][0] for r in rows] == wanted
            pids = {(r.columns[0][0], r.columns[1][0]) for r in rows if r.columns[0][0] != "postgres"}
            assert len(pids) == 6  # statements for one database share its session
        watcher.cancel()

    assert len(counts) > 5
    assert max(counts) <= 3
    await asyncio.sleep(0.3)
    assert await count_ours(fresh_postgres) == 0


async def test_databases_that_are_not_to_be_read(fresh_postgres: Postgres) -> None:
    import re

    for name in ("app", "app_test", "closed", "template_of_mine"):
        fresh_postgres.execute(f"CREATE DATABASE {name}")
    fresh_postgres.execute(
        "UPDATE pg_database SET datistemplate = true WHERE datname = 'template_of_mine';"
        "REVOKE CONNECT ON DATABASE closed FROM PUBLIC; CREATE ROLE watcher LOGIN PASSWORD 'x'"
    )
    dsn = fresh_postgres.dsn(user="watcher", password="x")
    options = PostgresOptions(
        dsn, include_databases=[re.compile("app.*")], exclude_databases=[re.compile(".*_test")]
    )
    server = PostgresServer(options)
    try:
        assert await server.databases(soon()) == ["postgres", "app"]
    finally:
        await server.close()


async def test_one_database_that_went_away_fails_alone(fresh_postgres: Postgres) -> None:
    async with source(fresh_postgres) as server:
        answers = await asyncio.gather(
            server.fetch("SELECT 1", soon(), database="gone"),
            server.fetch("SELECT 1", soon()),
            return_exceptions=True,
        )

    assert isinstance(answers[0], Unavailable)
    assert "gone" in str(answers[0])
    assert not isinstance(answers[1], BaseException)


async def test_what_the_server_answers_is_classified(postgres: Postgres) -> None:
    async with source(postgres) as server:
        for sql, reason in (
            ("SELECT no_such_function()", Reason.UNSUPPORTED),
            ("SELECT * FROM no_such_view", Reason.UNSUPPORTED),
            ("SELECT 1/0", Reason.ERROR),
        ):
            with pytest.raises(Refused) as caught:
                await server.fetch(sql, soon())
            assert caught.value.reason is reason


@pytest.mark.parametrize("main", ["postgres", "ascii"], ids=["from UTF8", "from SQL_ASCII"])
async def test_bytes_that_are_no_text_stay_readable(fresh_postgres: Postgres, main: str) -> None:
    fresh_postgres.execute(
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    with fresh_postgres.connect(dbname="ascii") as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(
            b'CREATE TABLE "caf\xe9" (); CREATE TABLE "caf\xe8" (); CREATE TABLE "caf\xc3\xa9" ()'
        )
    sql = "SELECT relname FROM pg_class WHERE relname LIKE 'caf%' ORDER BY oid"
    async with source(fresh_postgres, dbname=main) as server:
        rows = await server.fetch(sql, soon(), database="ascii")

    assert [list(column) for column in rows.columns] == [["caf\\xe9", "caf\\xe8", "café"]]


async def test_null_is_none_and_numbers_are_the_servers_text(postgres: Postgres) -> None:
    async with source(postgres) as server:
        rows = await server.fetch("SELECT NULL::int, 1.50::numeric, 9007199254740993, 0.1::float8", soon())
        none = await server.fetch("SELECT 1, 2 WHERE false", soon())

    assert rows.columns == [(None,), ("1.50",), ("9007199254740993",), ("0.1",)]
    assert (none.columns, none.count) == ([(), ()], 0)


async def test_a_kept_session_that_died_is_replaced_without_a_word(fresh_postgres: Postgres) -> None:
    async with source(fresh_postgres) as server:
        await asyncio.gather(*(server.fetch("SELECT pg_sleep(0.1)", soon()) for _ in range(2)))
        await asyncio.to_thread(
            fresh_postgres.execute,
            OURS.replace("count(*)", "pg_terminate_backend(pid)"),
        )

        assert (await server.fetch("SELECT 1", soon())).columns == [("1",)]


async def test_background_work_takes_one_session_and_closes_it(fresh_postgres: Postgres) -> None:
    async with source(fresh_postgres) as server:
        await server.fetch("SELECT 1", soon())
        slow = [
            asyncio.create_task(server.fetch("SELECT pg_sleep(0.5)", soon(), aside=True)) for _ in range(3)
        ]
        await asyncio.sleep(0.3)
        assert await count_ours(fresh_postgres) == 2
        started = monotonic()
        await server.fetch("SELECT 1", soon())  # a scrape does not wait for it
        await server.fetch("SELECT 1", soon(), database="template1")
        assert monotonic() - started < 0.3
        await asyncio.gather(*slow)
        await asyncio.sleep(0.3)
        assert await count_ours(fresh_postgres) == 1


async def test_a_session_that_is_closed_was_not_abandoned(fresh_postgres: Postgres) -> None:
    """From 14 on the server counts clients that go without a word: ours must not be among them."""
    async with source(fresh_postgres) as server:
        for _ in range(5):
            await server.fetch("SELECT 1", soon(), aside=True)
    counted = "SELECT sum(sessions), sum(sessions_abandoned) FROM pg_stat_database"
    until = monotonic() + 10
    (sessions, abandoned), *_ = fresh_postgres.execute(counted)
    while sessions < 5 and monotonic() < until:
        (sessions, abandoned), *_ = fresh_postgres.execute(counted)

    assert (sessions >= 5, abandoned) == (True, 0)


async def test_a_users_query_finds_the_roles_own_search_path(postgres: Postgres) -> None:
    async with source(postgres) as server:
        rows = await server.fetch("SELECT current_setting('search_path')", soon(), own_search_path=True)
        assert rows.columns == [('"$user", public',)]
        with pytest.raises(Refused, match="read-only transaction"):
            await server.fetch("CREATE TABLE harm ()", soon(), own_search_path=True)


async def test_a_database_that_refuses_us_is_not_asked_each_time(fresh_postgres: Postgres) -> None:
    fresh_postgres.execute("CREATE DATABASE closed")
    fresh_postgres.execute("ALTER DATABASE closed ALLOW_CONNECTIONS false")
    async with source(fresh_postgres) as server:
        for _ in range(5):
            with pytest.raises(Unavailable, match="not currently accepting connections"):
                await server.fetch("SELECT 1", soon(), database="closed")
    assert fresh_postgres.log.count('database "closed" is not currently accepting connections') == 1


async def test_extensions_are_found_with_their_schema(postgres: Postgres) -> None:
    async with source(postgres) as server:
        found = await server.extensions(soon())
        assert found["pg_stat_statements"].schema == "public"
        assert found["plpgsql"].version == "1.0"


async def test_many_databases_take_turns(fresh_postgres: Postgres) -> None:
    for n in range(6):
        fresh_postgres.execute(f"CREATE DATABASE d{n}")
    options = PostgresOptions(fresh_postgres.dsn(), databases_per_scrape=2)
    server = PostgresServer(options)
    try:
        collect = ViewCollector(PIDS, server)
        shown = [await _pids(server, collect) for _ in range(5)]
    finally:
        await server.close()

    assert all(len(pids) == 7 for pids in shown)  # each page has them all
    changed = [{db for db in now if now[db] != before[db]} for before, now in pairwise(shown)]
    assert all("postgres" not in names and len(names) == 2 for names in changed), changed
    assert set.union(*changed) == {f"d{n}" for n in range(6)}


async def _pids(server: PostgresServer, collector: ViewCollector) -> dict[str, str]:
    server._turn = (float("-inf"), *server._turn[1:])  # as some seconds later
    tables = await collector.collect(soon())
    return {t.rows[0][0]: str(t.columns[0].values[0]) for t in tables}


async def test_excluded_databases_have_no_rows_anywhere(postgres: Postgres) -> None:
    import re

    for name in ("exclude_me", "keep_me"):
        postgres.execute(f"CREATE DATABASE {name}")
    server = PostgresServer(PostgresOptions(postgres.dsn(), exclude_databases=[re.compile("exclude.*")]))
    try:
        for name in ("stat_database", "locks", "database"):
            tables = await SPECS[name].build(server)(soon())
            told = [table for table in tables if "datname" in table.labels]
            found = {row[table.labels.index("datname")] for table in told for row in table.rows}
            assert "keep_me" in found
            assert "exclude_me" not in found
            assert "postgres" in found
    finally:
        await server.close()
        for name in ("exclude_me", "keep_me"):
            postgres.execute(f"DROP DATABASE {name}")
