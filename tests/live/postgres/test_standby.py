"""The views that look at replication, on a real standby of the oldest and of the newest major."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import SPECS, role, samples, values
from tests.servers import Postgres, require
from tests.workload import wait_until

pytestmark = pytest.mark.live

PAUSED = "SELECT pg_is_wal_replay_paused()"


@pytest.fixture(scope="module", params=[13, 18], ids=["pg13", "pg18"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Postgres, Postgres]]:
    """A primary, and a standby that streams from it."""
    with ExitStack() as stack:
        primary = stack.enter_context(require(Postgres, request.param))
        primary.execute("SELECT pg_create_physical_replication_slot('copy', true)")
        link = {"primary_conninfo": f"{primary.dsn()}?application_name=copy", "primary_slot_name": "copy"}
        copy = Postgres(request.param, settings=link)
        stack.callback(copy.close)
        primary.stop()
        shutil.rmtree(copy.process.data)
        shutil.copytree(primary.process.data, copy.process.data)
        (copy.process.data / "standby.signal").touch()
        primary.start()
        copy.start()
        wait_until(lambda: primary.execute("SELECT state FROM pg_stat_replication") == [("streaming",)])
        primary.execute("CREATE TABLE first_replayed (id int)")
        wait_until(lambda: copy.execute("SELECT pg_last_xact_replay_timestamp()") != [(None,)])
        yield primary, copy


async def test_a_standby_that_has_replayed_everything_has_no_lag(pair: tuple[Postgres, Postgres]) -> None:
    primary, copy = pair
    primary.execute("CREATE TABLE replayed (id int)")
    wait_until(lambda: _behind(copy) == 0 and copy.execute("SELECT to_regclass('replayed')") != [(None,)])

    found = await samples(PostgresOptions(dsn=copy.dsn()), "replication")

    alone = {name: next(iter(by_labels.values())) for name, by_labels in found.items()}
    assert alone["pg_replication_is_replica"] == 1
    assert alone["pg_replication_lag_seconds"] == 0
    assert alone["pg_replication_last_replay_seconds"] > 0


async def test_a_standby_that_stops_replaying_lags(pair: tuple[Postgres, Postgres]) -> None:
    primary, copy = pair
    copy.execute("SELECT pg_wal_replay_pause()")
    try:
        wait_until(lambda: copy.execute(PAUSED) == [(True,)])
        primary.execute("CREATE TABLE waiting (id int)")
        wait_until(lambda: _behind(copy) > 0)
        found = await samples(PostgresOptions(dsn=copy.dsn()), "replication")
        senders = await samples(PostgresOptions(dsn=primary.dsn()), "stat_replication")
        primary.execute("DROP TABLE waiting")
    finally:
        copy.execute("SELECT pg_wal_replay_resume()")

    assert next(iter(found["pg_replication_lag_seconds"].values())) > 0
    assert values(senders, "pg_stat_replication_pg_wal_lsn_diff", "application_name")["copy"] > 0


@pytest.mark.parametrize(
    "name", ["replication_slots", "stat_replication", "stat_activity", "wal", "settings"]
)
async def test_a_standby_answers_everything(pair: tuple[Postgres, Postgres], name: str) -> None:
    _, copy = pair
    found = await samples(PostgresOptions(dsn=copy.dsn()), name)

    if name == "replication_slots":
        assert values(found, "pg_replication_slots_slot_current_wal_lsn", "slot_name")["copy"] > 0
    if name == "settings":
        assert found["pg_settings_transaction_read_only"] == {frozenset(): 1}


async def test_a_receiver_shows_to_those_with_the_right(pair: tuple[Postgres, Postgres]) -> None:
    primary, copy = pair

    async def given(may: bool) -> int:
        has = "SELECT pg_has_role(oid, 'pg_read_all_stats', 'USAGE') FROM pg_roles WHERE rolname = 'watcher'"
        wait_until(lambda: copy.execute(has) == [(may,)])
        options = PostgresOptions(dsn=copy.dsn(user="watcher", password="secret"))
        return sum(map(len, (await samples(options, "stat_wal_receiver")).values()))

    with role(primary, "watcher", *SPECS["stat_wal_receiver"].needs):
        seen = await given(may=True)
        primary.execute("REVOKE pg_read_all_stats FROM watcher")
        assert await given(may=False) == 0
    assert seen >= 7


def _behind(copy: Postgres) -> int:
    lag = copy.execute("SELECT pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn()")[0][0]
    return int(lag or 0)
