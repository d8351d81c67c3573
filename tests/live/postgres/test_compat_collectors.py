"""The collectors that are upstream's as well and off by default there, and vacuums at work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic, time

import pytest

from exporter.expose.text import TextEncoder
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Skip
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import SPECS, VIEWS, Samples, database, role, samples, source, values
from tests.live.postgres.vacuums import DELETED, EAGER, table, vacuuming
from tests.servers import MAJORS, Postgres, require
from tests.servers.page import samples_of
from tests.workload import replica, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("compat_collectors")]


@pytest.fixture
def monitor(pg: Postgres) -> Iterator[PostgresOptions]:
    with role(pg, "exporter_monitor", "pg_monitor") as options:
        yield options


def only(found: Samples, metric: str) -> float:
    (value,) = found[metric].values()
    return value


@pytest.mark.parametrize(
    ("name", "shown"), [("orders", "orders"), ('"Odd".orders', '"Odd".orders')], ids=["public", "schema"]
)
async def test_a_vacuum_shows_how_far_it_is(
    pg: Postgres, monitor: PostgresOptions, name: str, shown: str
) -> None:
    with (
        database(pg, "vacuumed", 'CREATE SCHEMA "Odd"', *table(name)),
        vacuuming(pg, "vacuumed", name),
    ):
        options = PostgresOptions(dsn=monitor.dsn.replace("/postgres", "/vacuumed"))
        here = await samples(options, "stat_progress_vacuum")
        elsewhere = await samples(monitor, "stat_progress_vacuum")
        pages, oid = pg.execute(
            f"SELECT relpages, oid::int FROM pg_class WHERE oid = '{name}'::regclass", dbname="vacuumed"
        )[0]

    phases = values(here, "pg_stat_progress_vacuum_phase", "phase")
    assert len(phases) == 7
    assert {phase for phase, value in phases.items() if value} == {"scanning heap"}
    key = frozenset({"datname": "vacuumed", "relname": shown}.items())
    assert here["pg_stat_progress_vacuum_heap_blks"] == {key: pages}
    assert 0 < here["pg_stat_progress_vacuum_heap_blks_scanned"][key] < pages
    assert 0 < here["pg_stat_progress_vacuum_num_dead_tuples"][key] <= DELETED
    assert here["pg_stat_progress_vacuum_index_vacuums"] == {key: 0}
    assert ("pg_stat_progress_vacuum_max_dead_tuples" in here) == (pg.major < 17)
    assert ("pg_stat_progress_vacuum_max_dead_tuple_bytes" in here) == (pg.major >= 17)
    assert set(values(elsewhere, "pg_stat_progress_vacuum_heap_blks", "relname")) == {str(oid)}


async def test_without_a_vacuum_there_is_nothing(monitor: PostgresOptions) -> None:
    assert await samples(monitor, "stat_progress_vacuum") == {}


async def test_a_vacuum_that_the_role_may_not_look_into_has_no_values(pg: Postgres) -> None:
    with (
        role(pg, "exporter_nobody") as nobody,
        database(pg, "vacuumed", *table("orders")),
        vacuuming(pg, "vacuumed", "orders"),
    ):
        assert await samples(nobody, "stat_progress_vacuum") == {}


async def test_autovacuum_workers_on_namesakes_share_a_row(pg: Postgres, monitor: PostgresOptions) -> None:
    tables = [statement for schema in "ab" for statement in table(f"{schema}.orders", EAGER)]
    workers = """SELECT extract(epoch FROM min(xact_start))::float8 FROM pg_stat_activity
        WHERE query LIKE 'autovacuum: VACUUM%orders' HAVING count(*) = 2"""
    pg.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    pg.execute("SELECT pg_reload_conf()")
    try:
        with database(pg, "worked_on", "CREATE SCHEMA a", "CREATE SCHEMA b", *tables):
            wait_until(lambda: pg.execute(workers) != [], seconds=30)
            found = await samples(monitor, "stat_activity_autovacuum")
            ((first,),) = pg.execute(workers)
    finally:
        pg.execute("ALTER SYSTEM RESET autovacuum_naptime")
        pg.execute("SELECT pg_reload_conf()")

    shown = values(found, "pg_stat_activity_autovacuum_timestamp_seconds", "relname")
    assert shown["orders"] == pytest.approx(first, abs=0.001)


async def test_idle_sessions_are_counted_by_state_and_application(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    with pg.connect() as idle, pg.connect() as twin, pg.connect() as waiting:
        for session in (idle, twin, waiting):
            session.execute("SET application_name = 'api'")
        waiting.execute("BEGIN")
        await asyncio.sleep(1.2)
        twin.execute("SELECT 1")
        async with source(monitor) as server:
            tables = await SPECS["process_idle"].build(server)(Deadline.after(20))

    found = samples_of(b"".join(TextEncoder().encode(tables)).decode())
    counts = found["pg_process_idle_seconds_bucket"]

    def count(state: str, le: str) -> float:
        return counts[frozenset({"state": state, "application_name": "api", "le": le}.items())]

    assert [count("idle", le) for le in ("1", "2", "300", "+Inf")] == [1, 2, 2, 2]
    assert [count("idle in transaction", le) for le in ("1", "2", "+Inf")] == [0, 1, 1]
    key = frozenset({"state": "idle", "application_name": "api"}.items())
    assert found["pg_process_idle_seconds_count"][key] == 2
    assert 1.2 <= found["pg_process_idle_seconds_sum"][key] < 10


async def test_open_transactions_are_counted_and_the_oldest_has_an_age(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    before = await samples(monitor, "long_running_transactions")
    with pg.connect() as first, pg.connect() as second:
        first.execute("BEGIN; SELECT 1")
        second.execute("BEGIN; SELECT 1")
        await asyncio.sleep(0.3)
        found = await samples(monitor, "long_running_transactions")

    more = only(found, "pg_long_running_transactions") - only(before, "pg_long_running_transactions")
    assert more == 2
    assert 0.3 <= only(found, "pg_long_running_transactions_oldest_timestamp_seconds") < 60
    assert only(before, "pg_long_running_transactions_oldest_timestamp_seconds") == 0


async def test_ages_and_start_are_the_servers(pg: Postgres, monitor: PostgresOptions) -> None:
    ages = await samples(monitor, "database_wraparound")
    started = await samples(monitor, "postmaster")

    oldest = dict(pg.execute("SELECT datname, age(datfrozenxid) FROM pg_database WHERE datallowconn"))
    shown = values(ages, "pg_database_wraparound_age_datfrozenxid_seconds", "datname")
    assert shown == pytest.approx(oldest, abs=20)
    assert "template0" not in shown
    assert set(values(ages, "pg_database_wraparound_age_datminmxid_seconds", "datname")) == set(oldest)
    ((start,),) = pg.execute("SELECT extract(epoch FROM pg_postmaster_start_time())::float8")
    assert only(started, "pg_postmaster_start_time_seconds") == pytest.approx(start, abs=0.001)


async def test_blocks_of_indexes_are_those_of_the_main_database(pg: Postgres) -> None:
    with database(pg, "indexed", *table("orders")):
        expected = "SELECT idx_blks_hit FROM pg_statio_user_indexes"
        wait_until(lambda: pg.execute(expected, dbname="indexed") > [(0,)])
        found = await samples(PostgresOptions(dsn=pg.dsn(dbname="indexed")), "statio_user_indexes")
        ((hit,),) = pg.execute(expected, dbname="indexed")

    key = frozenset({"schemaname": "public", "relname": "orders", "indexrelname": "orders_pkey"}.items())
    assert found["pg_statio_user_indexes_idx_blks_hit_total"] == {key: hit}
    assert set(found["pg_statio_user_indexes_idx_blks_read_total"]) == {key}


@pytest.mark.pg(13, 15, 17, 18)
async def test_checkpoints_and_writes_of_backends_go_by_one_name_on_each_version(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    pg.execute("CHECKPOINT")
    before = await samples(monitor, "stat_bgwriter")
    with database(pg, "written", *table("orders")):
        ((pages,),) = pg.execute("SELECT relpages FROM pg_class WHERE relname = 'orders'", dbname="written")
        pg.execute("CHECKPOINT")
        requested = "pg_stat_bgwriter_checkpoints_req_total"
        written = "pg_stat_bgwriter_buffers_backend_total"
        until = monotonic() + 10
        while monotonic() < until:
            after = await samples(monitor, "stat_bgwriter")
            if only(after, written) - only(before, written) >= pages:
                break
            await asyncio.sleep(0.2)

    assert only(after, requested) > only(before, requested)
    assert pages <= only(after, written) - only(before, written) < 20 * pages
    assert only(after, "pg_stat_bgwriter_buffers_checkpoint_total") > pages
    assert set(after) == {m.name for m in VIEWS["stat_bgwriter"].metrics}


async def test_shared_buffers_are_used_or_not(pg: Postgres, monitor: PostgresOptions) -> None:
    if pg.major < 16:
        with pytest.raises(Skip) as old:
            await samples(monitor, "buffercache_summary")
        assert old.value.reason in (Reason.VERSION, Reason.UNSUPPORTED)
        return
    with pytest.raises(Skip) as missing:
        await samples(monitor, "buffercache_summary")
    pg.execute(
        "CREATE SCHEMA ext; CREATE EXTENSION pg_buffercache SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC"
    )
    try:
        found = await samples(monitor, "buffercache_summary")
    finally:
        pg.execute("DROP EXTENSION pg_buffercache; DROP SCHEMA ext")

    assert missing.value.reason is Reason.UNSUPPORTED
    ((buffers,),) = pg.execute("SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers'")
    used, unused = (only(found, f"pg_buffercache_summary_buffers_{which}") for which in ("used", "unused"))
    assert used + unused == buffers
    assert used > only(found, "pg_buffercache_summary_buffers_dirty") >= 0
    assert 0 < only(found, "pg_buffercache_summary_usagecount_avg") <= 5


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Postgres, Postgres]]:
    """A primary and its standby."""
    with require(Postgres, request.param) as primary, replica(primary, "repmgr_slot_7") as copy:
        yield primary, copy


@pytest.mark.parametrize("slot", [None, "repmgr_slot_7"], ids=["without_slot", "slot"])
async def test_a_receiver_of_wal_is_seen_with_and_without_a_slot(
    pair: tuple[Postgres, Postgres], slot: str | None
) -> None:
    primary, copy = pair
    copy.execute(f"ALTER SYSTEM SET primary_slot_name = '{slot or ''}'")
    copy.execute("SELECT pg_reload_conf()")
    streaming = "SELECT coalesce(slot_name, '') FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    wait_until(lambda: copy.execute(streaming) == [(slot or "",)])
    primary.execute("DROP TABLE IF EXISTS replayed; CREATE TABLE replayed (id int)")
    ((made,),) = primary.execute("SELECT 'replayed'::regclass::oid::int")
    wait_until(lambda: copy.execute("SELECT to_regclass('replayed')::oid::int") == [(made,)])
    found = await samples(PostgresOptions(dsn=copy.dsn()), "stat_wal_receiver")
    none = await samples(PostgresOptions(dsn=primary.dsn()), "stat_wal_receiver")
    flushed = "SELECT flushed_lsn - '0/0', latest_end_lsn - '0/0' FROM pg_stat_wal_receiver"
    ((end, reported),) = copy.execute(flushed)

    assert none == {}
    (key,) = found["pg_stat_wal_receiver_flushed_lsn"]
    assert dict(key) == {"upstream_host": "127.0.0.1", "slot_name": slot or "", "status": "streaming"}
    assert found["pg_stat_wal_receiver_flushed_lsn"][key] == pytest.approx(float(end), abs=1 << 20)
    assert found["pg_stat_wal_receiver_latest_end_lsn"][key] <= float(reported)
    assert 0 < found["pg_stat_wal_receiver_receive_start_lsn"][key] <= float(end)
    assert found["pg_stat_wal_receiver_received_tli"][key] == 1
    assert found["pg_stat_wal_receiver_last_msg_receipt_time"][key] == pytest.approx(time(), abs=30)
    assert found.get("pg_stat_wal_receiver_upstream_node") == ({key: 7} if slot else None)
