"""What reading the relations of a database with 10,000 tables takes: time, and memory on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event
from typing import TypeVar

import psutil

from exporter.analysis.advice import database_advice
from exporter.analysis.hygiene import index_hygiene
from exporter.facts.read_bloat import read_bloat
from exporter.facts.read_relations import read_relations
from exporter.facts.read_server import read_server
from exporter.facts.relations import Relations
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.bench.measure import MB, seconds
from tests.bench.report import Figure, Report
from tests.bench.stacks import Stacks
from tests.servers import Postgres

T = TypeVar("T")
TABLES, INDEXES = 10_000, 30_000
ROUNDS = 3
DATABASE, ROLE = "wide", "reader"
SETTINGS = {
    "autovacuum": "off",
    "max_locks_per_transaction": "1024",
    "max_wal_size": "8GB",
    "shared_preload_libraries": "pg_stat_statements",
}
CREATE = f"""DO $$
DECLARE name text; reference text;
BEGIN
    FOR i IN 1..{TABLES} LOOP
        name := 'table_' || lpad(i::text, 5, '0');
        reference := CASE WHEN i % 10 = 0 THEN 'REFERENCES table_00001' ELSE '' END;
        EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY, parent int %s, at date, note text)',
                       name, reference);
        EXECUTE format('CREATE INDEX ON %I (parent, at)', name);
        EXECUTE format('CREATE INDEX ON %I (note) WHERE note IS NOT NULL', name);
        EXECUTE format('INSERT INTO %I VALUES (1, NULL, now(), ''a''), (2, NULL, now(), ''b'')',
                       name);
        IF i % 200 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$"""
ABOUT = (
    f"One database with {TABLES:,} tables, {INDEXES:,} indexes and 1,000 foreign keys. A role in pg_monitor "
    "and pg_read_all_data reads it as an analysis does: with the 1,000 largest tables, as by default, and "
    "with all."
)
NOTES = (
    "Memory of ours is what the process takes in addition.",
    "Memory of the session is what its process has for itself (/proc/PID/smaps_rollup), and ends with it.",
)


def run(_stacks: Stacks) -> Report:
    """Milliseconds and megabytes for the bounded and for the whole reading, and for the advice on it."""
    with Postgres(settings=SETTINGS) as server:
        server.execute(f"CREATE DATABASE {DATABASE}")
        server.execute("CREATE EXTENSION pg_stat_statements")
        server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}' IN ROLE pg_monitor, pg_read_all_data")
        server.execute(CREATE, dbname=DATABASE)
        server.execute("ANALYZE", dbname=DATABASE)
        figures = [figure for most in (1000, TABLES) for figure in _figures(server, most)]
    return Report("Relations of a database with 10,000 tables", ABOUT, figures, NOTES)


def _figures(server: Postgres, most: int) -> list[Figure]:
    of = f"of {most:,} tables"
    before = psutil.Process().memory_info().rss
    relations = asyncio.run(_read(server, most))
    ours = psutil.Process().memory_info().rss - before
    assert len(relations.tables) == most
    server.execute("SELECT pg_stat_statements_reset()")
    took = [seconds(lambda: asyncio.run(_read(server, most))) for _ in range(ROUNDS)]
    spent = server.execute(
        f"""SELECT sum(total_exec_time)::float8 FROM pg_stat_statements AS s
            JOIN pg_roles AS r ON r.oid = s.userid WHERE rolname = '{ROLE}'"""
    )
    # In a round of its own: looking at the memory all the time is not for nothing.
    with _session_memory(server) as session:
        asyncio.run(_read(server, most))
    advice = seconds(lambda: list(index_hygiene(relations)))
    return [
        Figure(what=f"reading, {of}", ours=median(took) * 1000, unit="ms", at_most=15_000),
        Figure(what=f"its queries in the server, {of}", ours=spent[0][0] / ROUNDS, unit="ms", at_most=5000),
        Figure(what=f"memory of ours, {of}", ours=ours / MB, unit="MB", at_most=150),
        Figure(what=f"memory of the session, {of}", ours=max(session()) / MB, unit="MB", at_most=100),
        Figure(what=f"advice about indexes, {of}", ours=advice * 1000, unit="ms", at_most=2000),
        Figure(what=f"settings, bloat, advice about tables, {of}", ours=_rest(server, relations), unit="ms"),
    ]


def _options(server: Postgres) -> PostgresOptions:
    return PostgresOptions(dsn=server.dsn(dbname=DATABASE, user=ROLE, password=ROLE))


async def _read(server: Postgres, most: int) -> Relations:
    source = PostgresServer(_options(server))
    try:
        return await read_relations(source, Deadline.after(60), most_tables=most)
    finally:
        await source.close()


def _rest(server: Postgres, relations: Relations) -> float:
    async def rest() -> None:
        source = PostgresServer(_options(server))
        facts = await read_server(source, Deadline.after(60))
        list(database_advice(relations, facts, await read_bloat(source, Deadline.after(60))))
        await source.close()

    return seconds(lambda: asyncio.run(rest())) * 1000


@contextmanager
def _session_memory(server: Postgres) -> Iterator[Callable[[], list[int]]]:
    """The private memory of the role's sessions, looked at all the time."""
    found, done = [0], Event()
    asked = f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'"

    def look() -> None:
        with server.connect() as connection:
            while not done.wait(0.02):
                for (pid,) in connection.execute(asked.encode()):
                    found.append(_private(int(str(pid))))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield lambda: found
        finally:
            done.set()
            looking.result()


def _private(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
