"""The collector query_plans: which plans it asks for, which changes it sees, and what it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time

import pytest

from exporter.collectors.postgres._query_plans import HOUR, PlanRecord, Plans
from exporter.collectors.postgres.query_plans import Planner
from exporter.model.deadline import Deadline
from exporter.sources.postgres.plans import PlanOutcome
from tests.collecting import SPECS, database, source
from tests.live.postgres.plan_servers import ServerOf, options
from tests.servers import Postgres

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("plans")]

SEARCHED = "SELECT * FROM orders WHERE note = 'hunter2' LIMIT 10"


@asynccontextmanager
async def collector(server: Postgres, user: str = "planner", **queries: float) -> AsyncIterator[Planner]:
    async with source(options(server, user, **{"slow_query_seconds": 0.0} | queries)) as target:
        yield Planner(target)


def send(server: Postgres, *statements: str) -> None:
    """As the application, and nothing else is in pg_stat_statements then."""
    server.execute("SELECT pg_stat_statements_reset()")
    with server.connect(user="app", password="secret") as application:
        for statement in statements:
            application.execute(statement.encode())


def record_of(plans: Plans, part: str) -> PlanRecord:
    (record,) = (record for record in plans.records.values() if part in record.text)
    return record


@pytest.mark.parametrize("major", [13, 18])
async def test_a_plan_that_changes_is_seen(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    server.execute("CREATE INDEX searched ON shop.orders (note)")
    send(server, SEARCHED, "CREATE TEMPORARY TABLE t ()")
    async with collector(server) as planner:
        await planner.run(Deadline.after(20))
        with_index = record_of(planner.plans, "FROM orders")
        server.execute("DROP INDEX shop.searched")
        planner.plans._candidates = [c._replace(mean_ms=1e6) for c in planner.plans._candidates]
        await planner.run(Deadline.after(20))
        without = record_of(planner.plans, "FROM orders")

    assert (with_index.outcome, without.outcome) == (PlanOutcome.OK, PlanOutcome.OK)
    assert (with_index.search_path, with_index.changed_at) == ("shop, public", None)
    assert "searched" in str(with_index.explained.plan)
    assert "searched" not in str(without.explained.plan)
    assert without.previous == with_index.signature
    assert without.changed_at == pytest.approx(time(), abs=20)
    assert planner.plans.changes["postgres"] == 1
    assert record_of(planner.plans, "CREATE").outcome is PlanOutcome.UTILITY
    assert "hunter2" not in str(planner.plans.records)


async def test_no_more_plans_than_the_budget_and_the_rest_is_counted(shop_of: ServerOf) -> None:
    server = shop_of(15)
    send(server, *(f"SELECT {', '.join(['id'] * n)} FROM orders LIMIT 1" for n in range(1, 8)))
    async with collector(server, plans_per_minute=3) as planner:
        rounds = []
        for _ in range(4):
            await planner.run(Deadline.after(20))
            ours = [record for record in planner.plans.records.values() if "orders" in record.text]
            rounds.append((len(planner.plans.records), planner.plans.results[PlanOutcome.BUDGET], len(ours)))

    assert [known for known, _, _ in rounds[:2]] == [3, 6]
    assert rounds[0][1] >= 4
    assert rounds[-1][2] == 7


async def test_each_database_has_its_session_and_what_is_not_there_is_no_end(shop_of: ServerOf) -> None:
    server = shop_of(15)
    send(server, "SELECT count(*) FROM orders")
    with (
        database(server, "beside"),
        database(server, "closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC"),
    ):
        for name in ("beside", "closed"):
            server.execute("SELECT relname FROM pg_class WHERE relname = 'beside_or_closed'", dbname=name)
        async with collector(server) as planner:
            await planner.run(Deadline.after(20))
    found = {
        key.datname: record.outcome
        for key, record in planner.plans.records.items()
        if "relname" in record.text or "orders" in record.text
    }

    assert found == {
        "postgres": PlanOutcome.OK,
        "beside": PlanOutcome.OK,
        "closed": PlanOutcome.UNAVAILABLE,
    }


async def test_a_superuser_gets_none_and_is_told_so_once(shop_of: ServerOf) -> None:
    server = shop_of(15)
    send(server, "SELECT count(*) FROM orders")
    server.execute("ALTER ROLE planner SUPERUSER")
    try:
        async with collector(server) as planner:
            await planner.run(Deadline.after(20))
            await planner.run(Deadline.after(20))
    finally:
        server.execute("ALTER ROLE planner NOSUPERUSER")

    record = record_of(planner.plans, "orders")
    assert (record.outcome, record.explained.plan) == (PlanOutcome.SUPERUSER, None)
    assert set(planner.plans.results) <= {PlanOutcome.SUPERUSER, PlanOutcome.BUDGET}
    assert planner.plans.results[PlanOutcome.SUPERUSER] == len(planner.plans.records)


async def test_the_plan_of_a_view_with_a_secret_is_kept_without_it(shop_of: ServerOf) -> None:
    server = shop_of(15)
    send(server, "SELECT * FROM open_orders WHERE email = 'x'")
    async with collector(server) as planner:
        await planner.run(Deadline.after(20))
    plan = record_of(planner.plans, "open_orders").explained.plan

    assert plan is not None
    assert "ANY (?::text[])" in str(plan)
    assert "pending" not in str(plan)


async def test_the_page_shows_what_became_of_it(shop_of: ServerOf) -> None:
    server = shop_of(15)
    send(server, "SELECT count(*) FROM orders")
    async with source(options(server, "planner", slow_query_seconds=0.0)) as target:
        tables = await SPECS["query_plans"].build(target)(Deadline.after(20))

    found = {
        column.metric.name: dict(zip(t.rows, column.values, strict=True))
        for t in tables
        for column in t.columns
    }
    assert {name for name, *_ in SPECS["query_plans"].metrics} == set(found)
    assert len(found["pg_query_plans_total"]) == len(PlanOutcome)
    assert float(str(found["pg_query_plans_total"]["ok",])) >= 1
    assert found["pg_query_plan_changes_total"]["postgres",] == 0
    assert time() - HOUR < float(str(found["pg_query_plans_newest_timestamp_seconds"][()])) <= time()
