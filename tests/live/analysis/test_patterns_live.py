"""Anti-patterns on a real server: its texts, counters, plans and tables, and healthy statements beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from exporter.analysis.patterns import anti_patterns
from exporter.facts.read_relations import read_relations
from exporter.facts.read_statements import read_statements
from exporter.facts.statement import StatementKey
from exporter.model.deadline import Deadline
from exporter.sources.postgres.server import PostgresServer
from exporter.sql.normal import fingerprint
from tests.collecting import database, role, source
from tests.servers import Postgres

pytestmark = pytest.mark.live

NAME = "patterns"
TABLES = (
    """CREATE TABLE orders (id int PRIMARY KEY, email varchar(80), code char(8), amount int, state int,
       created_at timestamptz, note text)""",
    """INSERT INTO orders SELECT g, 'user' || g || '@example.org', g, g % 7000, g % 3,
       timestamptz '2026-01-01' + g * interval '1 minute', repeat('x', 40)
       FROM generate_series(1, 100000) AS g""",
    "CREATE INDEX ON orders (email text_pattern_ops)",
    "CREATE INDEX ON orders (created_at)",
    "CREATE TABLE wide (id int PRIMARY KEY, " + ", ".join(f"c{n} text" for n in range(25)) + ")",
    "INSERT INTO wide SELECT g FROM generate_series(1, 500) AS g",
    "CREATE TABLE jobs (id int PRIMARY KEY, state int)",
    "INSERT INTO jobs SELECT g, 0 FROM generate_series(1, 300) AS g",
    "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO patterns_reader",
    "VACUUM ANALYZE",
)
BAD: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "SELECT * FROM wide WHERE id = %s": ("select_star", (7,)),
    "SELECT id FROM orders": ("missing_limit", ()),
    "SELECT id FROM orders ORDER BY created_at LIMIT 20 OFFSET %s": ("offset_paging", (90_000,)),
    "SELECT count(*) FROM orders": ("count_all", ()),
    "SELECT id FROM orders WHERE amount = %s": ("seq_scan", (5,)),
    "SELECT id FROM orders WHERE email LIKE %s": ("leading_wildcard", ("%77@example.org",)),
    "SELECT id FROM orders WHERE upper(email) = %s": ("function_on_column", ("USER5@EXAMPLE.ORG",)),
    "SELECT id FROM orders WHERE created_at::date = %s": ("function_on_column", ("2026-02-02",)),
    "SELECT id FROM orders WHERE id = %s::numeric": ("implicit_cast", (5,)),
    f"SELECT id FROM orders WHERE id IN ({', '.join(['%s'] * 120)})": ("long_list", tuple(range(120))),
    "SELECT id FROM orders WHERE id NOT IN (SELECT id FROM orders WHERE amount > 6000) LIMIT 5": (
        "not_in_subquery",
        (),
    ),
    "SELECT id FROM orders ORDER BY random() LIMIT 1": ("random_order", ()),
    "SELECT id, note FROM orders ORDER BY note, email DESC LIMIT 1 OFFSET 99990": ("temporary_files", ()),
    "SELECT id FROM jobs WHERE state = %s ORDER BY id LIMIT 1 FOR UPDATE": (
        "queue_without_skip_locked",
        (0,),
    ),
}
HEALTHY: Mapping[str, tuple[Any, ...]] = {
    "SELECT id, c1 FROM wide WHERE id = %s": (7,),
    "SELECT * FROM jobs WHERE id = %s": (7,),
    "SELECT * FROM jobs": (),
    "SELECT id FROM orders ORDER BY id LIMIT 20 OFFSET %s": (20,),
    "SELECT count(*) FROM jobs": (),
    "SELECT count(*) FROM orders WHERE id < %s": (50,),
    "SELECT id, state FROM orders WHERE id = %s": (5,),
    "SELECT id FROM orders WHERE email = %s": ("user5@example.org",),
    "SELECT id, state FROM orders WHERE email LIKE 'user77@%%'": (),
    "SELECT sum(amount) FROM orders WHERE state = %s": (1,),
    "SELECT id FROM orders WHERE created_at >= %s AND created_at < '2026-01-02'": ("2026-01-01 22:00",),
    "SELECT id, state FROM orders WHERE id = ANY(%s)": (list(range(50)),),
    "SELECT id FROM jobs WHERE id NOT IN (%s, 5)": (4,),
    "SELECT id FROM jobs ORDER BY random() LIMIT 1": (),
    "SELECT id FROM jobs WHERE state = %s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED": (0,),
    "UPDATE jobs SET state = state + 1 WHERE id = %s": (5,),
}
CALLS = 6


@pytest.mark.pg(18)
async def test_each_rule_on_its_statement_and_no_rule_on_healthy_ones(pg: Postgres) -> None:
    with (
        role(pg, "patterns_reader", "pg_read_all_stats", "pg_read_all_data") as options,
        database(pg, NAME, *TABLES),
    ):
        _work(pg)
        async with source(options) as server:
            found = await _found(server)

    # Lists of values reach us shortened from 18 on.
    bad = {sql: {rule} for sql, (rule, _) in BAD.items() if pg.major < 18 or rule != "long_list"}
    ours = {_id(sql): sql for sql in (*BAD, *HEALTHY)}
    assert ours.keys() <= found.keys(), "all of them were looked at"
    assert {ours[key]: rules for key, rules in found.items() if key in ours and rules} == bad


def _work(pg: Postgres) -> None:
    with psycopg.connect(pg.dsn(dbname=NAME), autocommit=True, prepare_threshold=None) as session:
        session.execute("SET work_mem = '1MB'")
        for sql, values in [*((sql, values) for sql, (_, values) in BAD.items()), *HEALTHY.items()]:
            for _ in range(CALLS):
                session.execute(sql.encode(), values)


async def _found(server: PostgresServer) -> dict[str, set[str]]:
    """The rules that each statement of the database breaks, by its id."""
    deadline = Deadline.after(30)
    reading = await read_statements(server, deadline)
    chosen = [s for s in reading.statements if s.key.datname == NAME and s.counters.calls == CALLS]
    names = {table for statement in chosen for table in statement.tables}
    relations = await read_relations(server, deadline, NAME, columns_of=names)
    plans: dict[StatementKey, Mapping[str, Any]] = {}
    async with server.plan_session(deadline, NAME) as session:
        for statement in chosen:
            explained = await session.explain(statement.raw, deadline, statement.tables)
            if explained.plan is not None:
                plans[statement.key] = explained.plan
    found: dict[str, set[str]] = {statement.key.id: set() for statement in chosen}
    for finding in anti_patterns(chosen, 60.0, plans, {NAME: relations}):
        found[finding.statements[0].id].add(finding.rule)
    return found


def _id(sql: str) -> str:
    """Of the text as the server has it, which psycopg has sent."""
    return fingerprint(sql.replace("%s", "$1").replace("%%", "%"))
