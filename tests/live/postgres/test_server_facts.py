"""Facts of the server and of its databases that rarely change."""

from __future__ import annotations

import pytest

from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import database, role, samples
from tests.servers import Postgres
from tests.workload import wait_until

pytestmark = pytest.mark.live

EXPECTED = """SELECT current_setting('server_version_num')::int,
       (current_setting('data_checksums') = 'on')::int,
       date_part('epoch', pg_conf_load_time()),
       (SELECT timeline_id FROM pg_control_checkpoint()),
       (SELECT date_part('epoch', checkpoint_time) FROM pg_control_checkpoint()),
       (SELECT (redo_lsn - '0/0')::bigint FROM pg_control_checkpoint()),
       (SELECT system_identifier::text FROM pg_control_system())"""


async def test_facts_are_the_servers_own_for_a_role_without_rights(pg: Postgres) -> None:
    with role(pg, "nobody") as options:
        found = await samples(options, "server_facts")

    *numbers, identifier = pg.execute(EXPECTED)[0]
    names = (
        "pg_server_version_num",
        "pg_data_checksums_enabled",
        "pg_conf_load_timestamp_seconds",
        "pg_control_checkpoint_timeline_id",
        "pg_control_checkpoint_timestamp_seconds",
        "pg_control_checkpoint_redo_lsn_bytes",
    )
    assert [found[name][frozenset()] for name in names] == pytest.approx(numbers)
    assert found["pg_server_info"] == {
        frozenset({("cluster_name", ""), ("system_identifier", identifier)}): 1
    }
    assert found["pg_pending_restart_settings"] == {frozenset(): 0}


@pytest.mark.pg(13, 18)
async def test_a_setting_that_waits_for_a_restart_is_counted(pg: Postgres) -> None:
    options = PostgresOptions(dsn=pg.dsn())
    pg.execute("ALTER SYSTEM SET max_connections = 77")
    try:
        pg.execute("SELECT pg_reload_conf()")
        wait_until(lambda: pg.execute("SELECT count(*) FROM pg_settings WHERE pending_restart") == [(1,)])
        found = await samples(options, "server_facts")
    finally:
        pg.execute("ALTER SYSTEM RESET max_connections")
        pg.execute("SELECT pg_reload_conf()")

    assert found["pg_pending_restart_settings"] == {frozenset(): 1}


async def test_extensions_of_each_database_with_their_versions(pg: Postgres) -> None:
    with (
        role(pg, "nobody") as options,
        database(pg, "app", "CREATE EXTENSION pg_stat_statements VERSION '1.4'"),
    ):
        found = await samples(options, "extensions")

    seen = {tuple(sorted(dict(key).items())) for key in found["pg_extension_info"]}
    assert (("datname", "app"), ("name", "pg_stat_statements"), ("version", "1.4")) in seen
    assert {dict(row)["datname"] for row in seen} == {"app", "postgres"}
    assert set(found["pg_extension_info"].values()) == {1}
