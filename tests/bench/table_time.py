"""Server time of the metrics of tables: our one pass over pg_class beside the views that upstream reads."""

from __future__ import annotations

import psycopg

from tests.bench.measure import alternately
from tests.bench.report import Figure
from tests.bench.stacks import DATABASES, Watched
from tests.collecting import VIEWS

ROUNDS = 7
COLUMNS = {
    "pg_stat_user_tables": (
        *("schemaname", "relname", "seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch"),
        *("n_tup_ins", "n_tup_upd", "n_tup_del", "n_tup_hot_upd", "n_live_tup", "n_dead_tup"),
        *("n_mod_since_analyze", "last_vacuum", "last_autovacuum", "last_analyze", "last_autoanalyze"),
        *("vacuum_count", "autovacuum_count", "analyze_count", "autoanalyze_count"),
        *("pg_indexes_size(relid)", "pg_table_size(relid)"),
    ),
    "pg_statio_user_tables": (
        *("schemaname", "relname", "heap_blks_read", "heap_blks_hit", "idx_blks_read", "idx_blks_hit"),
        *("toast_blks_read", "toast_blks_hit", "tidx_blks_read", "tidx_blks_hit"),
    ),
}
"""What postgres_exporter 0.20 has metrics of, by view."""


def figure(watched: Watched) -> Figure:
    """Milliseconds of planning and execution for the tables of all databases; EXPLAIN ANALYZE measures."""
    ours = [
        VIEWS[name].sql(watched.server.major) or "" for name in ("stat_user_tables", "statio_user_tables")
    ]
    theirs = [f"SELECT {', '.join(columns)} FROM {view}" for view, columns in COLUMNS.items()]
    took = alternately(ROUNDS, ours=lambda: _all(watched, ours), theirs=lambda: _all(watched, theirs))
    what = "metrics of tables, beside the queries of postgres_exporter 0.20"
    return Figure(what=what, ours=took["ours"], theirs=took["theirs"], unit="ms", at_most=0.5)


def _all(watched: Watched, queries: list[str]) -> float:
    return sum(_in_one(watched, database, queries) for database in DATABASES)


def _in_one(watched: Watched, database: str, queries: list[str]) -> float:
    with watched.server.connect(dbname=database) as connection:
        connection.execute("SET jit = off; SET search_path = pg_catalog")
        for query in queries:  # the catalogs' caches of the session
            connection.execute(query.encode())
        return sum(_milliseconds(connection, query) for query in queries)


def _milliseconds(connection: psycopg.Connection[tuple[object, ...]], query: str) -> float:
    row = connection.execute(f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {query}".encode()).fetchone()
    assert row
    plan = row[0][0]  # type: ignore[index]
    return float(plan["Planning Time"] + plan["Execution Time"])
