"""Advice about the indexes of a real server, followed to the letter, and undone."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest

from exporter.analysis.finding import Finding, Kind, Severity
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import database
from tests.live.analysis.reading import hygiene_of
from tests.servers import Postgres
from tests.workload import wait_until

pytestmark = pytest.mark.live

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, code text UNIQUE, region int)",
    """CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, note text, status text,
       "At" date, seller int)""",
    "CREATE TABLE rooms (taken int4range, EXCLUDE USING gist (taken WITH &&))",
    "INSERT INTO customers SELECT g, 'c' || g, 'code' || g, g % 7 FROM generate_series(1, 5000) AS g",
    """INSERT INTO orders SELECT g, g % 5000 + 1, md5(g::text), 's' || g % 5, '2024-01-01', g
       FROM generate_series(1, 50000) AS g""",
    # To go, unused.
    "CREATE INDEX unused_note ON orders (note)",
    'CREATE INDEX "Unused At" ON orders ("At", lower(note)) INCLUDE (note) WHERE note IS NOT NULL',
    # To go, another one does the same.
    "CREATE INDEX twice_status ON orders (status)",
    "CREATE INDEX wider_status ON orders (status, seller)",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SELECT count(*) FROM orders WHERE status = 's1' AND seller = 6",
    "CREATE INDEX twice_email ON customers (email DESC)",
    "CREATE UNIQUE INDEX unique_email ON customers (email)",
    "CREATE UNIQUE INDEX twice_code ON customers (code)",
    # To stay, whatever the counts say.
    'CREATE INDEX customer_of ON orders (customer, "At")',
    "CREATE UNIQUE INDEX rule_of_seller ON orders (seller)",
    "CREATE INDEX cluster_region ON customers (region)",
    "ALTER TABLE customers CLUSTER ON cluster_region",
    "CREATE INDEX pattern_status ON orders (status text_pattern_ops)",
    'CREATE INDEX collated_status ON orders (status COLLATE "C")',
    # Of a partitioned table.
    """CREATE TABLE events (id int, at date, kind int, customer int REFERENCES customers)
       PARTITION BY RANGE (at)""",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    """INSERT INTO events SELECT g, date '2024-01-01' + g % 700, g, g % 5000 + 1
       FROM generate_series(1, 50000) AS g""",
    "CREATE INDEX used_by_one ON events (id)",
    "CREATE INDEX unused_kind ON events (kind)",
    "ANALYZE",
    "SELECT count(*) FROM events_1 WHERE id = 17",
    *("SELECT count(*) FROM orders WHERE status = 's1'" for _ in range(3)),
)
GONE = {"unused_note", '"Unused At"', "unused_kind", "twice_status", "twice_email", "twice_code"}
DEFINITIONS = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
COUNTED = """SELECT count(*) FROM pg_stat_user_indexes WHERE idx_scan > 0
             AND indexrelname IN ('wider_status', 'events_1_id_idx')"""


def _run(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement.encode())


@pytest.mark.pg(13, 18)
async def test_what_is_said_to_go_goes_and_comes_back(pg: Postgres) -> None:
    with database(pg, "shop", *SHOP), pg.connect(dbname="shop") as connection:
        wait_until(lambda: pg.execute(COUNTED, dbname="shop") == [(2,)])
        _, findings = await hygiene_of(PostgresOptions(dsn=pg.dsn(dbname="shop")))
        before = connection.execute(DEFINITIONS.encode()).fetchall()
        drops = [f for f in findings if f.kind in (Kind.UNUSED_INDEX, Kind.DUPLICATE_INDEX)]
        assert {finding.subject.removeprefix("public.") for finding in drops} == GONE

        _run(connection, [line for finding in drops for line in finding.sql])
        left = {str(row[0]) for row in connection.execute(DEFINITIONS.encode())}
        assert left == {str(name) for name, _ in before} - _and_parts(GONE)
        again = [line.removeprefix("-- to undo: ") for f in drops for line in f.sql if "to undo" in line]
        _run(connection, again)
        after = connection.execute(DEFINITIONS.encode()).fetchall()

    assert [row for row in after if row[0] in left] == [row for row in before if row[0] in left]
    assert {name for name, _ in after} == {name for name, _ in before}


def _and_parts(names: set[str]) -> set[str]:
    return {name.strip('"') for name in names} | {"events_1_kind_idx", "events_2_kind_idx"}


@pytest.mark.pg(13, 18)
async def test_a_foreign_key_gets_its_index_also_on_partitions(pg: Postgres) -> None:
    tables = [statement for statement in SHOP if "customers (" in statement or "TABLE events" in statement]
    with database(pg, "keys", *tables), pg.connect(dbname="keys") as connection:
        options = PostgresOptions(dsn=pg.dsn(dbname="keys"))
        _, findings = await hygiene_of(options)
        (lacking,) = _lacking(findings)
        _run(connection, lacking.sql)
        _, findings = await hygiene_of(options)
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_customer_idx'::regclass"
        whole = connection.execute(valid.encode()).fetchall()

    assert (lacking.subject, lacking.severity) == ("public.events", Severity.INFO)
    assert _lacking(findings) == []
    assert whole == [(True,)]


def _lacking(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.kind is Kind.UNINDEXED_FOREIGN_KEY]


@pytest.mark.pg(13, 18)
async def test_a_failed_index_is_repaired_by_what_is_said(pg: Postgres) -> None:
    rows = ("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1), (1)", 'CREATE INDEX "Odd" ON t (id)')
    with database(pg, "failed", *rows), pg.connect(dbname="failed") as connection:
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY rule ON t (id)")
        options = PostgresOptions(dsn=pg.dsn(dbname="failed"))
        _, (finding,) = await hygiene_of(options)
        connection.execute("DELETE FROM t")
        _run(connection, finding.sql)
        _, after = await hygiene_of(options)

    assert (finding.kind, finding.subject) == (Kind.INVALID_INDEX, "public.rule")
    assert any("CREATE UNIQUE INDEX rule ON public.t" in line for line in finding.sql)
    assert [f.kind for f in after] == [Kind.DUPLICATE_INDEX], "rule is valid, and as good as the other one"
