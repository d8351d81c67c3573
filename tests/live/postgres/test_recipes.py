"""The recipes of deploy/sql/recipes on real servers, each run twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.servers import Exporter, Postgres, require
from tests.servers.page import Labels, samples_of
from tests.servers.psql import SCRIPTS, psql, psql_of
from tests.workload import wait_until

pytestmark = pytest.mark.live

ORDERS = """CREATE TABLE {0} AS
    SELECT g AS id, g % 500 AS customer, timestamptz '2026-01-01' + g * interval '1 minute' AS created,
           g % 90 AS total, repeat('x', 200) AS note
    FROM generate_series(1, 20000) AS g"""
QUERY = "SELECT created, total FROM shop.covered WHERE customer = 42 AND created >= '2026-01-05'"


@pytest.fixture(scope="module", params=[13, 15, 18], ids=["pg13", "pg15", "pg18"])
def shop(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server with orders, and the exporter's role."""
    with require(Postgres, request.param) as server:
        server.execute(f"CREATE SCHEMA shop; {ORDERS.format('shop.orders')}")
        run(server, "role.sql")
        server.execute("ALTER ROLE exporter PASSWORD 'secret'")
        yield server


def run(server: Postgres, script: str, **variables: str) -> str:
    """What psql wrote in the end; a second run has to end as well."""
    program = require(psql_of)
    for _ in range(2):
        ran = psql(server, script, program=program, **variables)
        assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def plan(server: Postgres, query: str) -> dict[str, object]:
    ((document,),) = server.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
    found: dict[str, object] = document[0]["Plan"]
    while "Plans" in found:
        found = found["Plans"][0]  # type: ignore[index]
    return found


def at_once(server: Postgres, sql: str) -> Any:
    """The one value of a query that must not wait for a lock."""
    with server.connect() as session:
        session.execute("SET lock_timeout = '2s'")
        row = session.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]


def page(server: Postgres, queries: str, wanted: str) -> dict[str, dict[Labels, float]]:
    """What the daemon shows of a recipe's queries: the metrics that begin so, by labels."""
    dsn = server.dsn(user="exporter", password="secret")
    files = str(SCRIPTS / "recipes" / queries)
    found: dict[str, dict[Labels, float]] = {}

    def there() -> bool:
        shown = samples_of(daemon.get().text)
        found.update({name: by_labels for name, by_labels in shown.items() if name.startswith(wanted)})
        return bool(found)

    with require(Exporter, postgres__dsn=dsn, postgres__queries_files=files, host__enabled="false") as daemon:
        wait_until(there)
    return found


def test_a_covering_index_answers_by_itself(shop: Postgres) -> None:
    shop.execute(ORDERS.format("shop.covered"))
    how = {"table": "shop.covered", "columns": "customer, created"}
    scanned = plan(shop, QUERY)["Node Type"]
    run(shop, "recipes/covering_index.sql", **how, index="key_alone")
    keyed = plan(shop, QUERY)["Node Type"]
    shop.execute("DROP INDEX shop.key_alone")
    said = run(shop, "recipes/covering_index.sql", **how, include="total")
    covered = plan(shop, QUERY)

    assert scanned == "Seq Scan"
    assert keyed in ("Index Scan", "Bitmap Index Scan")
    assert (covered["Node Type"], covered["Heap Fetches"]) == ("Index Only Scan", 0)
    assert "(customer, created) INCLUDE (total)" in said
    assert shop.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'covered'") == [(1,)]


def test_an_index_of_ranges_is_small(shop: Postgres) -> None:
    shop.execute(ORDERS.format("shop.added"))
    run(
        shop,
        "recipes/covering_index.sql",
        table="shop.added",
        columns="created",
        method="brin",
        index="by_time",
    )
    used = plan(shop, "SELECT sum(total) FROM shop.added WHERE created < '2026-01-02'")

    assert used["Index Name"] == "by_time"
    assert shop.execute("SELECT pg_relation_size('shop.by_time') <= 5 * 8192") == [(True,)]


def test_an_index_that_failed_is_made_anew(shop: Postgres) -> None:
    shop.execute("CREATE TABLE shop.twice AS SELECT 1 AS id FROM generate_series(1, 2)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.execute("CREATE UNIQUE INDEX CONCURRENTLY once ON shop.twice (id)")
    how = {"table": "shop.twice", "columns": "id", "index": "once", "where": "id > 0"}
    run(shop, "recipes/covering_index.sql", **how)
    made = "SELECT indisvalid, indisunique, indpred IS NOT NULL FROM pg_index"

    assert shop.execute(f"{made} WHERE indexrelid = 'shop.once'::regclass") == [(True, False, True)]


def test_a_materialized_view_is_refreshed_by_one_at_a_time(shop: Postgres) -> None:
    run(shop, "recipes/materialized_view.sql")
    shop.execute(
        "CREATE MATERIALIZED VIEW shop.sales_by_day AS"
        " SELECT created::date AS day, count(*) AS orders FROM shop.orders GROUP BY 1 WITH NO DATA"
    )
    shop.execute("CREATE UNIQUE INDEX ON shop.sales_by_day (day)")
    refresh = "SELECT upkeep.refresh('shop.sales_by_day')"
    ((first,),) = shop.execute(refresh)
    shop.execute("INSERT INTO shop.orders (created, total) VALUES ('2027-01-01', 1)")
    newest = "SELECT orders FROM shop.sales_by_day WHERE day = '2027-01-01'"
    before = shop.execute(newest)
    with shop.connect() as reader, shop.connect() as other:
        # A reader whose transaction is open neither waits nor is waited for: that is CONCURRENTLY.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM shop.sales_by_day")
        other.execute("BEGIN")
        other.execute(refresh.encode())
        during = at_once(shop, refresh)
        assert reader.execute("SELECT count(*) > 1 FROM shop.sales_by_day").fetchall() == [(True,)]
        other.execute("COMMIT")
    after = shop.execute(newest)

    assert first > 0
    assert (before, during, after) == ([], None, [(1,)])
    shown = page(shop, "materialized_view.yml", "matview_")
    view = frozenset({("schemaname", "shop"), ("matviewname", "sales_by_day")})
    assert {name: set(by_labels) for name, by_labels in shown.items()} == {
        "matview_age_seconds": {view}, "matview_refresh_seconds": {view}, "matview_refreshes_total": {view},
    }  # fmt: skip
    assert shown["matview_refreshes_total"][view] == 2
    assert 0 < shown["matview_age_seconds"][view] < 600
    shop.execute(
        "DROP MATERIALIZED VIEW shop.sales_by_day; CREATE MATERIALIZED VIEW shop.one AS SELECT 1 AS id"
    )
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="cannot refresh materialized view"):
        shop.execute("SELECT upkeep.refresh('shop.one')")
    shop.execute("CREATE UNIQUE INDEX ON shop.one (id)")
    shop.execute("SELECT upkeep.refresh('shop.one')")
    assert shop.execute("SELECT matviewname FROM upkeep.refreshed") == [("one",)]
    with pytest.raises(psycopg.errors.WrongObjectType):
        shop.execute("SELECT upkeep.refresh('shop.orders')")


def test_a_cache_forgets_what_expired_and_all_in_a_crash(shop: Postgres) -> None:
    run(shop, "recipes/cache.sql")
    shop.execute("CREATE ROLE web LOGIN PASSWORD 'secret' IN ROLE cache_user")
    with shop.connect(user="web", password="secret") as web:
        web.execute("SELECT cache.put('kept', '[1]', '1 hour'), cache.put('old', '2', '-1 hour')")
        web.execute("SELECT cache.put('kept', '[2]', '1 hour')")
        assert web.execute("SELECT cache.get('kept'), cache.get('old'), cache.get('never')").fetchall() == [
            ([2], None, None)
        ]
    shown = {name: by_labels[frozenset()] for name, by_labels in page(shop, "cache.yml", "cache_").items()}
    assert (shown["cache_entries"], shown["cache_expired_entries"]) == (2, 1)
    assert 3600 <= shown["cache_expired_seconds"] < 4200
    assert shown["cache_size_bytes"] > 0

    many = "SELECT cache.put('n' || n, 'null', '-1 second') FROM generate_series(1, 999) AS n"
    shop.execute(many)
    with shop.connect() as writer:
        writer.execute("BEGIN")
        writer.execute("SELECT cache.put('n1', '1', '1 hour')")
        with ThreadPoolExecutor(2) as pool:
            removed = list(pool.map(lambda _: at_once(shop, "SELECT cache.expire(600)"), range(2)))
        writer.execute("COMMIT")
    assert sum(removed) == 999  # all but the row that is being written, which nobody waits for
    assert shop.execute("SELECT cache.expire()") == [(0,)]
    assert shop.execute("SELECT count(*) FROM cache.entries") == [(2,)]

    shop.restart()
    assert shop.execute("SELECT cache.get('kept')") == [([2],)]
    shop.stop_mode = "immediate"
    shop.restart()
    shop.stop_mode = "fast"
    assert shop.execute("SELECT cache.get('kept')") == [(None,)]
    assert shop.execute("SELECT count(*) FROM shop.orders")[0][0] >= 20000
