"""Indexes, sequences, the need of VACUUM, bloat and functions, in situations that somebody has to know of."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from exporter.model.view import View
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import VIEWS, Samples, database, role, samples, values
from tests.servers import Postgres, require
from tests.workload import wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def monitor(pg: Postgres) -> Iterator[PostgresOptions]:
    with role(pg, "relation_monitor", "pg_monitor") as options:
        yield options


def in_database(found: Samples, metric: str, datname: str, label: str) -> dict[str, float]:
    """The values of a metric in one database, by a label."""
    rows = {key: value for key, value in found.get(metric, {}).items() if ("datname", datname) in key}
    return values({metric: rows}, metric, label)


def properties(found: Samples, index: str) -> dict[str, str]:
    """The labels of an index's properties."""
    (labels,) = (dict(k) for k in found["pg_index_properties"] if ("indexrelname", index) in k)
    return {name: value for name, value in labels.items() if name.startswith("is_")}


async def test_indexes_used_unused_and_invalid(pg: Postgres, monitor: PostgresOptions) -> None:
    statements = (
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int)",
        "CREATE INDEX unused ON t (a)",
        "INSERT INTO t SELECT g, g, 1 FROM generate_series(1, 2000) AS g",
        "CREATE TABLE parted (id int) PARTITION BY LIST (id)",
        "CREATE INDEX of_parted ON ONLY parted (id)",
        "VACUUM ANALYZE t",
        "SET enable_seqscan = off",
        "SELECT b FROM t WHERE id = 7",
    )
    with database(pg, "indexed", *statements), pg.connect(dbname="indexed") as session:
        with pytest.raises(psycopg.errors.UniqueViolation):
            session.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (b)")
        session.execute("CREATE TEMP TABLE passing (id int PRIMARY KEY)")
        scanned = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 't_pkey'"
        wait_until(lambda: pg.execute(scanned, dbname="indexed") == [(1,)])
        found = await samples(monitor, "stat_user_indexes")
        sizes = "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relname IN ('t_pkey', 'unused')"
        expected = dict(pg.execute(sizes, dbname="indexed"))

    scans = in_database(found, "pg_stat_user_indexes_idx_scan_total", "indexed", "indexrelname")
    assert scans == {"t_pkey": 1, "unused": 0, "broken": 0}
    fetched = in_database(found, "pg_stat_user_indexes_idx_tup_fetch_total", "indexed", "indexrelname")
    assert fetched["t_pkey"] == 1
    bytes_of = in_database(found, "pg_index_size_bytes", "indexed", "indexrelname")
    assert {name: bytes_of[name] for name in expected} == expected
    assert properties(found, "broken") == {
        "is_unique": "1",
        "is_primary": "0",
        "is_valid": "0",
        "is_ready": "0",
    }
    assert set(properties(found, "t_pkey").values()) == {"1"}
    last = in_database(
        found, "pg_stat_user_indexes_last_idx_scan_timestamp_seconds", "indexed", "indexrelname"
    )
    assert set(last) == ({"t_pkey"} if pg.major >= 16 else set())


@pytest.mark.pg(15)
def test_of_many_indexes_the_largest_and_the_invalid_are_shown(pg: Postgres) -> None:
    many = """DO $$BEGIN FOR i IN 1..520 LOOP
        EXECUTE format('CREATE TABLE t%s (id int); CREATE INDEX i%s ON t%s (id)', i, i, i);
        END LOOP; END$$"""
    with database(
        pg,
        "many",
        many,
        "INSERT INTO t520 SELECT generate_series(1, 1000)",
        "ANALYZE t520",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i519'::regclass",
    ):
        rows = pg.execute(VIEWS["stat_user_indexes"].sql(15) or "", dbname="many")

    names = [row[3] for row in rows]
    assert len(names) == 500
    assert {"i519", "i520"} <= set(names)


SEQUENCES = (
    "CREATE SEQUENCE small AS int2",
    "SELECT setval('small', 30000)",
    "CREATE TABLE narrow (id int2 GENERATED ALWAYS AS IDENTITY)",
    "CREATE TABLE outgrown (id serial)",
    "ALTER SEQUENCE outgrown_id_seq AS bigint MAXVALUE 9000000000000000000",
    "SELECT setval('outgrown_id_seq', 2000000000)",
    "CREATE SEQUENCE down INCREMENT -1 MINVALUE -100 MAXVALUE -1",
    "SELECT setval('down', -90)",
    "CREATE SEQUENCE round MAXVALUE 10 CYCLE",
    "SELECT setval('round', 10)",
    "CREATE SEQUENCE wide",
    "SELECT setval('wide', 9223372036854775807)",
    "CREATE SEQUENCE unused",
)


async def test_sequences_say_how_much_is_used_of_them_or_of_their_column(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    with database(pg, "sequenced", *SEQUENCES):
        found = await samples(PostgresOptions(dsn=pg.dsn()), "sequences")
        refused = await samples(monitor, "sequences")

    used = in_database(found, "pg_sequence_used_ratio", "sequenced", "sequencename")
    assert used == pytest.approx({
        "small": 30000 / 32767,
        "outgrown_id_seq": 2000000000 / 2147483647,
        "down": 0.9,
        "wide": 1.0,
    })  # fmt: skip
    assert in_database(refused, "pg_sequence_used_ratio", "sequenced", "sequencename") == {}


async def test_a_sequence_that_is_being_altered_is_left_out_and_not_waited_for(pg: Postgres) -> None:
    with database(pg, "altered", *SEQUENCES), pg.connect(dbname="altered") as session:
        session.execute("BEGIN")
        session.execute("ALTER SEQUENCE small RESTART")
        found = await samples(PostgresOptions(dsn=pg.dsn()), "sequences")
        session.execute("ROLLBACK")

    used = in_database(found, "pg_sequence_used_ratio", "altered", "sequencename")
    assert set(used) == {"outgrown_id_seq", "down", "wide"}


DEAD = (
    "CREATE TABLE dead (id int PRIMARY KEY, note text)",
    """CREATE TABLE strict (id int) WITH (autovacuum_vacuum_threshold = 10,
           autovacuum_vacuum_scale_factor = 0, autovacuum_freeze_max_age = 100000)""",
    "CREATE TABLE off (id int) WITH (autovacuum_enabled = off, autovacuum_vacuum_insert_threshold = -1)",
    "INSERT INTO dead SELECT g, 'x' FROM generate_series(1, 1000) AS g",
    "INSERT INTO strict SELECT generate_series(1, 1000)",
    "INSERT INTO off SELECT generate_series(1, 500)",
    "ANALYZE",
    "DELETE FROM dead WHERE id <= 500",
    "DELETE FROM strict WHERE id <= 20",
)


async def test_the_need_of_vacuum_is_reckoned_as_the_server_does(pg: Postgres) -> None:
    with (
        require(Postgres, pg.major, settings={"autovacuum": "off"}) as server,
        database(server, "dirty", *DEAD),
    ):
        counted = "SELECT sum(n_dead_tup) FROM pg_stat_user_tables"
        wait_until(lambda: server.execute(counted, dbname="dirty") == [(520,)])
        found = await samples(PostgresOptions(dsn=server.dsn()), "table_vacuum")
        modified = "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'dead'"
        ((changed,),) = server.execute(modified, dbname="dirty")

    def ratio(of: str) -> dict[str, float]:
        return in_database(found, f"pg_autovacuum_{of}", "dirty", "relname")

    assert ratio("vacuum_threshold_ratio") == pytest.approx({
        "dead": 500 / (50 + 0.2 * 1000), "strict": 20 / 10, "off": 0,
    })  # fmt: skip
    assert ratio("insert_threshold_ratio") == pytest.approx({
        "dead": 1000 / (1000 + 0.2 * 1000), "strict": 1000 / (1000 + 0.2 * 1000),
    })  # fmt: skip
    assert ratio("analyze_threshold_ratio")["dead"] == pytest.approx(changed / (50 + 0.1 * 1000))
    assert changed >= 500
    assert ratio("enabled") == {"dead": 1, "strict": 1, "off": 0}
    xids = in_database(found, "pg_class_unfrozen_xids", "dirty", "relname")
    assert ratio("freeze_threshold_ratio")["strict"] == pytest.approx(xids["strict"] / 100_000)
    assert ratio("freeze_threshold_ratio")["dead"] == pytest.approx(xids["dead"] / 200_000_000, rel=1)


@pytest.mark.pg(18)
async def test_the_upper_bound_of_the_threshold_counts(pg: Postgres) -> None:
    settings = {"autovacuum": "off", "autovacuum_vacuum_max_threshold": "100"}
    with require(Postgres, pg.major, settings=settings) as server, database(server, "bounded", *DEAD):
        counted = "SELECT sum(n_dead_tup) FROM pg_stat_user_tables"
        wait_until(lambda: server.execute(counted, dbname="bounded") == [(520,)])
        found = await samples(PostgresOptions(dsn=server.dsn()), "table_vacuum")

    dead = in_database(found, "pg_autovacuum_vacuum_threshold_ratio", "bounded", "relname")
    assert dead == pytest.approx({"dead": 5, "strict": 2, "off": 0})


async def test_ages_of_databases_are_counts_of_transactions(pg: Postgres, monitor: PostgresOptions) -> None:
    found = await samples(monitor, "database_age")
    age = "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database"
    expected = {name: (xids, mxids) for name, xids, mxids in pg.execute(age)}

    xids = values(found, "pg_database_unfrozen_xids", "datname")
    assert set(xids) == set(expected)
    assert all(0 <= expected[name][0] - shown <= 100 for name, shown in xids.items())
    assert values(found, "pg_database_unfrozen_mxids", "datname")["template1"] == expected["template1"][1]


# Half of the rows gone, evenly; columns of all widths and some NULLs.
BLOATED = (
    "CREATE EXTENSION pgstattuple",
    """CREATE TABLE wide (id int PRIMARY KEY, flag bool, amount numeric, at timestamptz, note text)""",
    """INSERT INTO wide SELECT g, g % 2 = 0, g * 1.25, now(),
                              CASE WHEN g % 3 > 0 THEN repeat('x', 20 + g % 60) END
       FROM generate_series(1, 480000) AS g""",
    "CREATE INDEX wide_note ON wide (at, id)",
    "CREATE TABLE full_up WITH (fillfactor = 70) AS SELECT * FROM wide",
    "DELETE FROM wide WHERE id % 2 = 0",
    "VACUUM ANALYZE",
)
TABLE_WASTE = """SELECT (tuple_len + 0.0) / table_len, (free_space + dead_tuple_len + 0.0) / table_len
                 FROM pgstattuple('wide')"""
INDEX_WASTE = "SELECT 1 - avg_leaf_density / 90 FROM pgstatindex('{}')"


@pytest.mark.pg(13, 15, 18)
async def test_bloat_is_estimated_within_ten_points(pg: Postgres, monitor: PostgresOptions) -> None:
    with database(pg, "bloated", *BLOATED):
        ((_, free),) = pg.execute(TABLE_WASTE, dbname="bloated")
        leaves = {
            name: float(pg.execute(INDEX_WASTE.format(name), dbname="bloated")[0][0])
            for name in ("wide_pkey", "wide_note")
        }
        options = PostgresOptions(dsn=pg.dsn())
        tables = await samples(options, "table_bloat")
        indexes = await samples(options, "index_bloat")
        refused = await samples(monitor, "table_bloat")

    ratios = in_database(tables, "pg_table_bloat_ratio", "bloated", "relname")
    assert ratios["wide"] == pytest.approx(float(free), abs=0.1)
    assert ratios["full_up"] == pytest.approx(0, abs=0.05), "what fillfactor leaves free is no bloat"
    found = in_database(indexes, "pg_index_bloat_ratio", "bloated", "indexrelname")
    assert found == pytest.approx(leaves, abs=0.1)
    assert min(leaves.values()) > 0.3
    wasted = in_database(tables, "pg_table_bloat_bytes", "bloated", "relname")["wide"]
    assert 8_000_000 < wasted < 40_000_000
    assert in_database(refused, "pg_table_bloat_ratio", "bloated", "relname") == {}


async def test_functions_are_counted_where_the_server_counts_them(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    body = "RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN 1; END'"
    overloaded = f"CREATE FUNCTION price(int) {body}", f"CREATE FUNCTION price(text) {body}"
    calls = "SET track_functions = 'all'", "SELECT price(1), price(2), price('x')"
    with database(pg, "called", *overloaded, *calls):
        counted = "SELECT sum(calls) FROM pg_stat_user_functions"
        wait_until(lambda: pg.execute(counted, dbname="called") == [(3,)])
        found = await samples(monitor, "stat_user_functions")

    assert in_database(found, "pg_stat_user_functions_calls_total", "called", "funcname") == {"price": 3}
    seconds = in_database(found, "pg_stat_user_functions_total_time_seconds_total", "called", "funcname")
    assert 0.03 <= seconds["price"] < 1


async def test_relations_by_kind(pg: Postgres, monitor: PostgresOptions) -> None:
    statements = "CREATE TABLE t (id serial PRIMARY KEY)", "CREATE VIEW v AS SELECT 1", "VACUUM ANALYZE"
    with database(pg, "kinds", *statements):
        found = await samples(monitor, "relation_kinds")
        counted = "SELECT count(*) FROM pg_class WHERE relkind = 'i'"
        ((indexes,),) = pg.execute(counted, dbname="kinds")

    kinds = in_database(found, "pg_class_relations", "kinds", "relkind")
    assert kinds["index"] == indexes
    assert kinds["sequence"] == 1
    assert in_database(found, "pg_class_size_bytes", "kinds", "relkind")["table"] > 1_000_000


@pytest.mark.parametrize(
    "name", ["stat_user_indexes", "sequences", "table_vacuum", "relation_kinds", "table_bloat", "index_bloat"]
)
def test_in_a_database_without_tables_there_is_nothing_wrong(pg: Postgres, name: str) -> None:
    view: View = VIEWS[name]
    with database(pg, "void"):
        assert pg.execute(view.sql(pg.major) or "", dbname="void") is not None
