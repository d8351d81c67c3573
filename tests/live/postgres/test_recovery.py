"""Both ends of streaming replication, on a real pair of each major version; slots and what they hold back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import Samples, samples, values
from tests.servers import MAJORS, Postgres, require
from tests.workload import replica, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("recovery")]

Pair = tuple[Postgres, Postgres]

SETTINGS = {"wal_level": "logical"}


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A primary, and a standby that tells it which rows it needs."""
    with require(Postgres, request.param, settings=SETTINGS) as primary:
        feedback = {"hot_standby_feedback": "on", "wal_receiver_status_interval": "1s"}
        with replica(primary, "copy", settings=feedback) as copy:
            yield primary, copy


def options(server: Postgres) -> PostgresOptions:
    return PostgresOptions(dsn=server.dsn())


def alone(found: Samples) -> dict[str, float]:
    """The values of metrics without labels."""
    return {name: by_labels[frozenset()] for name, by_labels in found.items()}


def caught_up(primary: Postgres, copy: Postgres) -> None:
    """Waits until the standby has replayed all, something of now included."""
    primary.execute("CREATE TABLE IF NOT EXISTS t (id int); INSERT INTO t VALUES (1)")
    (position,) = primary.execute("SELECT pg_current_wal_lsn()::text")[0]
    wait_until(lambda: copy.execute(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == [(True,)])


async def test_a_primary_has_a_position_and_nothing_of_a_standby(pair: Pair) -> None:
    primary, _ = pair
    before = primary.execute("SELECT (pg_current_wal_lsn() - '0/0')::bigint")[0][0]

    found = alone(await samples(options(primary), "recovery"))

    assert found.keys() == {"pg_current_wal_lsn_bytes", "pg_stat_replication_sync_standbys"}
    assert found["pg_current_wal_lsn_bytes"] >= before
    assert found["pg_stat_replication_sync_standbys"] == 0


async def test_standbys_that_commits_wait_for_are_counted(pair: Pair) -> None:
    primary, _ = pair
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'copy'")
    try:
        primary.execute("SELECT pg_reload_conf()")
        wait_until(lambda: primary.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
        found = alone(await samples(options(primary), "recovery"))
    finally:
        primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
        primary.execute("SELECT pg_reload_conf()")

    assert found["pg_stat_replication_sync_standbys"] == 1


async def test_a_standby_of_an_idle_primary_has_no_lag(pair: Pair) -> None:
    primary, copy = pair
    caught_up(primary, copy)
    (position,) = copy.execute("SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")[0]

    found = alone(await samples(options(copy), "recovery"))

    assert "pg_current_wal_lsn_bytes" not in found
    assert found["pg_wal_receiver_connected"] == 1
    assert found["pg_recovery_replay_lag_seconds"] == 0
    assert found["pg_recovery_paused"] == 0
    assert position <= found["pg_last_wal_replay_lsn_bytes"] <= found["pg_last_wal_receive_lsn_bytes"]
    assert found["pg_last_wal_receive_lsn_bytes"] <= found["pg_wal_receiver_written_lsn_bytes"]
    assert found["pg_wal_receiver_latest_end_lsn_bytes"] > 0
    assert 0 <= found["pg_wal_receiver_last_message_age_seconds"] < 20
    prefetch = {name for name in found if name.startswith("pg_stat_recovery_prefetch_")}
    assert len(prefetch) == (9 if copy.major >= 15 else 0)


async def test_a_standby_that_is_paused_lags_and_says_why(pair: Pair) -> None:
    primary, copy = pair
    caught_up(primary, copy)
    copy.execute("SELECT pg_wal_replay_pause()")
    try:
        primary.execute("INSERT INTO t VALUES (1)")
        wait_until(
            lambda: copy.execute("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()") == [(True,)]
        )
        found = alone(await samples(options(copy), "recovery"))
    finally:
        copy.execute("SELECT pg_wal_replay_resume()")

    assert found["pg_recovery_paused"] == 1
    assert found["pg_recovery_replay_lag_seconds"] > 0
    assert found["pg_last_wal_replay_lsn_bytes"] < found["pg_last_wal_receive_lsn_bytes"]


async def test_a_cut_link_shows_although_all_that_came_is_replayed(pair: Pair) -> None:
    primary, copy = pair
    caught_up(primary, copy)
    primary.stop()
    try:
        wait_until(lambda: copy.execute("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)])
        found = alone(await samples(options(copy), "recovery"))
        upstream = alone(await samples(options(copy), "replication"))
    finally:
        primary.start()
    wait_until(lambda: copy.execute("SELECT status FROM pg_stat_wal_receiver") == [("streaming",)])

    assert upstream["pg_replication_lag_seconds"] == 0
    assert found["pg_recovery_replay_lag_seconds"] > 0
    assert found["pg_wal_receiver_connected"] == 0
    assert "pg_wal_receiver_last_message_age_seconds" not in found


async def test_feedback_of_a_standby_holds_the_horizon(pair: Pair) -> None:
    primary, copy = pair
    caught_up(primary, copy)
    with copy.connect() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM t")
        (held,) = copy.execute("SELECT min(backend_xmin::text::int) FROM pg_stat_activity")[0]
        for _ in range(5):
            primary.execute("INSERT INTO t VALUES (1)")
        fed_back = f"SELECT xmin::text = '{held}' FROM pg_replication_slots WHERE slot_name = 'copy'"
        wait_until(lambda: primary.execute(fed_back) == [(True,)])
        there = await samples(options(primary), "xmin_horizon")
        slots = await samples(options(primary), "replication_slot_state")
        here = await samples(options(copy), "xmin_horizon")

    assert values(there, "pg_xmin_horizon_age_xids", "holder")["replication_slot"] >= 5
    assert values(slots, "pg_replication_slots_xmin_age_xids", "slot_name")["copy"] >= 5
    assert values(here, "pg_xmin_horizon_age_xids", "holder")["session"] >= 1


async def test_a_logical_slot_shows_what_it_holds_back_and_has_sent(pair: Pair) -> None:
    primary, _ = pair
    primary.execute("CREATE TABLE IF NOT EXISTS t (id int)")
    primary.execute("SELECT pg_create_logical_replication_slot('changes', 'test_decoding')")
    try:
        primary.execute("INSERT INTO t SELECT generate_series(1, 100)")
        waiting = await samples(options(primary), "replication_slot_state")
        primary.execute("SELECT count(*) FROM pg_logical_slot_get_changes('changes', NULL, NULL)")
        if primary.major >= 14:  # 14 counts behind the back of its sessions
            counted = "SELECT total_txns FROM pg_stat_replication_slots"
            wait_until(lambda: primary.execute(counted) == [(1,)])
        read = await samples(options(primary), "replication_slot_state")
    finally:
        primary.execute("SELECT pg_drop_replication_slot('changes')")

    def of(found: Samples, metric: str) -> float:
        return values(found, f"pg_{metric}", "slot_name")["changes"]

    assert of(waiting, "replication_slots_unconfirmed_wal_bytes") > 6000
    assert of(read, "replication_slots_unconfirmed_wal_bytes") < 1000
    assert of(waiting, "replication_slots_catalog_xmin_age_xids") >= 1
    if primary.major >= 14:
        assert of(read, "stat_replication_slots_total_txns_total") == 1
        assert of(read, "stat_replication_slots_total_bytes_total") > 100
        assert "copy" not in values(read, "pg_stat_replication_slots_total_txns_total", "slot_name")
    if primary.major >= 16:
        assert of(read, "replication_slots_conflicting") == 0
    if primary.major >= 17:
        assert of(read, "replication_slots_inactive_since_timestamp_seconds") > 1_700_000_000
        assert of(read, "replication_slots_failover") == of(read, "replication_slots_synced") == 0
        assert "pg_replication_slots_invalidation_reason" not in read


@pytest.mark.pg(17, 18)
async def test_a_lost_slot_says_why(pg: Postgres) -> None:
    with Postgres(pg.major, settings={"max_slot_wal_keep_size": "1MB"}) as server:
        server.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
        for _ in range(3):
            server.execute("SELECT pg_switch_wal(); CREATE TABLE IF NOT EXISTS t (id int); DROP TABLE t")
        server.execute("CHECKPOINT")
        found = await samples(options(server), "replication_slot_state")

    lost = values(found, "pg_replication_slots_invalidation_reason", "invalidation_reason")
    assert lost == {"wal_removed": 1}
