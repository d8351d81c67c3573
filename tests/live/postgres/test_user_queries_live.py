"""Queries of users on real servers, beside Debian's postgres_exporter where its dialect is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from tests.collecting import database
from tests.docs.generated import ROOT
from tests.e2e.judge import failed, reasons
from tests.servers import Exporter, Postgres, require
from tests.servers.page import Labels, samples_of
from tests.servers.upstream import postgres_exporter

pytestmark = pytest.mark.live

EXAMPLES = ROOT / "docs" / "examples"
UPSTREAMS = EXAMPLES / "queries_postgres_exporter.yml"

MOVING = {"pg_replication_lag", "my_statements_calls", "my_statements_time_seconds", "pg_database_size_bytes"}
"""What goes on while the two pages are fetched."""
OF_OURS = {"my_settings_archive_mode"}
"""Upstream reads metric_mapping and forgets it."""
NAME = re.compile(r"(?:pg_replication_lag$|pg_postmaster_|pg_database_size|my_)")


def types(page: str) -> dict[str, str]:
    """Name -> type, of the queries in the example."""
    found = re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE)
    return {name: kind for name, kind in found if NAME.match(name)}


def series(page: str) -> dict[str, dict[Labels, float]]:
    """The samples of the queries in the example, without the label that upstream adds."""
    return {
        name: {frozenset(p for p in labels if p[0] != "server"): value for labels, value in samples.items()}
        for name, samples in samples_of(page).items()
        if NAME.match(name)
    }


@pytest.fixture
def tables(pg: Postgres) -> Iterator[Postgres]:
    pg.execute("CREATE TABLE counted AS SELECT g FROM generate_series(1, 100) g; CREATE TABLE empty ()")
    pg.execute("VACUUM ANALYZE counted")
    yield pg
    pg.execute("DROP TABLE counted, empty")


@pytest.mark.pg(13, 15, 18)
def test_the_same_file_beside_upstream(tables: Postgres) -> None:
    dsn = tables.dsn()
    # Its own collector has pg_database_size_bytes as well, of which its page becomes a 500.
    flags = (f"--extend.query-path={UPSTREAMS}", "--no-collector.database")
    with (
        require(postgres_exporter, tables, *flags) as theirs,
        Exporter(
            postgres__dsn=dsn,
            collector__database_size="false",
            env={"PG_EXPORTER_EXTEND_QUERY_PATH": str(UPSTREAMS)},
        ) as ours,
    ):
        theirs.scrape()
        ours.scrape()
        their_page, our_page = theirs.scrape(), ours.scrape()

    their_types, our_types = types(their_page), types(our_page)
    statements = {name for name in their_types if name.startswith("my_statements")}
    if tables.major < 14:  # runonserver is parsed and forgotten there, and the query fails
        assert statements == set()
    assert their_types == {name: kind for name, kind in our_types.items() if name not in OF_OURS}
    their_series, our_series = series(their_page), series(our_page)
    assert their_series.keys() == our_series.keys() - OF_OURS
    for name, samples in their_series.items():
        if not name.startswith("my_statements"):  # the top 20 change with each scrape
            assert our_series[name].keys() == samples.keys(), name
        if name not in MOVING:
            assert our_series[name] == pytest.approx(samples, nan_ok=True), name
    assert set(our_series["my_settings_archive_mode"].values()) == {0}
    found = samples_of(our_page)
    assert failed(found) & {f"query:{name}" for name in ("my_wait", "my_settings", "my_statements")} == set()
    assert (("query:my_statements", "version") in reasons(found)) is (tables.major < 14)
    assert (
        samples_of(their_page)["pg_exporter_user_queries_load_error"]
        == (found["pg_exporter_user_queries_load_error"])
    )


@pytest.mark.pg(13, 18)
def test_the_example_of_our_dialect(pg: Postgres) -> None:
    orders = "CREATE TABLE shop.orders AS SELECT 'paid' AS state, 250 AS amount, now() AS created"
    pg.execute(f"CREATE SCHEMA shop; {orders}")
    try:
        with (
            database(pg, "shop_old", "SELECT lo_create(1)"),
            Exporter(postgres__dsn=pg.dsn(), postgres__queries_files=str(EXAMPLES / "queries.yml")) as ours,
        ):
            end = monotonic() + 15
            while "pg_large_objects" not in (page := ours.scrape()) and monotonic() < end:
                sleep(0.2)  # it is collected in the background
    finally:
        pg.execute("DROP SCHEMA shop CASCADE")
    found = samples_of(page)

    assert found["shop_orders"] == {frozenset({("state", "paid")}): 1}
    assert found["shop_revenue_cents_total"] == {frozenset(): 250}
    assert found["pg_large_objects"] == {frozenset({("datname", "shop_old")}): 1}
    assert "# TYPE shop_revenue_cents_total counter" in page
    assert ("query:replay_waits", "role") in reasons(found)
    assert failed(found) == set()
