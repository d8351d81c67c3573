"""Every view on real servers of every major version, with the rights that it will have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from time import perf_counter

import psycopg
import pytest

from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import VIEWS, database, role, samples, values
from tests.servers import Postgres
from tests.workload import standby, wait_until

pytestmark = pytest.mark.live

EACH = pytest.mark.parametrize("name", VIEWS)

# What no role can read without pg_monitor, because the server refuses the function itself.
REFUSED = {"server_files", "wal"}
# What an idle server has no row for.
MAY_BE_EMPTY = {
    *{"stat_replication", "replication_slots", "stat_user_tables", "statio_user_tables"},
    *{"statio_user_indexes", "stat_progress_vacuum", "stat_activity_autovacuum", "stat_wal_receiver"},
    *{"wait_events", "xmin_horizon", "prepared_xacts", "stat_progress", "replication_slot_state"},
    *{"stat_subscription", "stat_user_indexes", "sequences", "table_vacuum", "table_bloat", "index_bloat"},
    "stat_user_functions",
}
INSTALLED = {"", "pg_stat_statements"}


@pytest.fixture(scope="module")
def role_of() -> Iterator[Callable[..., PostgresOptions]]:
    """role_of(server, name, *grants): a role for all tests of this module that want it."""
    with ExitStack() as stack:
        made: dict[tuple[int, str], PostgresOptions] = {}

        def of(server: Postgres, name: str, *grants: str) -> PostgresOptions:
            key = (server.major, name)
            if key not in made:
                made[key] = stack.enter_context(role(server, name, *grants))
            return made[key]

        yield of


@pytest.fixture
def monitor(pg: Postgres, role_of: Callable[..., PostgresOptions]) -> PostgresOptions:
    return role_of(pg, "exporter_monitor", "pg_monitor")


@pytest.fixture
def nobody(pg: Postgres, role_of: Callable[..., PostgresOptions]) -> PostgresOptions:
    return role_of(pg, "exporter_nobody")


@EACH
async def test_a_monitor_reads_every_view(pg: Postgres, monitor: PostgresOptions, name: str) -> None:
    if VIEWS[name].sql(pg.major) is None or VIEWS[name].extension not in INSTALLED:
        with pytest.raises(Skip) as skipped:
            await samples(monitor, name)
        assert skipped.value.reason in (Reason.VERSION, Reason.UNSUPPORTED)
        return

    found = await samples(monitor, name)

    assert set(found) <= {metric.name for metric in VIEWS[name].metrics_at(pg.major)}
    if name not in MAY_BE_EMPTY:
        assert found


@EACH
async def test_a_role_without_rights_loses_only_what_the_server_refuses(
    pg: Postgres, nobody: PostgresOptions, name: str
) -> None:
    if VIEWS[name].sql(pg.major) is None or VIEWS[name].extension not in INSTALLED:
        return
    if name in REFUSED:
        with pytest.raises(Refused) as refused:
            await samples(nobody, name)
        assert refused.value.reason is Reason.PERMISSION
    else:
        await samples(nobody, name)


@contextmanager
def locked(pg: Postgres, dbname: str, *, held: bool) -> Iterator[None]:
    """ACCESS EXCLUSIVE on the table `x`: held, or waited for behind a reader."""
    with pg.connect(dbname=dbname) as first, pg.connect(dbname=dbname) as second:
        first.execute("BEGIN")
        if held:
            first.execute("LOCK TABLE x IN ACCESS EXCLUSIVE MODE")
            yield
        else:
            first.execute("SELECT FROM x")
            waiting = Thread(target=second.execute, args=("LOCK TABLE x IN ACCESS EXCLUSIVE MODE",))
            second.execute("BEGIN")
            waiting.start()
            wait_until(lambda: pg.execute("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)])
            yield
            first.execute("ROLLBACK")
            waiting.join(10)
        for connection in (first, second):
            connection.execute("ROLLBACK")


@pytest.mark.parametrize("held", [True, False], ids=["held", "waited_for"])
def test_no_view_waits_for_a_lock_on_a_table(pg: Postgres, held: bool) -> None:
    table = "CREATE TABLE x (id int PRIMARY KEY, note text)"
    dsn = pg.dsn(dbname="locked", user="locked_out", password="secret")
    with (
        role(pg, "locked_out", "pg_monitor"),
        database(pg, "locked", table, "INSERT INTO x VALUES (1)", "ANALYZE x"),
        locked(pg, "locked", held=held),
        psycopg.connect(dsn, autocommit=True, options="-c search_path=pg_catalog") as connection,
    ):
        connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("SELECT pg_table_size('public.x'::regclass)")
        connection.execute("SET lock_timeout = 0; SET statement_timeout = '5s'")
        plain = {name: view for name, view in VIEWS.items() if not view.extension}
        queries = {name: sql for name, view in plain.items() if (sql := view.sql(pg.major))}
        took = {name: seconds_of(connection, sql) for name, sql in queries.items()}

    assert {name: seconds for name, seconds in took.items() if seconds >= 0.2} == {}


def seconds_of(connection: psycopg.Connection[tuple[object, ...]], sql: str) -> float:
    """The best of three: other work on the machine is not what is measured."""
    best = float("inf")
    for _ in range(3):
        start = perf_counter()
        connection.execute(sql.encode())
        best = min(best, perf_counter() - start)
    return best


HELL = {
    "quotes": """it's "quoted" \\ back""",
    "line_feed": "two\nlines\ttab",
    "unicode": "é" * 31 + "x",  # 63 bytes
    "braces": '{a="b"} 1 # HELP',
}


@pytest.mark.parametrize("odd", HELL.values(), ids=list(HELL))
async def test_names_from_hell_come_out_as_they_are(pg: Postgres, monitor: PostgresOptions, odd: str) -> None:
    quoted = '"' + odd.replace('"', '""') + '"'
    table = f"CREATE TABLE {quoted}.{quoted} (id int PRIMARY KEY)"
    with (
        role(pg, odd),
        database(pg, odd, f"CREATE SCHEMA {quoted}", table),
        pg.connect(dbname=odd, user=odd, password="secret") as session,
    ):
        session.execute("SELECT set_config('application_name', %s, false)", (odd,))
        seen = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        (shown,) = session.execute(seen).fetchone() or ("",)
        activity = await samples(monitor, "stat_activity")
        tables = await samples(monitor, "stat_user_tables")
        roles = await samples(monitor, "roles")
        sizes = await samples(monitor, "database_size")

    labels = {"datname": odd, "usename": odd, "application_name": shown, "state": "idle"}
    assert any(labels.items() <= dict(key).items() for key in activity["pg_stat_activity_count"])
    key = frozenset({"datname": odd, "schemaname": odd, "relname": odd}.items())
    assert tables["pg_stat_user_tables_seq_scan"][key] >= 0
    assert values(roles, "pg_roles_connection_limit", "rolname")[odd] == -1
    assert values(sizes, "pg_database_size_bytes", "datname")[odd] > 0


async def test_one_database_that_may_not_be_measured_loses_only_itself(
    pg: Postgres, nobody: PostgresOptions
) -> None:
    with database(pg, "closed"):
        pg.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        limits = await samples(nobody, "database")
        found = await samples(nobody, "database_size")

    sizes = values(found, "pg_database_size_bytes", "datname")
    assert set(values(limits, "pg_database_connection_limit", "datname")) - set(sizes) == {"closed"}
    assert sizes["postgres"] > 0


async def test_pg_read_all_stats_measures_a_database_without_connect(pg: Postgres) -> None:
    with role(pg, "stats", "pg_read_all_stats") as options, database(pg, "closed"):
        pg.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        found = await samples(options, "database_size")

    assert values(found, "pg_database_size_bytes", "datname")["closed"] > 0


async def test_sessions_that_a_role_may_not_look_into_count_as_unknown(
    pg: Postgres, nobody: PostgresOptions
) -> None:
    with pg.connect(), pg.connect():
        found = await samples(nobody, "stat_activity")

    counts = {frozenset(k): v for k, v in found["pg_stat_activity_count"].items()}
    unknown = [v for k, v in counts.items() if {("state", "unknown"), ("datname", "postgres")} <= k]
    assert sum(unknown) >= 2


async def test_every_state_of_every_database_has_a_sample(pg: Postgres, monitor: PostgresOptions) -> None:
    with pg.connect() as busy:
        busy.execute("BEGIN")
        found = await samples(monitor, "stat_activity")

    states: dict[str, set[str]] = {}
    for key in found["pg_stat_activity_count"]:
        labels = dict(key)
        states.setdefault(labels["datname"], set()).add(labels["state"])
    assert {"template0", "template1", "postgres"} <= set(states)
    assert {len(names) for names in states.values()} == {6}
    open_since = [
        value
        for key, value in found["pg_stat_activity_max_tx_duration"].items()
        if ("state", "idle in transaction") in key
    ]
    assert max(open_since) > 0


async def test_receivers_of_wal_are_seen_and_namesakes_share_a_row(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    pg.execute("SELECT pg_create_physical_replication_slot('mirror', true)")
    try:
        with standby(pg, "mirror", slot="mirror"), standby(pg, "twin"), standby(pg, "twin"):
            senders = await samples(monitor, "stat_replication")
            slots = await samples(monitor, "replication_slots")
    finally:
        wait_until(lambda: pg.execute("SELECT active FROM pg_replication_slots") == [(False,)])
        pg.execute("SELECT pg_drop_replication_slot('mirror')")

    behind = values(senders, "pg_stat_replication_pg_wal_lsn_diff", "application_name")
    assert set(behind) == {"mirror", "twin"}
    assert values(senders, "pg_stat_replication_pg_current_wal_lsn_bytes", "slot_name").keys() == {
        "mirror",
        "",
    }
    assert values(slots, "pg_replication_slots_active", "slot_name") == {"mirror": 1}
    assert values(slots, "pg_replication_slots_wal_status", "wal_status") == {"reserved": 1}


async def test_settings_are_what_the_server_makes_of_its_own_units(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    expected = pg.execute(
        """SELECT 'pg_settings_' || replace(name, '.', '_')
                  || CASE WHEN unit IN ('ms', 's', 'min') THEN '_seconds' ELSE '_bytes' END,
                  CASE WHEN setting IN ('-1', '0') THEN setting::float8
                       WHEN unit IN ('ms', 's', 'min')
                       THEN date_part('epoch', current_setting(name)::interval)
                       ELSE pg_size_bytes(current_setting(name)) END
           FROM pg_settings WHERE vartype IN ('integer', 'real') AND unit IS NOT NULL"""
    )

    found = await samples(monitor, "settings")

    shown = {name: next(iter(by_labels.values())) for name, by_labels in found.items()}
    assert len(shown) > 200
    assert {name: shown.get(name) for name, _ in expected} == pytest.approx(dict(expected))
