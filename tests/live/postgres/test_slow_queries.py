"""Queries that run for long and statements that are slow: seen once, with who blocks them, without values."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.collectors.postgres._statements_source import statements_of
from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.slow_query import SlowKind, SlowQueries, SlowQuery, slow_queries_of
from exporter.slow_log.file import NAME
from exporter.slow_log.sink import SlowLog
from exporter.sources.postgres.connect import PostgresOptions, QueryOptions
from tests.collecting import SPECS, Samples, database, role, source, values
from tests.servers import Postgres
from tests.servers.page import samples_of
from tests.workload import wait_until

pytestmark = [pytest.mark.live, pytest.mark.pg(13, 18)]

TABLE = ("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1)")
QUICKLY = QueryOptions(slow_running_seconds=0.05, slow_query_seconds=0.02)
SECRET = "hunter2"


class Watched:
    """The two collectors of one server, which read anew each time.

    Attributes:
        queries: what they have noted.
        heard: what a listener was told.
    """

    def __init__(self, server: Any) -> None:
        self._statements = statements_of(server)
        self._collect = {name: SPECS[name].build(server) for name in ("slow_queries", "slow_statements")}
        self.queries: SlowQueries = slow_queries_of(server)
        self.heard: list[SlowQuery] = []
        self.queries.listeners.add(self.heard.append)

    async def look(self, name: str = "slow_queries") -> Samples:
        self._statements._read_at = self._statements.with_texts()._not_before = float("-inf")
        text = b"".join(TextEncoder().encode(await self._collect[name](Deadline.after(20))))
        return samples_of(text.decode())

    def of(self, datname: str, kind: SlowKind = SlowKind.RUNNING) -> list[SlowQuery]:
        return [query for query in self.queries.newest(kind) if query.datname == datname]


@asynccontextmanager
async def watched(options: PostgresOptions) -> AsyncIterator[Watched]:
    async with source(options) as server:
        yield Watched(server)


def options(pg: Postgres) -> PostgresOptions:
    return PostgresOptions(dsn=pg.dsn(), queries=QUICKLY)


@contextmanager
def running(pg: Postgres, sql: str, **to: Any) -> Iterator[int]:
    """A session that runs this for long, until the end of the block: its process."""
    with psycopg.connect(pg.dsn(dbname="slow"), autocommit=True, **to) as connection:
        pid = connection.info.backend_pid

        def run() -> None:
            with suppress(psycopg.Error):
                connection.execute(sql.encode())

        thread = threading.Thread(target=run)
        thread.start()
        old = f"""SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'
                  AND clock_timestamp() - query_start > interval '60 ms'"""
        try:
            wait_until(lambda: bool(pg.execute(old)))
            yield pid
        finally:
            pg.execute(f"SELECT pg_cancel_backend({pid})")
            thread.join(10)


async def test_a_query_that_runs_long_is_one_until_it_ends(pg: Postgres) -> None:
    with database(pg, "slow", *TABLE):
        async with watched(options(pg)) as seen:
            with running(pg, "SELECT pg_sleep(60), name FROM t", application_name="shop") as pid:
                pages = [await seen.look(), await seen.look()]
                (now,) = seen.of("slow")
            pages.append(await seen.look())
            (ended,) = seen.of("slow")
            told = [query.ended for query in seen.heard if query.datname == "slow"]

        by_page = [{name: values(page, name, "datname")["slow"] for name in page} for page in pages]
        assert [page["pg_slow_queries_running"] for page in by_page] == [1, 1, 0]
        assert [page["pg_slow_queries_total"] for page in by_page] == [1, 1, 1]
        grown = [page["pg_slow_queries_seconds_total"] for page in by_page]
        assert 0.05 <= grown[0] < grown[1] == grown[2]
        assert (now.ended, ended.ended, told) == (False, True, [False, True])
        assert ended.seconds == now.seconds == pytest.approx(grown[1], abs=0.001)
        assert (now.pid, now.user, now.application_name) == (pid, "postgres", "shop")
        assert (now.operation, now.tables, now.wait_event) == ("SELECT", ("t",), "Timeout:PgSleep")
        assert now.text.startswith("SELECT pg_sleep(")
        assert bool(now.queryid) == (pg.major >= 14)
        assert now.at - now.since == pytest.approx(now.seconds, abs=0.01)


async def test_who_waits_for_a_lock_shows_who_holds_it(pg: Postgres) -> None:
    with database(pg, "slow", *TABLE), pg.connect(dbname="slow") as holder:
        pid = holder.info.backend_pid
        holder.execute("BEGIN")
        holder.execute("UPDATE t SET id = id")
        async with watched(options(pg)) as seen:
            with running(pg, f"UPDATE t SET name = '{SECRET}'"):
                await seen.look()
                (blocked,) = seen.of("slow")

    assert blocked.blocked_by == (pid,)
    assert blocked.wait_event == "Lock:transactionid"
    assert (blocked.operation, blocked.tables) == ("UPDATE", ("t",))


@pytest.mark.pg(18)
async def test_what_runs_nothing_or_is_no_client_is_left_out(pg: Postgres) -> None:
    sleep = "SELECT pg_sleep(60)"
    with database(pg, "slow", *TABLE), pg.connect(dbname="slow") as idle:
        idle.execute("BEGIN")
        idle.execute("UPDATE t SET id = id")
        with running(pg, sleep, replication="database"):
            async with watched(options(pg)) as seen:
                page = await seen.look()
                assert values(page, "pg_slow_queries_running", "datname")["slow"] == 0
                assert seen.of("slow") == []


@pytest.mark.pg(13, 18)
async def test_what_the_role_may_not_see_is_unknown_not_zero(pg: Postgres) -> None:
    sleep = "SELECT pg_sleep(60)"
    with database(pg, "slow"), role(pg, "blind") as blind, running(pg, sleep):
        async with watched(PostgresOptions(dsn=blind.dsn, queries=QUICKLY)) as seen:
            page = await seen.look()
            pg.execute("GRANT pg_monitor TO blind")
            granted = await seen.look()

    assert "slow" not in values(page, "pg_slow_queries_running", "datname")
    assert values(page, "pg_slow_queries_running", "datname")["template1"] == 0
    assert values(granted, "pg_slow_queries_running", "datname")["slow"] == 1


async def test_a_slow_statement_is_one_from_reading_to_reading(pg: Postgres) -> None:
    def call(session: psycopg.Connection[Any], times: int) -> None:
        for number in range(times):
            session.execute(f"SELECT pg_sleep(0.025), {number} FROM t".encode())
            session.execute(f"SELECT {number} FROM t".encode())

    with database(pg, "slow", *TABLE), pg.connect(dbname="slow") as session:
        call(session, 1)
        async with watched(options(pg)) as seen:
            first = await seen.look("slow_statements")
            call(session, 3)
            second = await seen.look("slow_statements")
            (noted,) = seen.of("slow", SlowKind.STATEMENT)
            third = await seen.look("slow_statements")

    counts = [values(page, "pg_slow_statements", "datname")["slow"] for page in (first, second, third)]
    assert counts == [0, 1, 0]
    took = [values(page, "pg_slow_statements_seconds_total", "datname")["slow"] for page in (second, third)]
    assert took[0] == took[1] == pytest.approx(noted.calls * noted.seconds)
    assert (noted.calls, noted.user, noted.operation, noted.tables) == (3, "postgres", "SELECT", ("t",))
    assert 0.025 <= noted.seconds < 0.2
    assert noted.text.startswith("SELECT pg_sleep(")
    assert noted.queryid.lstrip("-").isdigit()


@pytest.mark.pg(15)
async def test_a_statement_and_a_query_that_runs_have_one_id(pg: Postgres) -> None:
    with database(pg, "slow", *TABLE), pg.connect(dbname="slow") as session:
        session.execute("SELECT pg_sleep(0.001) FROM t")
        async with watched(options(pg)) as seen:
            await seen.look("slow_statements")
            with running(pg, "SELECT pg_sleep(0.3) FROM t"):
                await seen.look()
                wait_until(lambda: not pg.execute("SELECT 1 FROM pg_stat_activity WHERE query ~ '0[.]3.*t$'"
                                                  " AND state = 'active'"))  # fmt: skip
            await seen.look("slow_statements")

        (ran,) = seen.of("slow")
        (counted,) = seen.of("slow", SlowKind.STATEMENT)
    assert ran.id == counted.id != ""
    assert ran.queryid == counted.queryid


WITH_SECRETS = (
    f"SELECT pg_sleep(60), '{SECRET}'",
    f"SELECT pg_sleep(60) /* {SECRET} */ -- {SECRET}",
    f"SELECT pg_sleep(60), $${SECRET}$$, E'{SECRET}', U&'{SECRET}', $x${SECRET}$x$",
    f"DO $$BEGIN PERFORM pg_sleep(60), '{SECRET}'; END$$",
    f"SELECT pg_sleep(60), '{'padding ' * 200}{SECRET}'",
    f"SELECT pg_sleep(60), '{(SECRET + ' ') * 400}'",
    f"SELECT pg_sleep(60) /* {(SECRET + ' ') * 400} */",
    f"SELECT pg_sleep(60), $${(SECRET + ' ') * 400}$$",
    f"SELECT pg_sleep(60); ALTER ROLE nobody PASSWORD '{SECRET}'",
)
"""Some are cut by the server in the middle of what is secret."""


@pytest.mark.pg(15)
async def test_no_value_is_ever_kept_written_or_exported(pg: Postgres, tmp_path: Path) -> None:
    pages = []
    log = SlowLog(())
    log.configure(str(tmp_path))
    with database(pg, "slow", *TABLE):
        async with watched(options(pg)) as seen:
            seen.queries.listeners.add(log.take)
            pages.append(await seen.look("slow_statements"))
            for sql in WITH_SECRETS:
                with suppress(AssertionError), running(pg, sql):
                    pages.append(await seen.look())
            _slow_ddl(pg)
            pages += [await seen.look(), await seen.look("slow_statements")]
            kept = repr(seen.queries.newest())
            found = {query.text.split()[0] for query in seen.of("slow")}
            ddl = [query for query in seen.of("slow", SlowKind.STATEMENT) if "ROLE" in query.text]
    await log.close()

    written = (tmp_path / NAME).read_text()
    assert len(written.splitlines()) > len(WITH_SECRETS)
    assert found >= {"SELECT", "DO"}
    assert ddl
    assert SECRET not in kept
    assert SECRET not in written
    assert SECRET not in repr(pages)
    assert all(json.loads(line)["server"] == seen.heard[0].server for line in written.splitlines())


def _slow_ddl(pg: Postgres) -> None:
    """A password in a statement that takes long: it waits for a lock on the catalog."""
    with pg.connect(dbname="slow") as holder:
        holder.execute("CREATE ROLE late")
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE pg_authid IN EXCLUSIVE MODE")
        with running(pg, f"ALTER ROLE late PASSWORD '{SECRET}'"):
            holder.execute("COMMIT")
            wait_until(lambda: not pg.execute("SELECT 1 FROM pg_stat_activity WHERE query ~ '^ALTER ROLE'"
                                              " AND state = 'active'"))  # fmt: skip
        holder.execute("DROP ROLE late")
