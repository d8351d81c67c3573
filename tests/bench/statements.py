"""What reading pg_stat_statements with five thousand statements costs the server, and what it costs us."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import product
from statistics import median
from time import process_time
from typing import Any

from exporter.collectors.postgres._statements import Growth, Owner, Reading, Statement
from exporter.collectors.postgres._statements_history import BY_CALLS, BY_TIME, READINGS, History
from exporter.collectors.postgres._statements_rings import KEPT, Rings, Week
from exporter.collectors.postgres._statements_score import empty
from exporter.collectors.postgres._statements_source import SHOWN, statements_of, usual_query
from exporter.collectors.postgres._statements_texts import Known
from exporter.collectors.postgres._statements_top import Top
from exporter.facts.pg_stat_statements import COUNTERS, INDEX, texts_query
from exporter.facts.read_statements import read_statements
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.bench.measure import MB
from tests.bench.report import Figure, Report
from tests.bench.stacks import Stacks
from tests.servers import DEFAULT_MAJOR, Postgres

STATEMENTS = 5_000
TABLES = 50
LARGE = 130
"""Statements with a list of 20,000 parameters beside them: 16 MB of texts."""
ROUNDS = 9
OPERATORS = ("<", ">", "=", "<=", ">=", "<>")
BLOCK_BYTES = 8192

ABOUT = (
    f"A PostgreSQL with {STATEMENTS:,} statements of 200 characters. Server time is EXPLAIN ANALYZE's, of "
    "the reading that all collectors of statements share every 30 seconds, and of the query for texts, "
    "which runs every ten minutes at most; then the CPU time of our process."
)
NOTES = (
    "The reading is pg_stat_statements(false): no text, no temporary file.",
    "The text query takes the texts of 1,000 statements; the server reads the file with all of them.",
)


def run(_stacks: Stacks) -> Report:
    """Server time, temporary files, CPU time and memory."""
    settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "10000"}
    with Postgres(DEFAULT_MAJOR, settings=settings) as server:
        create = [f"CREATE TABLE t{i} (id int, name text)" for i in range(TABLES)]
        server.execute(";".join(["CREATE EXTENSION pg_stat_statements", *create]))
        workload(server, STATEMENTS)
        figures = server_figures(server, "5,000 statements")
        figures += asyncio.run(own_figures(server))
        with server.connect() as session:
            for i in range(LARGE):
                numbers = ", ".join("1" for _ in range(20_000 + i))
                session.execute(f"SELECT FROM t0 WHERE id IN ({numbers})".encode())
        figures += server_figures(server, "and 130 lists of 20,000 parameters")
    return Report("Statements", ABOUT, [*figures, *memory_figures()], NOTES)


def statement(number: int) -> str:
    """Statements that differ in more than their constants."""
    chosen = list(product(OPERATORS, repeat=5))[number]
    filters = ", ".join(f"count(*) FILTER (WHERE id {operator} 2)" for operator in chosen)
    return f"SELECT {filters} FROM t{number % TABLES} WHERE name = 'name' AND id = 4"


def workload(server: Postgres, count: int) -> None:
    """Runs the first statements once each."""
    with server.connect() as session:
        for number in range(count):
            session.execute(statement(number).encode())


def server_figures(server: Postgres, where: str) -> list[Figure]:
    """Milliseconds and temporary files of both queries."""
    queryids = [row[0] for row in server.execute("SELECT queryid::text FROM pg_stat_statements LIMIT 1000")]
    with server.connect() as session:
        session.execute("SET jit = off; SET work_mem = '16MB'; SET search_path = pg_catalog")

        def plan(query: str) -> Any:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {query}"
            row = session.execute(explain.encode()).fetchone()
            assert row
            return row[0][0]

        found = []
        queries = {
            "reading": usual_query(DEFAULT_MAJOR),
            "texts": texts_query("public", queryids, 4_000_000),
        }
        for name, query in queries.items():
            plans = [plan(query) for _ in range(ROUNDS)]
            took = median(p["Planning Time"] + p["Execution Time"] for p in plans)
            written = plans[-1]["Plan"]["Temp Written Blocks"] * BLOCK_BYTES / MB
            bound = 30 if name == "reading" else None
            found += [
                Figure(what=f"{name}, {where}", ours=took, unit="ms", at_most=bound),
                Figure(what=f"{name}, {where}: temporary files", ours=written, unit="MB"),
            ]
    return found


async def own_figures(server: Postgres) -> list[Figure]:
    """CPU time of our process."""
    source = PostgresServer(PostgresOptions(dsn=server.dsn()))
    try:
        statements = statements_of(source)
        for follow in (statements.with_rings, statements.with_history, lambda: statements.with_groups(0.1)):
            follow()

        async def refresh() -> None:
            statements._read_at = float("-inf")
            await statements.refresh(source, Deadline.after(60))

        async def learn() -> None:
            await statements.learn(source, Deadline.after(60))

        async def took(what: Callable[[], Any]) -> float:
            began = process_time()
            await what()
            return (process_time() - began) * 1000

        await refresh()
        learned = await took(learn)
        workload(server, STATEMENTS)
        all_grew = await took(refresh)
        workload(server, 300)
        some_grew = await took(refresh)
        at_once = await took(lambda: read_statements(source, Deadline.after(60)))
    finally:
        await source.close()
    return [
        Figure(what="CPU of ours for a reading in which 300 of them ran", ours=some_grew, unit="ms"),
        Figure(what="CPU of ours for a reading in which all of them ran", ours=all_grew, unit="ms"),
        Figure(what="CPU of ours for the texts of 1,000 statements", ours=learned, unit="ms"),
        Figure(what="CPU of ours for the one reading of an analysis", ours=at_once, unit="ms"),
    ]


def memory_figures() -> list[Figure]:
    """What is kept at most, of statements with texts of 300 characters."""
    owner = Owner("application", "web")
    names = [str(10**18 + number) for number in range(STATEMENTS)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        known = {
            Statement(Owner("application", "web"), name): Known(f"{i:016x}", "SELECT", ("t",), f"{i:300}")
            for i, name in enumerate(names)
        }
        texts = tracemalloc.get_traced_memory()[0]
        history = filled_history(known)
        kept = tracemalloc.get_traced_memory()[0]
        rings = Rings(Top(SHOWN, len(COUNTERS), INDEX["total_exec_time"]))
        rings.restore(Week(1, {Statement(owner, name): empty() for name in names[: KEPT * SHOWN]}))
        week = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(history.intervals()) == READINGS
    per_interval = BY_CALLS + BY_TIME
    return [
        Figure(what=f"memory for {STATEMENTS:,} known statements", ours=(texts - before) / MB, unit="MB"),
        Figure(
            what=f"memory for {READINGS} intervals of {per_interval} statements",
            ours=(kept - texts) / MB,
            unit="MB",
        ),
        Figure(what=f"memory for the weeks of {KEPT * SHOWN} statements", ours=(week - kept) / MB, unit="MB"),
    ]


def filled_history(known: dict[Statement, Known]) -> History:
    """A history whose intervals have as many statements as they can; time and calls rank them differently."""
    history = History(known)
    grown: Sequence[Growth] = [
        Growth(one, [float(i + 1), float(len(known) - i), *[0.5 + i] * (len(COUNTERS) - 2)], 1.5)
        for i, one in enumerate(known)
    ]
    for clock in range(READINGS):
        before, now = (Reading("1", {}, {}, {}, clock=30.0 * at) for at in (clock, clock + 1))
        history.add(before, now, grown)
    return history
