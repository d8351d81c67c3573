"""What is read of the relations of real servers, with few rights, and beside locks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from time import monotonic

import psycopg
import pytest

from exporter.facts.read_indexes import read_definitions
from exporter.facts.read_relations import read_relations
from exporter.facts.relations import Relations
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import database, role, source
from tests.live.analysis.reading import index, relations_of, table
from tests.servers import MAJORS, Postgres
from tests.workload import wait_until

pytestmark = pytest.mark.live

SHAPES = (
    "CREATE EXTENSION pg_stat_statements",
    "CREATE SCHEMA shop",
    'CREATE TABLE shop.customers (id int PRIMARY KEY, email text COLLATE "C" UNIQUE DEFERRABLE, note text)',
    """CREATE TABLE shop.orders (id int, customer int REFERENCES shop.customers ON DELETE CASCADE, at date,
       what int4range, status text NOT NULL, CONSTRAINT apart EXCLUDE USING gist (what WITH &&))
       WITH (fillfactor = 70, autovacuum_enabled = off)""",
    "INSERT INTO shop.customers SELECT g, 'c' || g, repeat('x', 20) FROM generate_series(1, 100) AS g",
    """INSERT INTO shop.orders
       SELECT g, g % 100 + 1, date '2024-01-01' + g, int4range(g, g + 1), CASE WHEN g % 10 < 7 THEN 'sent'
              WHEN g % 10 < 9 THEN 'paid' ELSE 'new' END FROM generate_series(1, 3000) AS g""",
    "CREATE UNIQUE INDEX orders_id ON shop.orders (id) INCLUDE (status, at)",
    "ALTER TABLE shop.orders ALTER COLUMN id SET NOT NULL",
    "ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX orders_id",
    "CREATE INDEX open_ones ON shop.orders (customer, at DESC) WHERE status = 'new'",
    "CREATE INDEX referring ON shop.orders (at, customer) WHERE customer IS NOT NULL",
    "CREATE INDEX lower_1 ON shop.orders (lower(status) text_pattern_ops)",
    "CREATE INDEX lower_2 ON shop.orders (   lower(status)   text_pattern_ops   )",
    "CREATE INDEX ranges ON shop.orders USING brin (at) WITH (pages_per_range = 4)",
    "CREATE INDEX by_at ON shop.orders (at)",
    "CLUSTER shop.orders USING by_at",
    "CREATE TABLE parent (id int, at date) PARTITION BY RANGE (at)",
    "CREATE INDEX parent_id ON parent (id)",
    "CREATE TABLE part PARTITION OF parent FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "INSERT INTO parent SELECT g, '2024-02-01' FROM generate_series(1, 50) AS g",
    "CREATE TABLE extended (id int PRIMARY KEY)",
    "ALTER EXTENSION pg_stat_statements ADD TABLE extended",
    "CREATE MATERIALIZED VIEW totals AS SELECT status, count(*) FROM shop.orders GROUP BY 1",
    "VACUUM (ANALYZE)",
    "SET enable_seqscan = off",
    "SELECT count(*) FROM shop.orders WHERE at = '2024-03-03'",
)


@pytest.fixture(scope="module")
def shapes(request: pytest.FixtureRequest, postgres_of: Callable[[int], Postgres]) -> Iterator[Postgres]:
    """A server with all that in its database `shapes`."""
    pg = postgres_of(request.param)
    with database(pg, "shapes", *SHAPES):
        counted = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'by_at' AND idx_scan > 0"
        wait_until(lambda: bool(pg.execute(counted, dbname="shapes")))
        yield pg


def on(*majors: int) -> pytest.MarkDecorator:
    """On these major versions."""
    return pytest.mark.parametrize("shapes", majors, indirect=True, ids=[f"pg{major}" for major in majors])


def options(pg: Postgres, **to: str) -> PostgresOptions:
    return PostgresOptions(dsn=pg.dsn(dbname="shapes", **to))


@on(*MAJORS)
async def test_everything_is_read_as_the_catalogs_have_it(shapes: Postgres) -> None:
    found = await relations_of(options(shapes), columns_of=["orders"])
    told = """SELECT pg_table_size(relid)::int8, pg_indexes_size(relid)::int8, idx_scan
              FROM pg_stat_user_tables WHERE relname = 'orders'"""

    orders, by_at = table(found, "orders"), index(found, "by_at")
    assert (orders.schema, orders.rows, orders.kind) == ("shop", 3000, "r")
    ((bytes_, index_bytes, scans),) = shapes.execute(told, dbname="shapes")
    assert (orders.bytes, orders.index_bytes) == (bytes_, index_bytes)
    assert 3000 <= orders.idx_scan <= scans, "the constraint looked at each row; planning adds some"
    assert orders.options == {"fillfactor": "70", "autovacuum_enabled": "off"}
    assert orders.columns["status"].most_common_freq == pytest.approx(0.7)
    assert (orders.columns["at"].type, orders.columns["status"].not_null) == ("date", True)
    assert table(found, "customers").columns == {}
    assert by_at.scans >= 1
    assert by_at.clustered
    assert (by_at.last_scan is not None) == (shapes.major >= 16)
    _shapes(found)


def _shapes(found: Relations) -> None:
    unique, first, second = (index(found, name) for name in ("orders_id", "lower_1", "lower_2"))
    assert (unique.keys, unique.include, unique.replica_identity) == (("id",), ("status", "at"), True)
    assert first.keys == (None,)
    assert first.expressions == second.expressions is not None, "white space makes no other index"
    assert first.opclasses != index(found, "open_ones").opclasses
    assert index(found, "open_ones").options == (0, 3)
    assert (index(found, "open_ones").only_not_null, index(found, "referring").only_not_null) == (
        "",
        "customer",
    )
    assert index(found, "ranges").parameters == "{pages_per_range=4}"
    assert index(found, "apart").exclusion
    assert not index(found, "customers_email_key").immediate
    assert index(found, "customers_pkey").referenced
    assert not index(found, "customers_email_key").referenced
    assert table(found, "extended").of_extension
    assert table(found, "totals").kind == "m"
    assert table(found, "part").parent == table(found, "parent").oid
    assert index(found, "part_id_idx").parent == index(found, "parent_id").oid
    (key,) = found.foreign_keys
    assert (key.columns, key.referenced_columns, key.on_delete) == (("customer",), ("id",), "c")
    assert all(one.valid and not one.building for one in found.indexes.values())
    assert found.statistics_seconds is not None
    assert 0 < found.statistics_seconds < 3600
    assert all(0 <= (one.age_seconds or 0) < 3600 for one in found.indexes.values())


@on(13, 18)
async def test_the_bound_leaves_out_the_smallest_and_says_so(shapes: Postgres) -> None:
    few = await relations_of(options(shapes), most_tables=2)
    named = await relations_of(options(shapes), most_tables=2, columns_of=["shop.customers"])

    assert {t.name for t in few.tables.values()} == {"parent", "orders"}
    assert few.tables_left_out == 4
    assert table(few, "parent").incomplete
    assert {t.name for t in named.tables.values()} == {"parent", "customers"}
    assert list(table(named, "customers").columns) == ["id", "email", "note"]


@on(13, 18)
async def test_a_role_sees_all_but_the_values_unless_it_may_read(shapes: Postgres) -> None:
    reads = "GRANT USAGE ON SCHEMA shop TO watcher; GRANT SELECT ON shop.orders TO watcher"
    grant = "GRANT pg_read_all_data TO watcher" if shapes.major >= 14 else reads
    with role(shapes, "watcher", "pg_monitor"):
        watcher = options(shapes, user="watcher", password="secret")
        blind = await relations_of(watcher, columns_of=["orders"])
        shapes.execute(grant, dbname="shapes")
        seeing = await relations_of(watcher, columns_of=["orders"])
        shapes.execute("DROP OWNED BY watcher", dbname="shapes")

    assert not blind.statistics_visible
    assert table(blind, "orders").rows == 3000
    assert table(blind, "orders").columns["status"].n_distinct is None
    assert seeing.statistics_visible
    assert table(seeing, "orders").columns["status"].n_distinct == 3
    assert len(blind.indexes) == len(seeing.indexes) >= 12


@on(13, 18)
async def test_no_lock_is_waited_for(shapes: Postgres) -> None:
    with (
        shapes.connect(dbname="shapes") as holder,
        shapes.connect(dbname="shapes") as reader,
        shapes.connect(dbname="shapes") as waiter,
    ):
        holder.execute("BEGIN; LOCK TABLE shop.orders")
        reader.execute("BEGIN; LOCK TABLE shop.customers IN ACCESS SHARE MODE")
        # One that still waits is in the way of all that come after it.
        thread = Thread(target=waiter.execute, args=("BEGIN; LOCK TABLE shop.customers; ROLLBACK",))
        thread.start()
        _wait_for_lock(shapes, waiter.info.backend_pid)
        async with source(options(shapes)) as server:
            started = monotonic()
            found = await read_relations(server, Deadline.after(20), columns_of=["orders"])
            took = monotonic() - started
            oids = [index(found, name).oid for name in ("by_at", "customers_pkey", "parent_id")]
            definitions = await read_definitions(server, Deadline.after(20), oids)
        holder.execute("ROLLBACK")
        reader.execute("ROLLBACK")
        thread.join(20)

    orders = table(found, "orders")
    assert took < 2
    assert orders.bytes == orders.pages * 8192 + orders.toast_bytes, "as pg_class has it"
    assert orders.columns["status"].n_distinct == 3
    assert list(definitions) == [oids[2]], "the others are locked"
    assert definitions[oids[2]].startswith("CREATE INDEX parent_id ON ONLY public.parent")


def _wait_for_lock(pg: Postgres, pid: int) -> None:
    waits = f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {pid}"
    wait_until(lambda: pg.execute(waits) == [("Lock",)])


@pytest.mark.pg(13, 18)
async def test_an_index_that_is_being_built_is_told_from_one_that_failed(pg: Postgres) -> None:
    with (
        database(pg, "built", "CREATE TABLE t (id int)", "INSERT INTO t SELECT generate_series(1, 100)"),
        role(pg, "stranger"),
        pg.connect(dbname="built") as writer,
        pg.connect(dbname="built") as builder,
    ):
        writer.execute("BEGIN; INSERT INTO t VALUES (0)")
        pid = builder.info.backend_pid
        thread = Thread(target=_create, args=(builder,))
        thread.start()
        _wait_for_lock(pg, pid)
        seen = []
        for user, password in (("postgres", None), ("stranger", "secret")):
            dsn = pg.dsn(dbname="built", user=user, password=password)
            seen.append(index(await relations_of(PostgresOptions(dsn=dsn)), "slowly"))
        pg.execute(f"SELECT pg_cancel_backend({pid})")
        thread.join(20)
        failed = index(await relations_of(PostgresOptions(dsn=pg.dsn(dbname="built"))), "slowly")
        writer.execute("ROLLBACK")

    assert [(one.valid, one.building) for one in seen] == [(False, True)] * 2
    assert (failed.valid, failed.building) == (False, False)


def _create(builder: psycopg.Connection[tuple[object, ...]]) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        builder.execute("CREATE INDEX CONCURRENTLY slowly ON t (id)")
