"""What one analysis of a large server costs: its time, its memory, the server's time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from tests.bench.measure import MB
from tests.bench.report import Figure, Report
from tests.bench.stacks import Stacks
from tests.servers import DEFAULT_MAJOR, Postgres, catalogue, folders

STATEMENTS = 5_000
TABLES = 10_000
BATCH = 500
LARGE, ROWS = 50, 20_000
"""Tables with so many rows: on them statements lack indexes."""
PASSWORD = "secret"
ROLE = "watcher"
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "10000",
    "max_locks_per_transaction": "4096",
    "autovacuum": "off",
}
RIGHTS = f"""
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION hypopg;
CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor, pg_read_all_data;
"""
COLUMNS = "id int PRIMARY KEY, a int, b int, c int, d int, e text, f text, g timestamptz, h bool, i numeric"
SPENT = f"""
SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid
WHERE rolname = '{ROLE}'
"""
CONDITIONS = ("a = 1", "b = 2", "c = 3 AND d = 4", "d > 5", "e = 'x'", "lower(f) = 'x'", "g > now()", "NOT h")
"""Eight statements for each of the first tables; those with rows lack an index for six of them."""

ABOUT = (
    f"A PostgreSQL {DEFAULT_MAJOR} with HypoPG, {STATEMENTS:,} statements, and {TABLES:,} tables of ten"
    f" columns with three indexes each, {LARGE} of them with {ROWS:,} rows: `analyze` as a process of its"
    " own, with all of the tables and 100 plans."
)
NOTES = (
    "Server time is what pg_stat_statements counts for the exporter's role.",
    "What each scrape reads of these statements is in the section Statements.",
)


class Ran(NamedTuple):
    """What a process took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(_stacks: Stacks) -> Report:
    """Both commands that analyze."""
    with Postgres(DEFAULT_MAJOR, settings=SETTINGS) as server:
        fill(server)
        analyzed, server_ms = spent(server, ("analyze", "--format", "json", "--detailed"))
        suggested, _ = spent(server, ("suggest-indexes", "--format", "json"))
    figures = [
        Figure(what="analyze", ours=analyzed.seconds, unit="s", at_most=30),
        Figure(what="analyze, CPU of ours", ours=analyzed.cpu_seconds, unit="s"),
        Figure(what="analyze, server time", ours=server_ms / 1000, unit="s"),
        Figure(what="analyze, peak memory", ours=analyzed.peak_bytes / MB, unit="MB", at_most=250),
        Figure(what="suggest-indexes", ours=suggested.seconds, unit="s", at_most=30),
    ]
    return Report("One analysis", ABOUT, figures, NOTES)


def fill(server: Postgres) -> None:
    """Tables with their indexes, and statements."""
    with server.connect() as session:
        session.execute(RIGHTS.encode())
        for first in range(0, TABLES, BATCH):
            tables = range(first, first + BATCH)
            create = (
                f"CREATE TABLE t{n} ({COLUMNS}); CREATE INDEX ON t{n} (i); CREATE INDEX ON t{n} (f, i)"
                for n in tables
            )
            session.execute(";".join(create).encode())
        for n in range(LARGE):
            values = "i, i % 1000, i % 50, i % 7, i, md5(i::text), md5(i::text), now(), i % 100 <> 0, i"
            session.execute(f"INSERT INTO t{n} SELECT {values} FROM generate_series(1, {ROWS}) AS i".encode())
        session.execute("ANALYZE")
        session.execute("SELECT pg_stat_statements_reset()")
        for number in range(STATEMENTS):
            session.execute(statement(number).encode())


def statement(number: int) -> str:
    """Each with a shape of its own; those of tables with rows run first."""
    table, kind = divmod(number, len(CONDITIONS))
    return f"SELECT id, a, b, c, e FROM t{table} WHERE {CONDITIONS[kind]} ORDER BY id LIMIT 20"


def spent(server: Postgres, arguments: tuple[str, ...]) -> tuple[Ran, float]:
    """What a command takes, and its milliseconds in the server."""
    before = server.execute(SPENT)[0][0]
    ran = command(server, arguments)
    return ran, server.execute(SPENT)[0][0] - before


def command(server: Postgres, arguments: tuple[str, ...]) -> Ran:
    """Runs a command to its end."""
    env = {**os.environ, "EXPORTER_POSTGRES__DSN": server.dsn(user=ROLE, password=PASSWORD)}
    began = perf_counter()
    with (folders.new("analysis") / "report.json").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "exporter", *arguments], cwd=catalogue.ROOT, env=env, stdout=output
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output.name
    assert Path(output.name).stat().st_size > STATEMENTS, output.name
    return Ran(perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
