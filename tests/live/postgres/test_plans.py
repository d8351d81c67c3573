"""Plans of statements as pg_stat_statements has them: nearly all of them, and nothing is executed for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Any

import pytest

from exporter.model.deadline import Deadline
from exporter.sources.postgres.plans import Explained, PlanOutcome
from tests.collecting import database
from tests.live.postgres.plan_servers import ServerOf, planning
from tests.live.postgres.plan_statements import FROM_15, STATEMENTS
from tests.servers import Postgres

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("plans")]

# What would show that something was executed or written: rows, calls, transactions with a number, WAL, scans
# of tables. Not scans of indexes: for a range of values the planner looks up the least and the greatest one.
TRACES = """
SELECT (SELECT count(*) FROM shop.called), pg_snapshot_xmax(pg_current_snapshot())::text,
       pg_current_wal_insert_lsn()::text, (SELECT last_value FROM shop.queue_id_seq),
       (SELECT count(*) FROM pg_locks WHERE relation >= 16384),
       (SELECT string_agg(concat_ws('.', relname, seq_scan, n_tup_ins, n_tup_upd, n_tup_del), ' '
                          ORDER BY relid)
        FROM pg_stat_user_tables WHERE relname NOT IN ('sentinel', 'called'))
"""


def normalized(server: Postgres) -> Mapping[str, str]:
    """The texts of the application's statements in pg_stat_statements, once it has sent them all."""
    server.execute("SELECT pg_stat_statements_reset()")
    with server.connect(user="app", password="secret") as application:
        for statement in (*STATEMENTS, *(FROM_15 if server.major >= 15 else ())):
            application.execute("BEGIN")
            application.execute(statement.encode())
            application.execute("ROLLBACK")
    rows = server.execute(
        "SELECT queryid::text, query FROM pg_stat_statements WHERE userid = 'app'::regrole"
        " AND query NOT IN ('BEGIN', 'ROLLBACK')"
    )
    return dict(rows)


def traces(server: Postgres) -> list[tuple[Any, ...]]:
    """What has happened so far, once the statistics of all that ended before have come in."""
    scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'sentinel'"
    ((before,),) = server.execute(scans)
    server.execute("SELECT FROM shop.sentinel")
    until = monotonic() + 10
    while server.execute(scans) == [(before,)]:
        assert monotonic() < until
        sleep(0.02)
    return server.execute(TRACES)


@pytest.mark.parametrize("major", [13, 16, 18])
async def test_nearly_all_statements_have_a_plan(shop_of: ServerOf, major: int) -> None:
    server = shop_of(major)
    texts = normalized(server)
    server.execute("VACUUM")  # else who reads a page next tidies it up, and writes that to the WAL
    before = traces(server)
    found: dict[str, Explained] = {}
    async with planning(server) as session:
        for text in texts.values():
            found[text] = await session.explain(text, Deadline.after(5), user="app")
    after = traces(server)

    missing = {text: (e.outcome.value, e.detail) for text, e in found.items() if e.plan is None}
    assert len(found) >= 80
    assert len(missing) <= 1, missing
    assert before == after, "planning left something behind"
    assert {e.search_path for e in found.values() if e.plan} == {"shop, public"}
    assert one_time_filters(found.values()) == [], "planned for NULL, or for no partition at all"


def one_time_filters(found: Iterable[Explained]) -> list[Any]:
    """Of nodes that would give nothing whatever the parameters are."""
    nodes = [node for explained in found if explained.plan for node in nodes_of(explained.plan)]
    return [node for node in nodes if "false" in node.get("One-Time Filter", "")]


def nodes_of(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes_of(child))]


@pytest.mark.parametrize("major", [13, 18])
async def test_all_partitions_are_in_the_plan(shop_of: ServerOf, major: int) -> None:
    async with planning(shop_of(major)) as session:
        found = await session.explain("SELECT * FROM shop.events WHERE at = $1", Deadline.after(5))

    assert found.plan is not None
    tables = {node["Relation Name"] for node in nodes_of(found.plan) if "Relation Name" in node}
    assert tables == {"events_2024", "events_2025", "events_rest"}


LOOKED_UP = "SELECT * FROM orders WHERE id = $1"


async def test_the_search_path_is_found_without_the_role(shop_of: ServerOf) -> None:
    """Of the schemas that have the tables, in a database whose settings know nothing of them."""
    create = "CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA locked"
    tables = "CREATE TABLE a.parts (x int); CREATE TABLE b.parts (id int); CREATE TABLE b.wheels (id int)"
    grants = "GRANT USAGE ON SCHEMA a, b TO planner; GRANT SELECT ON ALL TABLES IN SCHEMA a, b TO planner"
    hidden = "CREATE TABLE locked.safe (id int)"
    server = shop_of(15)
    with database(server, "elsewhere", create, tables, grants, hidden):
        async with planning(server, database="elsewhere") as session:
            both = await session.explain("SELECT * FROM parts JOIN wheels USING (id)", Deadline.after(5))
            again = await session.explain("SELECT x FROM parts", Deadline.after(5), search_path="a")
            hidden_ = await session.explain("SELECT * FROM safe", Deadline.after(5))
            nowhere = await session.explain("SELECT * FROM gone", Deadline.after(5))

    assert (both.outcome, both.search_path) == (PlanOutcome.OK, "b, public")
    assert (again.outcome, again.search_path) == (PlanOutcome.OK, "a")
    assert (hidden_.outcome, hidden_.detail) == (PlanOutcome.PERMISSION, "GRANT USAGE ON SCHEMA locked")
    assert (nowhere.outcome, nowhere.detail) == (PlanOutcome.UNDEFINED, 'relation "gone" does not exist')


async def test_the_search_path_of_the_role_comes_first(shop_of: ServerOf) -> None:
    server = shop_of(15)
    create = "CREATE SCHEMA mine; CREATE TABLE mine.orders (id int); CREATE TABLE public.orders (id int)"
    tables = "GRANT USAGE ON SCHEMA mine TO planner; GRANT SELECT ON mine.orders, public.orders TO planner"
    role = "CREATE ROLE mine; ALTER ROLE app IN DATABASE roles SET search_path = pg_catalog, mine"
    with database(server, "roles", create, tables, role, "ALTER DATABASE roles SET search_path = public"):
        async with planning(server, database="roles") as session:
            found = {
                user: await session.explain(LOOKED_UP, Deadline.after(5), user=user)
                for user in ("app", "mine", "nobody", "")
            }
    server.execute("DROP ROLE mine")

    schemas = {user: (e.plan or {})["Schema"] for user, e in found.items()}
    assert schemas == {"app": "mine", "mine": "public", "nobody": "public", "": "mine"}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("SELECT * FROM shop.orders WHERE id = $1 AND", PlanOutcome.TRUNCATED),
        ("SELECT * FROM shop.orders WHERE note = 'cut he", PlanOutcome.TRUNCATED),
        ("SELECT * FROM shop.orders /* cut he", PlanOutcome.TRUNCATED),
        ("SELECT 1; SELECT 2", PlanOutcome.SYNTAX),
        ("SELECT FROM FROM shop.orders", PlanOutcome.SYNTAX),
        ("SELECT nosuch(1)", PlanOutcome.UNDEFINED),
        ("SELECT nosuch FROM shop.orders", PlanOutcome.UNDEFINED),
        ("SELECT note + id FROM shop.orders", PlanOutcome.TYPE),
        ("SELECT 1 / 0", PlanOutcome.ERROR),
        ("VACUUM", PlanOutcome.UTILITY),
        ("<insufficient privilege>", PlanOutcome.PERMISSION),
        ("SELECT * FROM pg_authid", PlanOutcome.PERMISSION),
        ("SELECT 1\0; DROP TABLE shop.called", PlanOutcome.SYNTAX),
        ("SELECT '\ud800'", PlanOutcome.SYNTAX),
    ],
)
async def test_every_end_has_its_outcome(shop_of: ServerOf, text: str, outcome: PlanOutcome) -> None:
    async with planning(shop_of(15)) as session:
        found = await session.explain(text, Deadline.after(5))

    assert (found.outcome, found.plan) == (outcome, None)
