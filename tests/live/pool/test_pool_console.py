"""How the console is asked: as rarely as it goes, and whatever answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from exporter.model.deadline import Deadline
from exporter.sources.postgres.session import Session
from tests.live.pool.conftest import Page, Scraper
from tests.live.pool.workload import bouncer, client
from tests.servers import PgBouncer, Postgres

pytestmark = pytest.mark.live

Make = Callable[..., Scraper]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that go to the console from now on."""
    found: list[str] = []
    run = Session.run

    async def watched(self: Session, sql: str, deadline: Deadline) -> Any:
        found.append(sql.removeprefix("SHOW "))
        return await run(self, sql, deadline)

    monkeypatch.setattr(Session, "run", watched)
    return found


async def test_a_scrape_asks_each_thing_once_and_settings_once_a_minute(
    fresh_pooler: PgBouncer, scraper: Make, asked: list[str]
) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    first = await one.scrape()
    each = {"VERSION", "LISTS", "STATS_TOTALS", "POOLS", "DATABASES", "CLIENTS", "SERVERS"}
    assert Counter(asked) == Counter({*each, "CONFIG", "MEM", "USERS", "STATE"})
    refused = fresh_pooler.log.count("invalid command")  # STATE, which 1.18 does not know
    asked.clear()
    second = await one.scrape()
    assert Counter(asked) == Counter(each)
    assert second.samples.keys() == first.samples.keys()
    assert fresh_pooler.log.count("invalid command") == refused > 0


async def test_what_is_remembered_is_not_shown_of_one_that_is_gone(
    fresh_pooler: PgBouncer, scraper: Make, asked: list[str]
) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    await one.scrape()
    fresh_pooler.kill()
    page = await one.scrape()
    assert {name for name in page.samples if name.startswith("pgbouncer_")} == {"pgbouncer_up"}
    fresh_pooler.ini["default_pool_size"] = "9"
    fresh_pooler.start()
    asked.clear()
    page = await one.scrape()
    assert page.value("pgbouncer_config_default_pool_size") == 9
    assert "CONFIG" in asked


async def test_limits_and_servers_are_those_of_the_console(pooler: PgBouncer, scraper: Make) -> None:
    with client(pooler, "forced", "web") as connection:
        connection.execute("SELECT 1")
        page = await scraper(pooler.dsn(user="stats")).scrape()
        servers = pooler.console("SHOW SERVERS")
    sizes = {row["name"]: row["pool_size"] for row in pooler.console("SHOW DATABASES")}
    limits = {dict(labels)["database"]: v for labels, v in page.samples["pgbouncer_pools_size_limit"].items()}
    assert {name: sizes[name] for name in limits} == limits
    assert limits["forced"] == 7
    assert page.value("pgbouncer_pools_reserve_limit", database="forced", user="postgres") == 2
    shown = page.samples["pgbouncer_server_connections"]
    assert sum(shown.values()) == len(servers)
    forced = {"database": "forced", "user": "postgres"}
    assert page.value("pgbouncer_server_connections", **forced, application_name="web") >= 1
    assert page.value("pgbouncer_servers_close_needed", **forced) == 0
    _agrees_with_the_pools(page)
    memory = {row["name"]: row["memtotal"] for row in pooler.console("SHOW MEM")}
    for name, total in memory.items():
        assert page.value("pgbouncer_mem_bytes", name=name, kind="total") == total


def _agrees_with_the_pools(page: Page) -> None:
    """SHOW SERVERS and SHOW POOLS count the same, under other names."""
    states = {"active": "active", "idle": "idle", "used": "used", "tested": "testing", "new": "login"}
    for labels, count in page.samples["pgbouncer_server_connections"].items():
        of = dict(labels)
        same = page.samples[f"pgbouncer_pools_server_{states[of['state']]}_connections"]
        assert same[frozenset({("database", of["database"]), ("user", of["user"])})] >= count


async def test_reconnect_marks_servers_to_be_closed(fresh_pooler: PgBouncer, scraper: Make) -> None:
    one = scraper(fresh_pooler.dsn(user="stats"))
    with client(fresh_pooler, "app") as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT 1")
        fresh_pooler.console("RECONNECT app")
        page = await one.scrape()
    assert page.value("pgbouncer_servers_close_needed", database="app") == 1


async def test_the_process_behind_a_pid_file(pooler: PgBouncer, scraper: Make, tmp_path: Path) -> None:
    pid_file = tmp_path / "pgbouncer.pid"
    pid_file.write_text(f"{pooler.pid}\n")
    page = await scraper(pooler.dsn(user="stats"), pid_file=pid_file).scrape()
    process = psutil.Process(pooler.pid)
    found = {n.removeprefix("pgbouncer_process_"): page.value(n) for n in page.samples if "_process_" in n}
    assert found["open_fds"] == pytest.approx(process.num_fds(), abs=2)
    assert f"kernel file descriptor limit: {found['max_fds']:.0f} " in pooler.log
    assert found["resident_memory_bytes"] == pytest.approx(process.memory_info().rss, rel=0.2)
    assert found["virtual_memory_bytes"] == pytest.approx(process.memory_info().vms, rel=0.2)
    assert found["start_time_seconds"] == pytest.approx(process.create_time(), abs=1)
    assert found["cpu_seconds_total"] == pytest.approx(pooler.cpu_seconds(), abs=0.5)
    assert found["network_receive_bytes_total"] > 0
    assert page.kinds["pgbouncer_process_cpu_seconds_total"] == "counter"


async def test_a_postgresql_in_its_place_is_not_up(fresh_postgres: Postgres, scraper: Make) -> None:
    one = scraper(fresh_postgres.dsn())
    page = await one.scrape()
    assert page.value("pgbouncer_up") == 0
    assert "a PostgreSQL server answers here" in page.outcomes["pgbouncer_up"].text
    fresh_postgres.execute("CREATE DATABASE pgbouncer")
    page = await one.scrape()
    assert page.value("pgbouncer_up") == 0
    assert "a PostgreSQL server answers here" in page.outcomes["pgbouncer_up"].text
    assert page.reasons == {"unavailable"}


async def test_eighty_clients_with_names_of_their_own(postgres: Postgres, scraper: Make) -> None:
    with bouncer(postgres, auth_type="trust", max_client_conn="200", pool_mode="transaction") as pooler:
        clients = [client(pooler, "held", f"worker-{number}") for number in range(80)]
        page = await scraper(pooler.dsn(user="stats"), application_names=10).scrape()
        for connection in clients:
            connection.close()
    assert sum(page.samples["pgbouncer_client_connections"].values()) == 81
    assert len(page.samples["pgbouncer_client_connections"]) <= 12
