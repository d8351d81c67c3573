"""A failover: the standby is promoted, the primary is gone, and the next scrape of each says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.collecting import values
from tests.e2e.judge import Samples, failed, timed_scrape, value
from tests.servers import Exporter, Postgres, require
from tests.workload import replica, standby, wait_until

pytestmark = pytest.mark.live

RECEIVER = {
    "pg_last_wal_receive_lsn_bytes",
    "pg_last_wal_replay_lsn_bytes",
    "pg_recovery_paused",
    "pg_recovery_replay_lag_seconds",
    "pg_stat_wal_receiver_flushed_lsn",
    "pg_wal_receiver_connected",
    "pg_wal_receiver_last_message_age_seconds",
}
"""What only a standby has."""
OLD_ROLE = RECEIVER | {
    "pg_current_wal_lsn_bytes",
    "pg_replication_is_replica",
    "pg_replication_slots_active",
    "pg_stat_replication_pg_wal_lsn_diff",
    "pg_stat_replication_sync_standbys",
}
"""What a server that is gone must not go on to claim."""


class Pair(NamedTuple):
    """Two servers, and an exporter beside each."""

    primary: Postgres
    copy: Postgres
    beside_primary: Exporter
    beside_copy: Exporter


@pytest.fixture(params=[13, 18], ids=["pg13", "pg18"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with ExitStack() as stack:
        primary = stack.enter_context(require(Postgres, request.param))
        copy = stack.enter_context(replica(primary, "copy"))
        exporters = [
            stack.enter_context(
                Exporter(postgres__dsn=server.dsn(), arguments=["--collector.stat_wal_receiver"])
            )
            for server in (primary, copy)
        ]
        yield Pair(primary, copy, *exporters)


def replicating(primary: Samples, copy: Samples) -> None:
    """Each page shows its server's role, and nothing of the other role."""
    assert (value(primary, "pg_up"), value(copy, "pg_up")) == (1, 1)
    assert failed(primary) == failed(copy) == set()
    assert (value(primary, "pg_replication_is_replica"), value(copy, "pg_replication_is_replica")) == (0, 1)
    assert set(primary) & RECEIVER == set()
    assert set(copy) >= RECEIVER
    assert "pg_current_wal_lsn_bytes" in primary
    assert "pg_current_wal_lsn_bytes" not in copy
    assert value(copy, "pg_wal_receiver_connected") == 1
    assert "copy" in values(primary, "pg_stat_replication_pg_wal_lsn_diff", "application_name")


def test_both_roles_change_within_one_scrape(pair: Pair) -> None:
    replicating(timed_scrape(pair.beside_primary), timed_scrape(pair.beside_copy))

    pair.primary.kill()
    assert pair.copy.execute("SELECT pg_promote()") == [(True,)]
    old, new = timed_scrape(pair.beside_primary), timed_scrape(pair.beside_copy)

    assert value(old, "pg_up") == 0
    assert {"recovery", "replication", "stat_replication"} <= failed(old, "postgres")
    assert set(old) & OLD_ROLE == set()

    assert value(new, "pg_up") == 1
    assert failed(new) == set()
    assert value(new, "pg_replication_is_replica") == 0
    assert value(new, "pg_replication_lag_seconds") == 0
    assert set(new) & RECEIVER == set()
    (position,) = pair.copy.execute("SELECT (pg_current_wal_lsn() - '0/0')::bigint")[0]
    assert 0 < (value(new, "pg_current_wal_lsn_bytes") or 0) <= position

    with standby(pair.copy, "follower"):
        led = timed_scrape(pair.beside_copy)
    assert values(led, "pg_stat_replication_pg_wal_lsn_diff", "application_name").keys() == {"follower"}


def test_a_standby_that_loses_its_primary_says_so_and_stays_a_standby(pair: Pair) -> None:
    replicating(timed_scrape(pair.beside_primary), timed_scrape(pair.beside_copy))

    pair.primary.kill()
    streaming = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    wait_until(lambda: pair.copy.execute(streaming) == [(0,)])
    alone = timed_scrape(pair.beside_copy)

    assert value(alone, "pg_up") == 1
    assert failed(alone) == set()
    assert value(alone, "pg_replication_is_replica") == 1
    assert value(alone, "pg_wal_receiver_connected") == 0
    assert "pg_last_wal_replay_lsn_bytes" in alone
    assert "pg_wal_receiver_last_message_age_seconds" not in alone
