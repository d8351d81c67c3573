"""The commands that analyze, as people call them: what they say, what they write, and how they end."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from exporter.cli import main
from exporter.demo.process import free_port
from tests.servers import Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("analyze")]

PASSWORD = "hunter2"
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "autovacuum": "off"}
SCHEMA = f"""
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, email text, country text);
CREATE TABLE shop.orders (
    id int PRIMARY KEY, customer_id int REFERENCES shop.customers, total int, note text);
CREATE TABLE shop.hidden (id int PRIMARY KEY);
INSERT INTO shop.customers SELECT i, i || '@example.org', 'c' || i % 20 FROM generate_series(1, 12000) AS i;
INSERT INTO shop.orders SELECT i, i % 12000 + 1, i % 977, repeat('x', 60) FROM generate_series(1, 40000) AS i;
CREATE INDEX orders_total ON shop.orders (total);
CREATE INDEX orders_total_again ON shop.orders (total);
ANALYZE;
CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor;
CREATE ROLE web LOGIN PASSWORD 'secret';
GRANT USAGE ON SCHEMA shop TO watcher, web;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO watcher, web;
REVOKE ALL ON shop.hidden FROM watcher;
"""
LOOKUP = "SELECT id FROM shop.orders WHERE customer_id = 7"
PREPARED = "PREPARE lookup AS SELECT id FROM shop.orders WHERE customer_id = $1"
"""The same statement: pg_stat_statements counts EXECUTE under the text of the PREPARE."""
JOIN = (
    "SELECT count(*) FROM shop.orders o LEFT JOIN shop.customers c ON c.id = o.customer_id GROUP BY c.country"
)
WORKLOAD = (
    LOOKUP,
    JOIN,
    "SELECT id FROM shop.orders WHERE total = 7",
    "SELECT note FROM shop.orders WHERE id = 7",
    "UPDATE shop.orders SET note = 'y' WHERE id = 7",
    "SELECT count(*) FROM shop.hidden",
    "SET work_mem = '8MB'",
)
"""As the role `web`; a LEFT JOIN, so that the names of nodes are of several parts."""


LEFT_OUT = ("Output:", "Inner Unique:", "Query Identifier:")
"""What VERBOSE says of a plan, and we do not."""


class Said(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with require(Postgres, 18, settings=SETTINGS) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        server.execute(SCHEMA)
        server.execute("CREATE DATABASE bare")
        yield server


@pytest.fixture
def run(server: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command beside the server after some use of it; `user` and `dbname` are the exporter's."""
    server.execute("SELECT pg_stat_statements_reset()")
    with server.connect(user="web", password="secret") as session:
        for sql in WORKLOAD * 8:
            session.execute(sql.encode())
        session.execute(PREPARED)
        for _ in range(4):
            session.execute("EXECUTE lookup(7)")

    def run(*arguments: str, user: str = "watcher", dbname: str = "postgres") -> Said:
        password = "postgres" if user == "postgres" else PASSWORD
        dsn = server.dsn(user=user, password=password, dbname=dbname)
        monkeypatch.setenv("EXPORTER_POSTGRES__DSN", dsn)
        monkeypatch.setenv("COLUMNS", "120")
        capsys.readouterr()
        code = main(arguments)
        return Said(code, *capsys.readouterr())

    return run


def id_of(run: Run, text: str) -> str:
    """The id of the statement that begins so."""
    document = json.loads(run("analyze", "--no-plans", "--format", "json").out)
    (found,) = {s["id"] for s in document["statements"] if s["query"].startswith(text)}
    return str(found)


def test_a_report_names_the_statement_the_reason_and_the_remedy(run: Run) -> None:
    said = run("analyze")

    assert (said.code, said.err) == (0, "")
    assert "Missing index on shop.orders (customer_id)" in said.out
    assert "calls: 12; time in all:" in said.out
    assert re.search(r"Foreign key .* has no index", said.out) is None, "it is the same index"
    assert "does nothing that orders_total does not do" in said.out
    assert [line for line in said.out.splitlines() if line != line.rstrip()] == []
    assert "\x1b" not in said.out
    # What was not looked at, with what would change that.
    assert re.search(r"plans of \d+ of \d+ statements", said.out)
    assert "deploy/sql/explain_helper.sql" in said.out
    assert "--observe 60" in said.out


def test_the_exit_code_is_that_of_the_worst_that_matters(run: Run) -> None:
    assert run("analyze", "--fail-on", "critical").code == 1, "test servers have fsync off"
    table = ("analyze", "--table", "shop.orders", "--format", "json", "--fail-on")
    said = run(*table, "critical")
    findings = json.loads(said.out)["findings"]

    assert {finding["subject"] for finding in findings} <= {
        "shop.orders", "shop.orders_total", "shop.orders_total_again",
    }  # fmt: skip
    assert said.code == int(any(finding["severity"] == "critical" for finding in findings)) == 0
    assert run(*table, "info").code == 1


def test_it_writes_where_it_is_told(run: Run, tmp_path: Path) -> None:
    page, text = tmp_path / "report.html", tmp_path / "report.txt"

    assert run("analyze", "--no-plans", "--format", "html", "--output", str(page)) == (0, "", "")
    assert run("analyze", "--no-plans", "--output", str(text)) == (0, "", "")
    nowhere = run("analyze", "--output", str(tmp_path / "nowhere" / "report.txt"))

    assert page.read_text().startswith("<!doctype html>")
    assert "Statements by time" in text.read_text()
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "there is no folder" in nowhere.err


@pytest.mark.parametrize("command", ["analyze", "suggest-indexes"])
def test_what_is_not_there_is_no_good_news(run: Run, command: str) -> None:
    table = run(command, "--table", "shop.nowhere")
    database = run(command, "--database", "nowhere")

    assert (table.code, database.code) == (2, 2)
    assert table.out == database.out == ""
    assert "there is no table shop.nowhere" in table.err
    assert 'database "nowhere" does not exist' in database.err


def test_without_the_extension_it_says_so_and_still_looks_at_the_rest(run: Run) -> None:
    said = run("analyze", "--observe", "1", dbname="bare")

    assert said.code == 0
    assert "statements, and so missing indexes and anti-patterns: No extension pg_stat_statements" in said.out
    assert "fsync is off" in said.out


def test_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = f"postgresql://watcher:{PASSWORD}@127.0.0.1:{free_port()}/x"
    monkeypatch.setenv("EXPORTER_POSTGRES__DSN", dsn)
    for command in (
        ("analyze",),
        ("suggest-indexes",),
        ("plan", "1"),
        ("stats", "reset", "statements", "--yes"),
    ):
        assert main(command) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Connection refused" in captured.err
        assert captured.err.count("\n") == 1
        assert PASSWORD not in captured.err


@pytest.fixture
def indexes_as_before(server: Postgres) -> Iterator[None]:
    """What a test does to the indexes of shop.orders ends with it."""
    find = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'shop' AND tablename = 'orders'"
    before = dict(server.execute(find))
    yield
    after = dict(server.execute(find))
    for name in after.keys() - before.keys():
        server.execute(f"DROP INDEX shop.{name}")
    for name in before.keys() - after.keys():
        server.execute(before[name])


@pytest.mark.usefixtures("indexes_as_before")
def test_suggested_statements_run_and_are_not_suggested_again(run: Run, server: Postgres) -> None:
    script = run("suggest-indexes", "--format", "sql").out
    with server.connect() as session:
        for line in script.splitlines():
            if line and not line.startswith("--"):
                session.execute(line.encode())
    again = run("suggest-indexes", "--format", "json")

    assert "ON shop.orders (customer_id)" in script
    assert "DROP INDEX CONCURRENTLY shop.orders_total" in script
    assert {"missing_index", "duplicate_index"} & {
        f["kind"] for f in json.loads(again.out)["findings"]
    } == set()
    assert json.loads(again.out)["gaps"]


def test_a_plan_is_that_of_the_server(run: Run, server: Postgres) -> None:
    key = id_of(run, "SELECT count(*) FROM shop.orders o")
    said = run("plan", key[:6])
    explain = f"EXPLAIN (VERBOSE, GENERIC_PLAN) {JOIN}"
    lines = [str(line) for (line,) in server.execute(explain)]

    assert said.code == 0
    shown = said.out.splitlines()
    assert shown[1].startswith(f"id {key}, database postgres, role web: 8 calls, ")
    assert shown[4:] == [line for line in lines if not line.strip().startswith(LEFT_OUT)]


def test_a_plan_by_queryid(run: Run, server: Postgres) -> None:
    find = "SELECT queryid FROM pg_stat_statements WHERE query LIKE 'SELECT note FROM shop.orders%'"
    ((queryid,),) = server.execute(find)

    document = json.loads(run("plan", str(queryid), "--format", "json").out)

    assert (document["outcome"], document["plan"]["Index Name"]) == ("ok", "orders_pkey")


def test_why_there_is_no_plan(run: Run) -> None:
    hidden, setting = id_of(run, "SELECT count(*) FROM shop.hidden"), id_of(run, "SET")
    no_right, utility = run("plan", hidden), run("plan", setting)
    superuser, unknown = run("plan", hidden, user="postgres"), run("plan", "nothing")

    assert (no_right.code, utility.code, superuser.code, unknown.code) == (1, 1, 1, 2)
    assert "the role has no rights on a table (permission denied for table hidden)" in no_right.out
    assert "explain_helper.sql" in no_right.out
    assert "utility statements have none" in utility.out
    assert "the role is a superuser" in superuser.out
    assert "no statement has the id 'nothing'" in unknown.err


def test_statistics_are_reset_by_who_may_and_is_sure(
    run: Run, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset = ("stats", "reset", "statements")
    calls = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%shop.orders%'"
    unasked, refused = run(*reset), run(*reset, "--yes")
    server.execute("GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO watcher")
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        os.write(ours, b"n\n")
        declined = run(*reset)
        still_there = server.execute(calls)
        os.write(ours, b"y\n")
        done = run(*reset)
    os.close(ours)

    assert (unasked.code, refused.code, declined.code, done.code) == (2, 2, 1, 0)
    assert "--yes is needed" in unasked.err
    assert "GRANT EXECUTE ON FUNCTION public.pg_stat_statements_reset TO" in refused.err
    assert "nothing was reset" in declined.err
    assert still_there[0][0] > 0
    assert server.execute(calls)[0][0] <= 1, "that of this test itself"
    assert re.search(r"statistics reset.* by=\w+", done.out + done.err)
