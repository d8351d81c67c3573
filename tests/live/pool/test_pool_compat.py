"""What other exporters' users, alerts and dashboards look for is on our page of a real PgBouncer."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch

import pytest

from tests.docs.upstream import lines
from tests.live.pool.conftest import Page, Scraper
from tests.live.pool.workload import bouncer, client
from tests.servers import PgBouncer, Postgres, pgbouncer_exporter, require

pytestmark = pytest.mark.live

Make = Callable[..., Scraper]

UPSTREAM = [line for line in lines("upstream_names.tsv") if line["metric"].startswith("pgbouncer_")]
EXCEPTIONS = lines("pool_exceptions.tsv")
DEBIAN = {line["metric"]: line for line in lines("pgbouncer_debian_exceptions.tsv")}

# What Debian's 1.18 has no column or command for; the recordings of newer versions show these.
NEWER = (
    *("pgbouncer_state", "pgbouncer_peer_pools_*", "pgbouncer_servers_prepared_statements"),
    *("pgbouncer_users_*", "pgbouncer_databases_*client_connections", "pgbouncer_databases_server_lifetime*"),
    *("pgbouncer_stats_totals_*parses_total", "pgbouncer_stats_totals_binds_total"),
    *("pgbouncer_stats_totals_server_assignments_total", "pgbouncer_stats_totals_client_logins_total"),
)


@pytest.fixture
async def page(pooler: PgBouncer, scraper: Make, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Of a PgBouncer with a client, and its pid file."""
    pid_file = tmp_path_factory.mktemp("pgbouncer") / "pgbouncer.pid"
    pid_file.write_text(f"{pooler.pid}\n")
    with client(pooler, "app") as connection:
        connection.execute("SELECT 1")
        return await scraper(pooler.dsn(user="stats"), pid_file=pid_file).scrape()


def excepted(name: str, patterns: object) -> bool:
    return any(fnmatch(name, str(pattern)) for pattern in patterns)  # type: ignore[attr-defined]


async def test_every_name_of_upstream_is_there(page: Page) -> None:
    wanted = {line["metric"] for line in UPSTREAM}
    wanted -= {name for name in wanted if excepted(name, [*NEWER, *(e["metric"] for e in EXCEPTIONS)])}
    assert {name for name in wanted if not any(fnmatch(shown, name) for shown in page.samples)} == set()
    assert len(wanted) > 55
    for line in UPSTREAM:
        for labels in page.samples.get(line["metric"], {}):
            assert {name for name, _ in labels} == {*filter(None, line["labels"].split(","))}, line


async def test_public_alerts_and_dashboards_select_what_there_is(page: Page) -> None:
    missing = [
        (line["from"], line["metric"])
        for line in lines("pgbouncer_mixin_names.tsv")
        if not any(
            {*filter(None, line["labels"].split(","))} <= dict(labels).keys()
            for labels in page.samples.get(line["metric"], {})
        )
    ]
    assert missing == []


async def test_side_by_side_with_debians_exporter(pooler: PgBouncer, scraper: Make) -> None:
    with client(pooler, "app") as connection, require(pgbouncer_exporter, pooler) as upstream:
        connection.execute("SELECT 1")
        await scraper(pooler.dsn(user="stats")).scrape()  # so that both are clients of the console
        theirs = upstream.parsed()
        ours = await scraper(pooler.dsn(user="stats")).scrape()
    compared = 0
    for family in theirs.values():
        for sample in family.samples:
            if not sample.name.startswith("pgbouncer_"):
                continue
            name = DEBIAN.get(sample.name, {"ours": sample.name})["ours"]
            if name:
                compared += 1
                assert ours.kinds[name] == family.type
                near = 2 if name.endswith("_clients") else 0  # another scraper makes one more
                assert ours.value(name, **sample.labels) == pytest.approx(sample.value, abs=near), name
    assert compared >= 11
    assert DEBIAN.keys() <= {sample.name for family in theirs.values() for sample in family.samples}


async def test_the_two_generations_of_names_are_both_there(page: Page) -> None:
    new = {n: v for n, v in page.samples.items() if n.startswith("pgbouncer_stats_totals_")}
    old = {n: page.samples[n.replace("_totals", "")] for n in new if n.replace("_totals", "") in page.samples}
    assert len(old) == 7
    assert old == {name: new[name] for name in old}


async def test_application_names_are_bounded_as_set(postgres: Postgres, scraper: Make) -> None:
    with bouncer(postgres) as pooler:
        names = ("web", "web", "web", "web", "job", "cli")
        clients = [client(pooler, "forced", application_name=name) for name in names]
        for connection in clients:
            connection.execute("SELECT 1")
        shown = {}
        for most in (0, 1, 50):
            page = await scraper(pooler.dsn(user="stats"), application_names=most).scrape()
            found = page.samples["pgbouncer_client_connections"]
            forced = {dict(k)["application_name"]: v for k, v in found.items() if ("database", "forced") in k}
            shown[most] = forced
        for connection in clients:
            connection.close()
    assert shown == {0: {"": 6}, 1: {"web": 4, "other": 2}, 50: {"web": 4, "job": 1, "cli": 1}}
