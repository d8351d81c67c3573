"""Reads and writes, small caches, checkpoints on every version, and WAL files that are not archived."""

from __future__ import annotations

from collections.abc import Iterator
from time import time

import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import Samples, database, role, samples, values
from tests.servers import Postgres, require
from tests.workload import wait_until

pytestmark = pytest.mark.live

BLOCK = 8192


@pytest.fixture
def monitor(pg: Postgres) -> Iterator[PostgresOptions]:
    with role(pg, "io_monitor", "pg_monitor") as options:
        yield options


def of_clients(found: Samples, metric: str) -> float:
    """A value of pg_stat_io for what clients do with relations in the usual way."""
    labels = {"backend_type": "client backend", "object": "relation", "context": "normal"}
    return found[metric][frozenset(labels.items())]


@pytest.mark.pg(16, 17, 18)
async def test_io_in_operations_bytes_and_seconds(pg: Postgres, monitor: PostgresOptions) -> None:
    before = await samples(monitor, "stat_io")
    # Operations of several blocks, as 18 makes them, count once.
    with database(pg, "extended", "CREATE TABLE t AS SELECT g FROM generate_series(1, 100000) AS g"):
        pg.execute("SELECT count(*) FROM t", dbname="extended")
        ((grown,),) = pg.execute("SELECT pg_relation_size('t')", dbname="extended")
    after = await samples(monitor, "stat_io")

    def more(what: str) -> float:
        name = f"pg_stat_io_{what}_total"
        return sum(after[name].values()) - sum(before[name].values())

    assert more("extend_bytes") >= grown > 100 * BLOCK
    assert 0 < more("extends") <= more("extend_bytes") / BLOCK
    assert more("extend_time_seconds") > 0
    assert of_clients(after, "pg_stat_io_hits_total") > of_clients(before, "pg_stat_io_hits_total")
    reads, read_bytes = (of_clients(after, f"pg_stat_io_{what}_total") for what in ("reads", "read_bytes"))
    assert read_bytes >= reads * BLOCK > 0
    assert (read_bytes == reads * BLOCK) or pg.major >= 18
    # Autovacuum has no bulk reads: what never happens has no sample.
    kinds = {tuple(dict(key).values()) for key in after["pg_stat_io_reads_total"]}
    assert len(kinds) < len(after["pg_stat_io_hits_total"]) + 20


async def test_small_caches_have_the_names_that_the_server_gives_them(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    counted = dict(pg.execute("SELECT name, blks_hit FROM pg_stat_slru"))
    found = await samples(monitor, "stat_slru")

    assert ("transaction" if pg.major >= 17 else "Xact") in counted
    hits = values(found, "pg_stat_slru_blks_hit_total", "name")
    assert set(hits) == set(counted)
    assert all(counted[name] <= shown for name, shown in hits.items())


async def test_checkpoints_have_the_same_names_on_every_version(
    pg: Postgres, monitor: PostgresOptions
) -> None:
    before = await samples(monitor, "stat_checkpointer")
    pg.execute("CREATE TABLE flushed AS SELECT generate_series(1, 10000)")
    pg.execute("CHECKPOINT")
    pg.execute("DROP TABLE flushed")
    names = [f"pg_stat_checkpointer_{what}_total" for what in ("num_requested", "buffers_written")]
    found: dict[str, float] = {}
    for _ in range(50):
        after = await samples(monitor, "stat_checkpointer")
        found = {name: sum(after[name].values()) - sum(before[name].values()) for name in names}
        if all(found.values()):
            break
    assert found[names[0]] >= 1
    assert found[names[1]] > 10
    assert "pg_stat_checkpointer_write_time_total" in before
    assert ("pg_stat_checkpointer_restartpoints_done_total" in before) == (pg.major >= 17)


@pytest.mark.pg(13, 18)
async def test_wal_that_can_not_be_archived_piles_up(pg: Postgres) -> None:
    settings = {"archive_mode": "on", "archive_command": "false"}
    with require(Postgres, pg.major, settings=settings) as server, role(server, "m", "pg_monitor") as options:
        first = await samples(options, "server_files")
        for i in range(3):
            server.execute(f"CREATE TABLE t{i} (id int); SELECT pg_switch_wal()")
        waiting = await samples(options, "server_files")
        wait_until(lambda: server.execute("SELECT failed_count > 0 FROM pg_stat_archiver") == [(True,)])
        archiver = await samples(options, "stat_archiver")
        server.execute("ALTER SYSTEM SET archive_command = 'true'")
        server.execute("SELECT pg_reload_conf()")
        ready = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
        wait_until(lambda: server.execute(ready) == [(0,)], 50)
        mended = await samples(options, "server_files")

    assert first["pg_wal_archive_ready_files"] == {frozenset(): 0}
    assert "pg_wal_archive_oldest_ready_age_seconds" not in _filled(first)
    assert waiting["pg_wal_archive_ready_files"] == {frozenset(): 3}
    assert 0 <= waiting["pg_wal_archive_oldest_ready_age_seconds"][frozenset()] < 60
    assert archiver["pg_stat_archiver_last_failed_timestamp_seconds"][frozenset()] > time() - 60
    assert mended["pg_wal_archive_ready_files"] == {frozenset(): 0}


def _filled(found: Samples) -> set[str]:
    return {name for name, rows in found.items() if rows}


async def test_temporary_files_are_seen_while_they_are_there(pg: Postgres, monitor: PostgresOptions) -> None:
    with pg.connect() as session:
        session.execute("SET work_mem = '64kB'")
        session.execute("BEGIN")
        session.execute("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 200000) AS g ORDER BY -g")
        session.execute("FETCH 1 FROM c")
        open_ = await samples(monitor, "server_files")
        session.execute("ROLLBACK")

    assert open_["pg_tmp_files"][frozenset()] >= 1
    assert open_["pg_tmp_size_bytes"][frozenset()] > 1_000_000
