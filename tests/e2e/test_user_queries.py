"""Files with users' queries in the daemon: what is bad costs itself, what is slow delays nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from exporter.collectors.user_queries.declared import ON_SCRAPE_SECONDS
from tests.e2e.judge import Samples, failed, reasons, timed_scrape, value
from tests.servers import Exporter, Postgres, catalogue, require
from tests.servers.page import samples_of

pytestmark = pytest.mark.live

TIMEOUT = 8.0
GOOD = """
queries:
  orders:
    query: SELECT state, count(*) AS shop_orders FROM orders GROUP BY state
    labels: [state]
    metrics:
      shop_orders: Orders by state.
  by_database:
    query: SELECT count(*) AS shop_relations FROM pg_class WHERE relname = 'orders'
    databases: all
    metrics:
      shop_relations: Tables called orders.
"""
BAD = (
    GOOD
    + """  broken:
    query: SELECT 1; DROP TABLE orders
    metrics:
      shop_broken: Broken.
"""
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Postgres]:
    """A server with a role that finds its tables through its own search_path, and must not write to them."""
    with require(Postgres) as server:
        server.execute(
            "CREATE ROLE watcher LOGIN PASSWORD 'watching' IN ROLE pg_monitor;"
            "ALTER ROLE watcher SET search_path = shop;"
            "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO watcher;"
            "CREATE TABLE shop.orders (state text);"
            "GRANT ALL ON shop.orders TO watcher; INSERT INTO shop.orders VALUES ('new'), ('new'), ('paid')"
        )
        server.execute("CREATE DATABASE other")
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queries.yml"


@pytest.fixture
def exporter(shop: Postgres, file: Path) -> Iterator[Exporter]:
    """The daemon with that file, which the test writes before and after."""
    file.write_text(GOOD)
    dsn = shop.dsn(user="watcher", password="watching")
    with Exporter(postgres__dsn=dsn, postgres__queries_files=str(file)) as daemon:
        timed_scrape(daemon, TIMEOUT)
        yield daemon


def reloaded(exporter: Exporter, file: Path, text: str) -> Samples:
    file.write_text(text)
    assert exporter.post("/-/reload").status == 200
    return timed_scrape(exporter, TIMEOUT)


def by(samples: Samples, name: str, label: str) -> dict[str, float]:
    return {dict(labels)[label]: count for labels, count in samples.get(name, {}).items()}


def load_errors(samples: Samples) -> list[float]:
    return list(samples.get("pg_exporter_user_queries_load_error", {}).values())


def test_good_queries_are_on_the_page(exporter: Exporter) -> None:
    samples = timed_scrape(exporter, TIMEOUT)

    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}
    assert by(samples, "shop_relations", "datname") == {"postgres": 1, "other": 0}
    assert load_errors(samples) == [0]
    assert failed(samples) == set()
    asked = exporter.samples({"collect[]": ["query:orders"]})
    assert "shop_orders" in asked
    assert "shop_relations" not in asked


def test_one_bad_query_of_three(exporter: Exporter, file: Path, shop: Postgres) -> None:
    samples = reloaded(exporter, file, BAD)

    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}
    assert by(samples, "shop_relations", "datname") == {"postgres": 1, "other": 0}
    assert load_errors(samples) == [1]
    assert failed(samples) == {"user_queries"}
    assert f"{file} line 14: broken.query: expected one statement" in exporter.log
    assert shop.execute("SELECT count(*) FROM shop.orders") == [(3,)]


def test_what_the_server_refuses_fails_alone(exporter: Exporter, file: Path, shop: Postgres) -> None:
    text = (
        GOOD
        + """
  typo: {query: SELECT 1 + FROM nowhere, metrics: {m1: M.}}
  unknown: {query: SELECT 1 AS m2 FROM nowhere, metrics: {m2: M.}}
  denied: {query: SELECT 1 AS m3 FROM pg_authid, metrics: {m3: M.}}
  writing: {query: WITH d AS (DELETE FROM orders RETURNING 1) SELECT count(*) AS m4 FROM d, metrics: {m4: M.}}
  divided: {query: SELECT 1/0 AS m5, metrics: {m5: M.}}
"""
    )
    samples = reloaded(exporter, file, text)

    wrong = {f"query:{name}" for name in ("typo", "unknown", "denied", "writing", "divided")}
    assert failed(samples) == wrong
    assert {(name, reason) for name, reason in reasons(samples) if name in wrong} == {
        ("query:typo", "error"),
        ("query:unknown", "unsupported"),
        ("query:denied", "permission"),
        ("query:writing", "error"),
        ("query:divided", "error"),
    }
    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}
    assert shop.execute("SELECT count(*) FROM shop.orders") == [(3,)]
    assert "nowhere" in exporter.log

    before = shop.process.log.read_text().count("nowhere")
    for _ in range(5):
        timed_scrape(exporter, TIMEOUT)
    assert shop.process.log.read_text().count("nowhere") == before, "it rests, and fills no log"


def test_a_query_that_sleeps(exporter: Exporter, file: Path, shop: Postgres) -> None:
    text = GOOD + "  sleeping: {query: 'SELECT 1 AS m FROM pg_sleep(600)', metrics: {m: M.}}\n"
    started = monotonic()
    samples = reloaded(exporter, file, text)
    assert monotonic() - started < ON_SCRAPE_SECONDS + 1
    assert ("query:sleeping", "deadline") in reasons(samples)
    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}, "those behind it have their time"
    assert failed(samples) == {"query:sleeping"}

    started = monotonic()
    for _ in range(3):
        samples = timed_scrape(exporter, TIMEOUT)
        assert failed(samples) == {"query:sleeping"}
    assert monotonic() - started < ON_SCRAPE_SECONDS, "it rests"
    sleep(0.5)
    running = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    )
    assert shop.execute(running) == [(0,)]


def test_in_the_background_nothing_waits(exporter: Exporter, file: Path) -> None:
    query = "'SELECT 7 AS slow_answer FROM pg_sleep(3)'"
    text = f"{GOOD}  slow: {{query: {query}, every_seconds: 60, metrics: {{slow_answer: A.}}}}\n"
    started = monotonic()
    samples = reloaded(exporter, file, text)
    assert monotonic() - started < 2
    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}
    assert ("query:slow", "no_data") in reasons(samples)

    while value(timed_scrape(exporter, TIMEOUT), "slow_answer") != 7:
        assert monotonic() - started < 10
        sleep(0.2)


def test_a_reload_picks_up_the_file_and_keeps_the_sessions(
    exporter: Exporter, file: Path, shop: Postgres
) -> None:
    sessions = "SELECT pid FROM pg_stat_activity WHERE usename = 'watcher' ORDER BY backend_start LIMIT 1"
    before = shop.execute(sessions)
    samples = reloaded(exporter, file, GOOD.replace("shop_orders", "shop_orders_now"))
    assert "shop_orders" not in samples
    assert by(samples, "shop_orders_now", "state") == {"new": 2, "paid": 1}

    file.unlink()
    assert exporter.post("/-/reload").status == 200
    samples = timed_scrape(exporter, TIMEOUT)
    assert "shop_orders_now" not in samples
    assert load_errors(samples) == [1]
    assert value(samples, "pg_up") == 1

    samples = reloaded(exporter, file, GOOD)
    assert by(samples, "shop_orders", "state") == {"new": 2, "paid": 1}
    assert load_errors(samples) == [0]
    assert shop.execute(sessions) == before != []


def test_a_name_that_is_taken_does_not_spoil_the_page(exporter: Exporter, file: Path) -> None:
    text = """
pg_stat_database: {query: SELECT 1 AS numbackends, metrics: [{numbackends: {usage: COUNTER, description: x}}]}
pg_locks: {query: "SELECT 'a' AS datname, 1 AS count", metrics: [{datname: {usage: LABEL}}]}
pg_database:
  query: SELECT datname, 5 AS size_bytes FROM pg_database
  metrics: [{datname: {usage: LABEL}}, {size_bytes: {usage: GAUGE}}]
"""
    samples = reloaded(exporter, file, text)
    page = exporter.scrape()

    assert len(samples["pg_stat_database_numbackends"]) > 1
    assert page.count("# TYPE pg_stat_database_numbackends ") == 1
    assert "# TYPE pg_stat_database_numbackends gauge" in page
    assert {len(labels) for labels in samples["pg_locks_count"]} == {2}
    assert by(samples, "pg_database_size_bytes", "datname").keys() >= {"postgres", "other"}
    assert "pg_stat_database_numbackends is a built-in metric" in exporter.log
    assert failed(samples) == {"user_queries", "query:pg_locks"}


def command(shop: Postgres, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PYTHONPATH": str(catalogue.ROOT),
        "EXPORTER_POSTGRES__DSN": shop.dsn(user="watcher", password="watching"),
        "EXPORTER_POSTGRES__QUERIES_FILES": str(file),
        "PATH": os.environ["PATH"],
    }
    line = [sys.executable, "-m", "exporter", *words]
    return subprocess.run(line, env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_check_names_each_problem_and_its_line(shop: Postgres, file: Path) -> None:
    file.write_text(BAD + "  wrong: {query: SELECT 1 AS x, metrics: {y: Y.}}\n  worse: {qeury: SELECT 1}\n")
    done = command(shop, file, "check", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["findings"]
    errors = {finding["what"]: finding["remedy"] for finding in found if finding["severity"] == "error"}

    for expected in ("14: broken.query: expected one", "18: worse: qeury is not known; did you mean query?"):
        assert any(f"{file} line {expected}" in what for what in errors), errors
    (remedy,) = (remedy for what, remedy in errors.items() if "the result lacks y; it has x" in what)
    assert remedy == "# `datastack-exporter explain query:wrong` shows what it runs"


def test_check_says_that_the_files_are_well(shop: Postgres, file: Path) -> None:
    file.write_text(GOOD)

    assert "ok      postgres.queries_files: 2 queries can be read" in command(shop, file, "check").stdout


def test_explain_and_dump_know_them(shop: Postgres, file: Path) -> None:
    file.write_text(GOOD)
    explained = command(shop, file, "explain", "query:orders")
    dumped = command(shop, file, "dump", "--collector", "query:orders")

    assert "SELECT state, count(*) AS shop_orders FROM orders GROUP BY state" in explained.stdout
    assert "running" in explained.stdout
    assert 'shop_orders{state="new"} 2' in dumped.stdout
    assert "no such collector" in command(shop, file, "explain", "query:order").stderr


def test_each_target_has_its_own(shop: Postgres, tmp_path: Path) -> None:
    targets = {}
    for name in ("first", "second"):
        (tmp_path / name).write_text(
            f"queries: {{q: {{query: SELECT 1 AS shop_{name}, metrics: {{shop_{name}: M.}}}}}}"
        )
        targets[name] = {"postgres": {"dsn": shop.dsn(), "queries_files": [str(tmp_path / name)]}}
    config = tmp_path / "config.yml"
    config.write_text(json.dumps({"targets": targets}))
    with Exporter(config__file=str(config)) as daemon:
        page = daemon.samples()
        probed = samples_of(daemon.get("/probe", params={"target": "second"}).text)
        (tmp_path / "second").write_text("queries: {}")
        assert daemon.post("/-/reload").status == 200
        after = daemon.samples()

    assert {"shop_first", "shop_second"} <= page.keys()
    assert "shop_first" not in probed
    assert "shop_second" in probed
    assert "shop_first" in after
    assert "shop_second" not in after
