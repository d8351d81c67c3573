"""Advice that needs no plan: silence on a healthy server, and defects that were built on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from exporter.analysis.advice import database_advice, server_advice
from exporter.analysis.advice.advice import relation_gaps, server_gaps
from exporter.analysis.finding import Finding, Kind, Severity
from exporter.analysis.hygiene import index_hygiene
from exporter.analysis.indexes.sequential import sequential_scans
from exporter.facts.read_bloat import read_bloat
from exporter.facts.server import Setting
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import database, role, source
from tests.live.analysis.reading import aged, relations_of, server_of
from tests.servers import Postgres, require
from tests.workload import wait_until

pytestmark = pytest.mark.live

MB = 1 << 20
SAFE = {"fsync": "on", "full_page_writes": "on", "shared_preload_libraries": "pg_stat_statements"}
LIGHT_USE = (
    "CREATE EXTENSION pg_stat_statements",
    "CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE)",
    "CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, at date, note text)",
    "CREATE INDEX ON orders (customer)",
    "INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 1000) AS g",
    "INSERT INTO orders SELECT g, g % 1000 + 1, '2024-01-01', 'x' FROM generate_series(1, 30000) AS g",
    "UPDATE orders SET note = 'y' WHERE id < 2000",
    "DELETE FROM orders WHERE id > 29000",
    *("SELECT * FROM orders WHERE id = 17" for _ in range(20)),
    "SELECT count(*) FROM orders",
)


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of its own, as initdb makes it but for the library."""
    with require(Postgres, request.param, settings=SAFE) as server:
        yield server


def on(*majors: int) -> pytest.MarkDecorator:
    """On these major versions."""
    return pytest.mark.parametrize("fresh", majors, indirect=True, ids=[f"pg{major}" for major in majors])


@on(13, 18)
async def test_a_healthy_small_server_gives_no_warning(fresh: Postgres) -> None:
    with fresh.connect() as session:
        for statement in LIGHT_USE:
            session.execute(statement.encode())
    options = PostgresOptions(dsn=fresh.dsn())
    facts, relations = await server_of(options), await relations_of(options)
    async with source(options) as server:
        estimates = await read_bloat(server, Deadline.after(10))

    findings = [
        *server_advice(facts),
        *database_advice(relations, facts, estimates),
        *index_hygiene(relations),
        *sequential_scans(relations),
    ]

    assert [(f.rule, f.title) for f in findings if f.severity is not Severity.INFO] == []
    assert {f.kind for f in findings} <= {Kind.SETTING, Kind.ANALYZE_DEBT}, "the latter for a minute"
    assert all(f.why and f.title and not f.title.endswith(".") for f in findings)
    assert facts.statements.entries
    assert facts.settings["shared_buffers"].bytes > MB
    assert [gap.what for gap in (*server_gaps(facts), *relation_gaps(relations))] == [
        "memory settings",
        "unused indexes",
    ]


@on(13, 18)
async def test_what_is_said_of_settings_can_be_done(fresh: Postgres) -> None:
    """Each statement runs, also those behind a restart; the server starts with them."""
    facts = await server_of(PostgresOptions(dsn=fresh.dsn()), memory_bytes=4 << 30)
    findings = list(server_advice(facts))
    with fresh.connect() as session:
        for finding in findings:
            for statement in finding.sql:
                session.execute(statement.encode())
    fresh.restart()
    after = await server_of(PostgresOptions(dsn=fresh.dsn()), memory_bytes=4 << 30)
    fresh.execute("ALTER SYSTEM RESET ALL")

    said = {f.subject for f in findings}
    assert {"shared_buffers", "random_page_cost", "log_lock_waits"} <= said
    assert {f.subject for f in server_advice(after)} & said == {"statement_timeout"}, "left to each role"
    assert after.settings["shared_buffers"].bytes == 1 << 30


BLOATED = (
    "CREATE UNLOGGED TABLE bloated (id int, note text) WITH (autovacuum_enabled = off)",
    "INSERT INTO bloated SELECT g, repeat('x', 1900) FROM generate_series(1, 40000) AS g",
    "DELETE FROM bloated WHERE id % 4 > 0",
    "VACUUM (TRUNCATE OFF) bloated",
    "ANALYZE bloated",
    "CREATE TABLE dirty (id int, note text)",
    "INSERT INTO dirty SELECT g, 'x' FROM generate_series(1, 60000) AS g",
    "ANALYZE dirty",
    "UPDATE dirty SET note = 'y'",
)


@pytest.mark.pg(13, 18)
async def test_defects_that_are_there_are_found(pg: Postgres) -> None:
    dead = "SELECT n_dead_tup >= 60000 FROM pg_stat_user_tables WHERE relname = 'dirty'"
    with database(pg, "defects", *BLOATED):
        options = PostgresOptions(dsn=pg.dsn(dbname="defects"))
        wait_until(lambda: pg.execute(dead, dbname="defects") == [(True,)])
        facts, relations = await server_of(options), await relations_of(options)
        async with source(options) as server:
            estimates = await read_bloat(server, Deadline.after(10))

    settled = replace(aged(relations), statistics_seconds=7200.0)
    found = list(database_advice(settled, facts, estimates))
    told = {(f.kind, f.rule, f.subject.removeprefix("public.")) for f in found}
    assert {
        (Kind.TABLE_BLOAT, "", "bloated"),
        (Kind.VACUUM_DEBT, "autovacuum_off", "bloated"),
        (Kind.VACUUM_DEBT, "dead_rows", "dirty"),
    } <= told
    assert not [subject for kind, _, subject in told if kind is Kind.TABLE_BLOAT and subject != "bloated"]
    (bloat,) = [f for f in found if f.kind is Kind.TABLE_BLOAT]
    assert next(e.value for e in bloat.evidence if e.unit == "ratio") == pytest.approx(0.75, abs=0.08)


@pytest.mark.pg(13, 18)
async def test_clients_that_misbehave_are_found(pg: Postgres) -> None:
    with ExitStack() as stack:
        stack.enter_context(role(pg, "sleeper"))
        sessions = [stack.enter_context(pg.connect(user="sleeper", password="secret")) for _ in range(55)]
        sessions[0].execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        idle = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sleeper' AND state LIKE 'idle%'"
        wait_until(lambda: pg.execute(idle) == [(55,)])
        facts = await server_of(PostgresOptions(dsn=pg.dsn()))
        few = replace(facts, settings={**facts.settings, "max_connections": Setting("max_connections", "60")})
        later = replace(few, sessions=[replace(s, state_seconds=3600.0) for s in few.sessions])

    found = {f.rule: f for f in server_advice(later) if f.kind is Kind.CLIENT}
    assert {"connections", "idle_in_transaction", "idle_sessions"} <= set(found)
    assert found["connections"].severity is Severity.CRITICAL
    assert found["idle_in_transaction"].subject == "sleeper"
    assert _value(found["idle_in_transaction"], "sessions") == 1
    assert [
        f.rule for f in server_advice(facts) if f.kind is Kind.CLIENT and f.severity is not Severity.INFO
    ] == []


def _value(finding: Finding, name: str) -> object:
    return next(e.value for e in finding.evidence if e.name == name)


@pytest.mark.pg(13, 18)
async def test_a_role_without_rights_is_told_what_it_does_not_see(pg: Postgres) -> None:
    with role(pg, "nobody") as options:
        facts = await server_of(options)

    assert not facts.sessions_visible
    assert {gap.what for gap in server_gaps(facts)} == {"clients", "memory settings", "settings"}
