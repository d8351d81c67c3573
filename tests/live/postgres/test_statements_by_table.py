"""Statements by operation and table, with texts that are asked for rarely and kept redacted."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from time import monotonic

import psycopg
import pytest

from exporter.collectors.postgres import _statements_texts
from exporter.collectors.postgres._statements_source import history, known_statements, statements_of
from exporter.model.deadline import Deadline
from exporter.model.table import Labels
from exporter.sources.postgres.connect import PostgresOptions, QueryOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import SPECS, database, role, source
from tests.servers import Postgres

pytestmark = pytest.mark.live

SCHEMA = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer int)",
    "CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders)",
    "INSERT INTO orders SELECT i, i % 10 FROM generate_series(1, 100) i",
)
CALLS = "pg_statements_calls_total"
TOTAL_CALLS = "pg_stat_statements_by_user_calls_total"

Found = dict[str, dict[Labels, float]]


class Reader:
    """The collector of one server beside that of the totals, which read anew each time."""

    def __init__(self, server: PostgresServer) -> None:
        self.statements = statements_of(server)
        self._collect = [SPECS[n].build(server) for n in ("statements_by_table", "stat_statements_totals")]

    async def read(self, *, texts: bool = True) -> Found:
        self.statements._read_at = float("-inf")
        if texts:
            self.statements.with_texts()._not_before = float("-inf")
        found: Found = {}
        for collect in self._collect:
            for table in await collect(Deadline.after(20)):
                for column in table.columns:
                    pairs = zip(table.rows, column.values, strict=True)
                    found[column.metric.name] = {row: float(v) for row, v in pairs if v is not None}
        return found


@asynccontextmanager
async def reader(options: PostgresOptions) -> AsyncIterator[tuple[Reader, PostgresServer]]:
    async with source(options) as server:
        yield Reader(server), server


def run(session: psycopg.Connection[tuple[object, ...]], statement: str, times: int = 1) -> None:
    for _ in range(times):
        session.execute(statement.encode())


def grown(after: Found, before: Found, name: str, datname: str) -> dict[tuple[str, ...], float]:
    """What the rows of a database grew by, by operation and table, where they did."""
    was = before.get(name, {})
    rows = {row[1:]: value - was.get(row, 0) for row, value in after[name].items() if row[0] == datname}
    return {row: value for row, value in rows.items() if value}


@pytest.mark.pg(13, 18)
async def test_each_call_counts_once_under_its_operation_and_first_table(pg: Postgres) -> None:
    with database(pg, "shop", *SCHEMA), pg.connect(dbname="shop") as session:
        run(session, "SELECT id FROM orders WHERE customer = 1")
        run(session, "SELECT * FROM items JOIN orders ON orders.id = order_id")
        run(session, "INSERT INTO items VALUES (1000, 1)")
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, _):
            first = await statements.read()
            run(session, "SELECT id FROM orders WHERE customer = 2", 7)
            run(session, "SELECT * FROM items JOIN orders ON orders.id = order_id", 3)
            for i in range(5):
                run(session, f"INSERT INTO items VALUES ({i}, {i + 1})")
            second = await statements.read()

    assert grown(second, first, CALLS, "shop") == {
        ("SELECT", "orders"): 7,
        ("SELECT", "items"): 3,
        ("INSERT", "items"): 5,
    }
    assert grown(second, first, "pg_statements_rows_total", "shop")["SELECT", "orders"] == 70
    seconds = grown(second, first, "pg_statements_seconds_total", "shop")
    for name, least in (("mean", 0.5), ("p95", 1.0)):
        lately = second[f"pg_statements_{name}_seconds"]["shop", "SELECT", "orders"]
        assert least * seconds["SELECT", "orders"] / 7 <= lately < 1
    longest = second["pg_statements_max_seconds"]["shop", "SELECT", "orders"]
    assert longest >= seconds["SELECT", "orders"] / 7
    totals = {row: value - first[TOTAL_CALLS][row] for row, value in second[TOTAL_CALLS].items()}
    of_shop = sum(value for (datname, _), value in totals.items() if datname == "shop")
    assert of_shop == sum(grown(second, first, CALLS, "shop").values()) == 15


@pytest.mark.pg(15)
async def test_what_is_not_known_yet_counts_as_unknown_and_never_twice(pg: Postgres) -> None:
    with database(pg, "shop", *SCHEMA), pg.connect(dbname="shop") as session:
        pg.execute("SELECT pg_stat_statements_reset()")  # more than a thousand take several turns
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, _):
            pages = [await statements.read()]
            for texts in (False, True, False):
                run(session, "DELETE FROM items WHERE order_id = 7", 4)
                pages.append(await statements.read(texts=texts))

    steps = [grown(after, before, CALLS, "shop") for before, after in pairwise(pages)]
    assert steps[:2] == [{("unknown", "unknown"): 4}] * 2
    assert steps[2] == {("DELETE", "items"): 4}
    assert [page["pg_statements_without_text"][()] > 0 for page in pages] == [False, True, False, False]


@pytest.mark.pg(15)
async def test_calls_of_a_statement_that_is_slow_just_now_are_slow(pg: Postgres) -> None:
    options = replace(PostgresOptions(dsn=pg.dsn()), queries=QueryOptions(slow_query_seconds=0.05))
    with database(pg, "shop", *SCHEMA), pg.connect(dbname="shop") as session:
        sleeping = "SELECT pg_sleep({}) FROM orders WHERE id = 1"
        run(session, sleeping.format(0.3))
        async with reader(options) as (statements, _):
            pages = [await statements.read()]
            for seconds in (0.07, 0.001):
                run(session, sleeping.format(seconds), 2)
                pages.append(await statements.read())

    slow, fast = (grown(pages[i + 1], pages[i], "pg_statements_slow_calls_total", "shop") for i in range(2))
    assert (slow, fast) == ({("SELECT", "orders"): 2}, {})
    p95 = pages[1]["pg_statements_p95_seconds"]["shop", "SELECT", "orders"]
    assert 0.06 < p95 < 0.2, "of the interval, not of all that the extension has counted"


@pytest.mark.pg(15)
async def test_texts_are_asked_for_once_in_ten_minutes_and_never_on_a_scrape(pg: Postgres) -> None:
    with pg.connect() as session:
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, server):
            asked: list[str] = []
            fetch = server.fetch

            async def counted(sql: str, deadline: Deadline, **how: bool) -> object:
                asked.append(sql)
                return await fetch(sql, deadline, **how)  # type: ignore[arg-type]

            server.fetch = counted  # type: ignore[method-assign, assignment]
            for i in range(4):
                run(session, f"SELECT {', '.join('1' * (i + 1))} AS never_seen_before")
                found = await statements.read(texts=False)

    readings = [sql for sql in asked if "ROW(" in sql]
    texts = [sql for sql in asked if "pg_stat_statements(true)" in sql]
    assert len(readings) == 4
    assert len(texts) == 1
    assert not any("query" in sql.replace("queryid", "") or "(true)" in sql for sql in readings)
    assert found["pg_statements_text_reads_total"]["ok",] == 1
    assert found["pg_statements_without_text"][()] >= 3


@pytest.mark.pg(15)
async def test_a_file_of_texts_that_is_too_large_is_left_alone(
    pg: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_statements_texts, "LARGE_BYTES", 1_000)
    async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, _):
        found = await statements.read()
        texts = statements.statements.with_texts()
        left = texts._not_before - Deadline.after(0).at

    assert found["pg_statements_text_bytes"][()] > 1_000
    assert found["pg_statements_text_reads_total"]["too_large",] == 1
    assert 5 * 3600 < left < 6 * 3600


@pytest.mark.pg(15)
async def test_at_the_start_the_busiest_are_known_first_and_what_is_gone_is_forgotten(
    pg: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_statements_texts, "BATCH", 3)
    with pg.connect() as session:
        run(session, "SELECT pg_stat_statements_reset()")
        run(session, "SELECT FROM pg_amop LIMIT 0", 50)
        for columns in range(2, 7):
            run(session, f"SELECT {', '.join('1' * columns)}")
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, _):
            texts = statements.statements.with_texts()
            pauses: list[float] = []
            while pauses.count(60) < 20 and 600 not in pauses:
                await statements.read()
                pauses.append(round(texts._not_before - monotonic(), -1))
                assert any(known.tables == ("pg_amop",) for known in texts.known.values())
            known = len(texts.known)
            run(session, "SELECT pg_stat_statements_reset()")
            run(session, "SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9")
            await statements.read()
            left = len(texts.known)

    assert pauses[:2] == [60, 60]
    assert pauses[-1] == 600
    assert left < 5 < known


@pytest.mark.pg(15)
async def test_texts_that_the_server_cannot_give_are_counted_and_logged(pg: Postgres) -> None:
    """One statement in a database without encoding makes all texts unreadable in the others."""
    pg.execute("CREATE DATABASE nocode ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    try:
        with database(pg, "shop", *SCHEMA), psycopg.connect(pg.dsn(dbname="nocode")) as session:
            session.execute(b"SELECT 1 AS bytes /* \xff\xfe */")
            run(session, "COMMIT")
            async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, _):
                await statements.read()
                pg.execute("SELECT id FROM orders", dbname="shop")
                found = await statements.read()
    finally:
        pg.execute("DROP DATABASE nocode WITH (FORCE)")
        pg.execute("SELECT pg_stat_statements_reset()")

    assert found["pg_statements_text_reads_total"]["failed",] == 2
    assert found[CALLS]["shop", "unknown", "unknown"] >= 1
    assert found[TOTAL_CALLS]["shop", "postgres"] >= 1


@pytest.mark.pg(15, 18)
async def test_no_text_is_kept_as_it_came(pg: Postgres) -> None:
    secret = "TopSecret-4711"
    with role(pg, "clerk"), database(pg, "shop", *SCHEMA), pg.connect(dbname="shop") as session:
        run(session, f"ALTER ROLE clerk PASSWORD '{secret}'")
        run(session, f"SET application_name = '{secret}'")
        run(session, f"DELETE FROM orders WHERE id = 1 /* {secret} */")
        run(session, f'SELECT 1 AS "{secret}" FROM orders')
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, server):
            await statements.read()
            texts = [known.text for known in statements.statements.with_texts().known.values()]
            of_api = [known.text for known in known_statements(server).values()]

        shown = pg.execute("SELECT count(*) FROM pg_stat_statements WHERE query ~ 'TopSecret'")
    assert shown[0][0] >= 3, "the extension has them"
    assert any("DELETE FROM orders" in text for text in texts)
    assert not any("TopSecret" in text for text in texts + of_api)
    gc.collect()
    assert not any("TopSecret" in text for text in _strings(statements.statements))


def _strings(value: object) -> Sequence[str]:
    """All texts that are held by a value, however deep."""
    seen: set[int] = set()
    found: list[str] = []
    queue = [value]
    while queue:
        one = queue.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found.append(one)
        queue.extend(gc.get_referents(one))
    return found


@pytest.mark.pg(15, 18)
async def test_the_history_tells_what_clients_sent_from_what_functions_ran(pg: Postgres) -> None:
    function = """CREATE FUNCTION busy() RETURNS void LANGUAGE plpgsql AS
                  $$BEGIN FOR i IN 1..3 LOOP PERFORM * FROM items WHERE order_id = i; END LOOP; END$$"""
    with database(pg, "shop", *SCHEMA, function), pg.connect(dbname="shop") as session:
        run(session, "SET pg_stat_statements.track = 'all'")
        for step in ("SELECT busy()", "SELECT id FROM orders WHERE customer = 1"):
            run(session, step)
        async with reader(PostgresOptions(dsn=pg.dsn())) as (statements, server):
            assert history(server) == []
            for _ in range(2):
                await statements.read()
            run(session, "SELECT busy()", 2)
            run(session, "SELECT id FROM orders WHERE customer = 1", 5)
            await statements.read()
            intervals, known = history(server), known_statements(server)

    assert len(intervals) == 2
    newest = intervals[-1]
    assert newest.seconds > 0
    sent, ran = (
        {known[key].tables: counters for key, counters in level.items() if key.datname == "shop"}
        for level in (newest.counted, newest.nested)
    )
    assert sent["orders",].calls == 5
    assert sent["orders",].rows == 50
    assert sent["orders",].square_ms >= sent["orders",].exec_ms ** 2 / 5 * 0.999
    assert ran["items",].calls == 6
    assert ("items",) not in sent
    assert all(key in known for interval in intervals for key in interval.counted)
