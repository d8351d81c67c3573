"""The views with a row for each table: the same values as the standard views, true sizes."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest

from exporter.model.view import Scope
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import VIEWS, database, role, samples, values
from tests.servers import Postgres
from tests.workload import wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def monitor(pg: Postgres) -> Iterator[PostgresOptions]:
    with role(pg, "table_monitor", "pg_monitor") as options:
        yield options


TABLES = (
    "CREATE TABLE plain (id int)",
    "CREATE TABLE full_of_it (id int PRIMARY KEY, a int, note text)",
    "ALTER TABLE full_of_it ALTER COLUMN note SET STORAGE EXTERNAL",
    "CREATE INDEX ON full_of_it (a)",
    "INSERT INTO full_of_it SELECT g, g, repeat('x', 5000) FROM generate_series(1, 500) AS g",
    "UPDATE full_of_it SET a = 0 WHERE id < 20",
    "DELETE FROM full_of_it WHERE id > 480",
    "CREATE TABLE parent (id int PRIMARY KEY) PARTITION BY LIST (id)",
    "CREATE TABLE child PARTITION OF parent FOR VALUES IN (1)",
    "INSERT INTO parent VALUES (1)",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM full_of_it",
    "CREATE UNIQUE INDEX ON kept (id)",
    "SET enable_seqscan = off",
    "SELECT note FROM full_of_it WHERE id = 3",
    "RESET enable_seqscan",
    "VACUUM (ANALYZE)",
)


@pytest.mark.parametrize(
    ("name", "standard"),
    [("stat_user_tables", "pg_stat_user_tables"), ("statio_user_tables", "pg_statio_user_tables")],
)
def test_the_functions_give_what_the_standard_view_gives(pg: Postgres, name: str, standard: str) -> None:
    with database(pg, "tables", *TABLES), pg.connect(dbname="tables") as connection:
        connection.execute("CREATE TEMP TABLE passing (id int PRIMARY KEY)")
        wait_until(lambda: _counted(connection))
        view, major = VIEWS[name], pg.major
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        if major >= 15:
            connection.execute("SET LOCAL stats_fetch_consistency = 'snapshot'")
        ours = _by_table(connection, view.sql(major) or "", skip=1)
        columns = [metric.name.removeprefix(f"{standard}_") for metric in view.metrics_at(major)]
        columns = [column.replace("_blocks_", "_blks_") for column in columns if "_size_" not in column]
        wanted = ", ".join(_standard_value(column) for column in columns)
        theirs = _by_table(connection, f"SELECT schemaname, relname, {wanted} FROM {standard}", skip=0)
        connection.execute("ROLLBACK")

    assert set(ours) == set(theirs)
    assert len(ours) >= 5
    assert {table: row[: len(columns)] for table, row in ours.items()} == theirs
    assert all(sum(row[i] for row in ours.values()) > 0 for i in _moving(columns))


def _counted(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    rows = connection.execute(
        "SELECT n_tup_ins, idx_scan, analyze_count FROM pg_stat_user_tables WHERE relname = 'full_of_it'"
    ).fetchone()
    return rows is not None and rows[0] == 500 and rows[1] != 0 and rows[2] == 1


def _standard_value(column: str) -> str:
    return f"coalesce({f'date_part($$epoch$$, {column})' if column.startswith('last_') else column}, 0)"


def _moving(columns: list[str]) -> list[int]:
    """The columns that the statements above have moved."""
    still = {"n_mod_since_analyze", "last_autovacuum", "last_autoanalyze", "autovacuum_count", "n_dead_tup"}
    reads = {column for column in columns if column.endswith("_read")}
    still |= {"autoanalyze_count", "n_tup_hot_upd"} | reads
    return [i for i, column in enumerate(columns) if column not in still]


def _by_table(
    connection: psycopg.Connection[tuple[object, ...]], sql: str, skip: int
) -> dict[tuple[object, ...], tuple[float, ...]]:
    rows = [row[skip:] for row in connection.execute(sql.encode())]
    return {row[:2]: tuple(float(v) for v in row[2:] if v is not None) for row in rows}  # type: ignore[arg-type]


async def test_sizes_are_those_of_the_files_after_a_vacuum(pg: Postgres, monitor: PostgresOptions) -> None:
    files = """SELECT s.relname, pg_indexes_size(relid),
               pg_relation_size(relid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
               + coalesce((SELECT sum(pg_relation_size(indexrelid)) FROM pg_index
                           WHERE indrelid = nullif(c.reltoastrelid, 0)), 0)
               FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
               WHERE s.relname <> 'fresh'"""
    with database(pg, "sizes", *TABLES, "CREATE TABLE fresh (id int)", "INSERT INTO fresh VALUES (1)"):
        found = await samples(monitor, "stat_user_tables")
        expected = pg.execute(files, dbname="sizes")

    indexes = values(found, "pg_stat_user_tables_index_size_bytes", "relname")
    tables = values(found, "pg_stat_user_tables_table_size_bytes", "relname")
    # Up to 13 an empty table looks like one that was never counted.
    counted = [row for row in expected if pg.major >= 14 or row[0] != "plain"]
    assert indexes == {name: size for name, size, _ in counted}
    assert tables == {name: size for name, _, size in counted}
    assert tables["full_of_it"] > 500 * 5000


def test_a_view_of_each_database_shows_that_database(pg: Postgres) -> None:
    with database(pg, "here", *TABLES[:1]), pg.connect(dbname="here") as connection:
        for view in VIEWS.values():
            if view.scope is Scope.DATABASE and (sql := view.sql(pg.major)):
                assert {row[0] for row in connection.execute(sql.encode())} <= {"here"}


def test_a_rebuild_of_the_toast_index_gives_no_table_twice(pg: Postgres) -> None:
    """While it lasts the TOAST table has two indexes: the one in use, and one that is not valid yet."""
    with (
        database(pg, "rebuilt", *TABLES),
        pg.connect(dbname="rebuilt") as writer,
        pg.connect(dbname="rebuilt") as rebuilder,
    ):
        writer.execute("BEGIN")
        writer.execute("INSERT INTO full_of_it VALUES (9999, 1, repeat('y', 9000))")
        rebuild = Thread(target=rebuilder.execute, args=("REINDEX TABLE CONCURRENTLY full_of_it",))
        rebuild.start()
        half = """SELECT count(*) FROM pg_index
                  WHERE NOT indisvalid AND indrelid IN (SELECT reltoastrelid FROM pg_class)"""
        wait_until(lambda: pg.execute(half, dbname="rebuilt") == [(1,)])
        views = {name: view for name, view in VIEWS.items() if view.scope is Scope.DATABASE}
        shown = {
            name: [row[: len(view.labels)] for row in pg.execute(view.sql(pg.major) or "", dbname="rebuilt")]
            for name, view in views.items()
        }
        writer.execute("ROLLBACK")
        rebuild.join(30)

    assert {name for name, rows in shown.items() if len(set(rows)) < len(rows)} == set()
    assert shown["stat_user_tables"]
    assert shown["statio_user_tables"]
