"""Where sessions that ask for plans come from, what they leave in statistics, which rights they can have."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Unavailable
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.plans import PlanOutcome
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import source
from tests.live.postgres.plan_servers import ServerOf, options, planning
from tests.servers import PgBouncer, Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("plans")]

HELPER = Path("deploy/sql/explain_helper.sql")
WRITING = (
    "UPDATE shop.orders SET note = $1 WHERE customer_id = $2",
    "INSERT INTO shop.queue (payload) VALUES ($1)",
    "DELETE FROM shop.items USING shop.orders WHERE orders.id = order_id AND status = $1",
    "SELECT * FROM shop.queue WHERE state = $1 FOR UPDATE SKIP LOCKED",
    "SELECT * FROM shop.events WHERE uid = $1",
    "SELECT count(*) FROM shop.orders",
)


@contextmanager
def helper(server: Postgres) -> Iterator[None]:
    """The script as it is shipped, with its two names replaced, for the role `reader`."""
    script = HELPER.read_text().replace(" app", " shop").replace("TO exporter", "TO reader")
    server.execute(script)
    try:
        yield
    finally:
        server.execute(
            "DROP SCHEMA datastack_exporter CASCADE; DROP OWNED BY datastack_exporter_plan;"
            " DROP ROLE datastack_exporter_plan"
        )


@pytest.mark.parametrize("major", [13, 18])
async def test_with_the_helper_no_right_to_a_table_is_needed(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    async with planning(server, "reader") as session:
        without = {(await session.explain(text, Deadline.after(5))).outcome for text in WRITING}
    with helper(server):
        async with planning(server, "reader") as session:
            found = [await session.explain(text, Deadline.after(5)) for text in WRITING]
            refused = await session.explain("DROP TABLE shop.called", Deadline.after(5))
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_reader(server) as reader:
            reader.execute("SELECT count(*) FROM shop.orders")

    assert without == {PlanOutcome.PERMISSION}
    assert [explained.outcome for explained in found] == [PlanOutcome.OK] * len(WRITING)
    assert len((found[4].plan or {})["Plans"]) == 3, "the partitions"
    assert refused.outcome is PlanOutcome.UTILITY


@contextmanager
def as_reader(server: Postgres) -> Iterator[psycopg.Connection]:
    with server.connect(user="reader", password="secret") as connection:
        connection.execute("SET default_transaction_read_only = on")
        yield connection


CALL = "SELECT datastack_exporter.explain_prepared('{}', '{}')"
CALLS = {
    "not read-only": ("SET transaction_read_only = off; PREPARE p AS SELECT 1", "p", "25006"),
    "nothing prepared": ("SELECT 1", "p", "26000"),
    "a text for a name": ("PREPARE p AS SELECT 1", "p; DROP TABLE shop.called", "26000"),
    "an evil function": ("PREPARE p AS SELECT public.evil()", "p", "42501"),
    "an error in a function": ("PREPARE p AS SELECT 1 / 0", "p", "22012"),
}


@pytest.mark.parametrize("major", [13, 18])
def test_the_helper_refuses_what_is_no_prepared_query(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    server.execute(
        "CREATE FUNCTION public.worse() RETURNS void LANGUAGE plpgsql AS"
        " $f$BEGIN COPY (SELECT 1) TO PROGRAM 'true'; END$f$;"
        " CREATE FUNCTION public.evil() RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
        " $f$BEGIN PERFORM public.worse(); RETURN 1; END$f$"
    )
    states = {}
    with helper(server):
        for name, (before, statement, _) in CALLS.items():
            with as_reader(server) as reader:
                reader.execute("BEGIN")
                reader.execute(before.encode())
                with pytest.raises(psycopg.Error) as refused:
                    reader.execute(CALL.format(statement, "public").encode())
            states[name] = refused.value.sqlstate
        with as_reader(server) as reader:
            reader.pgconn.prepare(b"by_protocol", b"DROP TABLE shop.called")
            with pytest.raises(psycopg.errors.InvalidSqlStatementName):
                reader.execute(CALL.format("by_protocol", "public").encode())
    server.execute("DROP FUNCTION public.evil(), public.worse()")

    assert states == {name: state for name, (_, _, state) in CALLS.items()}


@pytest.mark.parametrize("grant", ["SUPERUSER", "REPLICATION"])
async def test_a_helper_of_the_mighty_is_not_used(shop_of: ServerOf, grant: str) -> None:
    server = shop_of(15)
    with helper(server):
        server.execute(f"ALTER ROLE datastack_exporter_plan {grant}")
        async with planning(server, "reader") as session:
            found = await session.explain(WRITING[0], Deadline.after(5))

    assert (found.outcome, found.detail) == (PlanOutcome.PERMISSION, "permission denied for table orders")


async def test_a_pretended_index_is_in_the_plan_until_it_is_forgotten(shop_of: ServerOf) -> None:
    server = shop_of(15)
    if server.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'") == [(0,)]:
        pytest.skip("HypoPG is not on this machine")
    query = "SELECT * FROM orders WHERE customer_id = $1 AND status = $2"
    server.execute("CREATE EXTENSION hypopg")
    try:
        async with planning(server) as session:
            assert session.hypopg
            before = await session.explain(query, Deadline.after(5), user="app")
            index = await session.add_index("CREATE INDEX ON orders (customer_id, status)")
            with_it = await session.explain(query, Deadline.after(5), user="app")
            refused = [
                await session.add_index(definition)
                for definition in ("DROP TABLE shop.orders", "CREATE INDEX ON nosuch (x)", "nonsense")
            ]
            await session.drop_indexes()
            after = await session.explain(query, Deadline.after(5), user="app")
    finally:
        server.execute("DROP EXTENSION hypopg")

    assert index is not None
    assert index.name == f"<{index.oid}>btree_orders_customer_id_status"
    assert index.bytes > 8192
    assert (with_it.plan or {})["Index Name"] == index.name
    assert (before.plan or {})["Node Type"] == (after.plan or {})["Node Type"] == "Seq Scan"
    assert refused == [None] * 3


async def test_without_hypopg_nothing_is_pretended(shop_of: ServerOf) -> None:
    async with planning(shop_of(18)) as session:
        await session.drop_indexes()
        index = await session.add_index("CREATE INDEX ON shop.orders (status)")

    assert (session.hypopg, session.generic_plan, index) == (False, True, None)


@pytest.mark.parametrize("major", [13, 18])
async def test_what_is_asked_for_is_counted_twice_at_most_and_not_at_all_where_allowed(
    shop_of: ServerOf, major: int
) -> None:
    server = shop_of(major)
    ours = "SELECT query FROM pg_stat_statements WHERE userid = 'planner'::regrole AND query LIKE '%marked%'"
    server.execute("SELECT pg_stat_statements_reset()")
    async with planning(server) as session:
        await session.explain("SELECT note AS marked FROM shop.orders", Deadline.after(5))
    counted = [query.split()[0] for (query,) in server.execute(ours)]
    server.execute("SELECT pg_stat_statements_reset()")
    if major >= 15:
        allow, undo = "GRANT SET ON PARAMETER {} TO planner", "REVOKE SET ON PARAMETER {} FROM planner"
    else:
        allow, undo = "ALTER ROLE planner SET {} = 'none'", "ALTER ROLE planner RESET {}"
    server.execute(allow.format("pg_stat_statements.track"))
    async with planning(server) as session:
        await session.explain("SELECT note AS marked FROM shop.orders", Deadline.after(5))
    server.execute(undo.format("pg_stat_statements.track"))

    assert sorted(counted) == ["EXPLAIN", "PREPARE"][: len(counted)]
    assert server.execute(ours) == []


async def test_plans_have_their_place_among_the_connections(shop_of: ServerOf) -> None:
    """One session beside the main one, which background work waits for and scrapes do not."""
    server = shop_of(15)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'planner'"
    async with source(
        options(server, "planner", plan_lock_timeout_seconds=10.0, plan_timeout_seconds=10.0)
    ) as target:
        async with target.plan_session(Deadline.after(5)) as session:
            await target.fetch("SELECT 1", Deadline.after(5))
            with pytest.raises(DeadlineExceeded, match="its turn did not come"):
                await target.fetch("SELECT 1", Deadline.after(0.1), aside=True)
            with pytest.raises(DeadlineExceeded, match="its turn did not come"):
                async with target.plan_session(Deadline.after(0.1)):
                    pass
            assert (await session.explain("SELECT 1", Deadline.after(5))).plan
            assert server.execute(ours)[0][0] <= 3
        await target.fetch("SELECT 1", Deadline.after(5), aside=True)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with target.plan_session(Deadline.after(5)):
                    raise ZeroDivisionError
        with server.connect() as holder:
            holder.execute("BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(TimeoutError):
                await _cancelled(target)
        async with target.plan_session(Deadline.after(5)) as session:
            assert (await session.explain("SELECT * FROM shop.orders", Deadline.after(5))).plan


async def _cancelled(target: PostgresServer) -> None:
    """While it waits for the lock."""
    async with asyncio.timeout(0.3), target.plan_session(Deadline.after(5)) as session:
        await session.explain("SELECT * FROM shop.orders", Deadline.after(5))


async def test_where_no_session_is_to_be_had_it_is_said(shop_of: ServerOf) -> None:
    server = shop_of(15)
    alone = replace(options(server, "planner"), max_connections=1)
    async with source(alone) as target:
        with pytest.raises(Unavailable, match="max_connections of 2"):
            async with target.plan_session(Deadline.after(5)):
                pass
    async with source(options(server, "planner")) as target:
        with pytest.raises(Unavailable, match="does not exist"):
            async with target.plan_session(Deadline.after(5), "nosuch"):
                pass


async def test_behind_a_pooler_there_are_no_plans(shop_of: ServerOf) -> None:
    server = shop_of(15)
    ini = {"pool_mode": "transaction", "default_pool_size": "1"}
    with require(
        PgBouncer, server, ini=ini, databases={"postgres": f"host=127.0.0.1 port={server.port}"}
    ) as pooler:
        dsn = pooler.dsn(dbname="postgres", user="postgres")
        async with source(PostgresOptions(dsn)) as target:
            with pytest.raises(Unavailable, match="without the pooler"):
                async with target.plan_session(Deadline.after(5)):
                    pass
