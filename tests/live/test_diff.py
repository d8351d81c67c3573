"""The command `diff` beside the exporters that Debian has, on the same servers."""

from __future__ import annotations

import http.server
import json
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple

import pytest

from tests.docs.generated import DOCS
from tests.docs.prose import blocks
from tests.live.doctoring import SECRET, command
from tests.servers import (
    PgBouncer,
    Postgres,
    Redis,
    Upstream,
    node_exporter,
    pgbouncer_exporter,
    postgres_exporter,
    redis_exporter,
    require,
)

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("diff")]


class Ran(NamedTuple):
    """What `diff` did; `found` is its JSON."""

    code: int
    out: str
    err: str
    found: dict[str, Any]

    def missing(self) -> dict[str, str]:
        """Missing metric -> why."""
        return {lost["name"]: lost["why"] for lost in self.found["metrics"]}


Diff = Callable[..., Ran]

OLD = "an old name, and today's is here"
COLUMNS = {
    f"pg_stat_database_{column}": OLD
    for column in (
        "active_time", "idle_in_transaction_time", "session_time", "sessions", "sessions_abandoned",
        "sessions_fatal", "sessions_killed",
    )
}  # fmt: skip
"""What postgres_exporter 0.11 has of PostgreSQL 15 and nothing since: looked through by hand."""


@pytest.fixture
def diff(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diff:
    """diff(url, postgres__dsn=...): `diff --json`; with text=True as people see it."""

    def diff(url: str, *argv: str, text: bool = False, **settings: str) -> Ran:
        form = [] if text else ["--json"]
        ran = command(monkeypatch, capsys, ["diff", url, *form, *argv], **settings)
        found = json.loads(ran.out) if ran.out and not text else {}
        assert not found or found["ok"] is (ran.code == 0)
        return Ran(ran.code, ran.out, ran.err, found)

    return diff


@pytest.fixture(scope="module")
def theirs(postgres: Postgres) -> Iterator[Upstream]:
    """postgres_exporter on the shared server."""
    with require(postgres_exporter, postgres) as exporter:
        yield exporter


def test_a_switch_from_postgres_exporter(theirs: Upstream, postgres: Postgres, diff: Diff) -> None:
    ran = diff(theirs.url, postgres__dsn=postgres.dsn())

    assert ran.code == 1
    assert ran.missing() == COLUMNS
    assert (ran.found["series"], ran.found["labels"], ran.found["types"]) == ([], [], [])
    left_out = {left["what"]: len(left["metrics"]) for left in ran.found["left_out"]}
    assert left_out.keys() == {"server", 'datid="0"'}
    assert left_out["server"] > 250
    assert "postgres_exporter_build_info" in ran.found["own"]


def test_a_collector_that_is_off_is_named_with_its_switch(
    theirs: Upstream, postgres: Postgres, diff: Diff
) -> None:
    ran = diff(theirs.url, "--no-collector.stat-bgwriter", postgres__dsn=postgres.dsn())
    off = {name for name, why in ran.missing().items() if "--collector.stat-bgwriter switches it on" in why}

    assert ran.missing().keys() - off == COLUMNS.keys()
    assert len(off) == 11
    assert all(name.startswith("pg_stat_bgwriter_") for name in off)


QUERIES = "/usr/share/doc/prometheus-postgres-exporter/examples/queries.yaml"


def test_the_names_of_its_queries_file_are_shown_by_a_setting(fresh_postgres: Postgres, diff: Diff) -> None:
    fresh_postgres.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    dsn = fresh_postgres.dsn()
    with require(postgres_exporter, fresh_postgres, f"--extend.query-path={QUERIES}") as old:
        before = diff(old.url, postgres__dsn=dsn).missing()
        after = diff(old.url, "--compat.legacy-names=queries.yaml", postgres__dsn=dsn).missing()

    by_setting = {name for name, why in before.items() if "--compat.legacy-names=queries.yaml" in why}
    assert len(by_setting) == 9  # pg_replication_lag, and eight of pg_statio_user_tables
    assert "pg_replication_lag" in by_setting
    assert by_setting.isdisjoint(after)


def test_without_a_target_everything_is_missing(theirs: Upstream, diff: Diff) -> None:
    ran = diff(theirs.url)

    assert ran.code == 1
    assert "postgres.dsn is not set" in ran.missing()["pg_up"]


def test_a_target_that_is_down_says_so(theirs: Upstream, fresh_postgres: Postgres, diff: Diff) -> None:
    fresh_postgres.stop()
    ran = diff(theirs.url, "--timeout=3", postgres__dsn=fresh_postgres.dsn())

    assert ran.code == 1
    assert "refused" in ran.missing()["pg_locks_count"]
    assert "pg_up" not in ran.missing()


def test_a_switch_from_redis_exporter(fresh_redis: Redis, diff: Diff) -> None:
    fresh_redis.execute("SET", "a", "1")
    with require(redis_exporter, fresh_redis) as exporter:
        ran = diff(exporter.url, "--no-host.enabled", redis__address=fresh_redis.url)

    assert ran.missing() == {}
    assert ran.code == 0
    assert [other["name"] for other in ran.found["types"]] == ["redis_expired_time_cap_reached_total"]


def test_a_switch_from_node_exporter(diff: Diff) -> None:
    with require(node_exporter) as exporter:
        ran = diff(exporter.url)

    unknown = {name for name, why in ran.missing().items() if why == "no collector of this build has it"}
    assert ran.missing().keys() == unknown
    assert {name for name in unknown if name.startswith(("node_cpu", "node_memory", "node_disk"))} == set()
    assert {left["what"].partition("=")[0] for left in ran.found["left_out"]} <= {"device"}
    assert ran.found["labels"] == []


def test_a_switch_from_pgbouncer_exporter(pgbouncer: PgBouncer, diff: Diff) -> None:
    with require(pgbouncer_exporter, pgbouncer) as exporter:
        ran = diff(exporter.url, pgbouncer__dsn=pgbouncer.dsn(user="stats"))

    assert ran.missing() == {
        "pgbouncer_dns_names": OLD,
        "pgbouncer_dns_zones": OLD,
        "pgbouncer_dns_queries": OLD,
        "pgbouncer_dns_pending": "no collector of this build has it",
    }
    today = {lost["name"]: lost["today"] for lost in ran.found["metrics"]}
    assert today["pgbouncer_dns_names"] == "pgbouncer_cached_dns_names"


def test_a_named_target_is_compared_alone(theirs: Upstream, postgres: Postgres, diff: Diff) -> None:
    ran = diff(theirs.url, "--target=orders", targets__orders__postgres__dsn=postgres.dsn())

    assert ran.missing() == COLUMNS


def test_the_report_for_people(theirs: Upstream, postgres: Postgres, diff: Diff) -> None:
    url = theirs.url.replace("://", "://me:" + SECRET.replace("/", "%2F").replace("@", "%40") + "@")
    ran = diff(url, "--no-collector.locks", text=True, postgres__dsn=postgres.dsn())

    assert f": {theirs.url}\n" in ran.out
    assert (
        "\n  collector locks has it and is off: --collector.locks switches it on\n    pg_locks_count  gauge, "
    ) in ran.out
    assert ran.out.splitlines()[-1] == "missing: 8 metrics"
    assert ran.err == ""


def test_an_address_without_a_page_is_one_line_and_exit_2(
    postgres: Postgres, redis: Redis, diff: Diff
) -> None:
    urls = [
        "http://127.0.0.1:1/metrics",
        f"http://me:{SECRET[:6]}@127.0.0.1:{redis.port}/",
        "http://no.invalid/",
    ]
    for url in urls:
        ran = diff(url, text=True, postgres__dsn=postgres.dsn())
        assert (ran.code, ran.out) == (2, "")
        (line,) = ran.err.splitlines()
        assert line.startswith("datastack-exporter: http://")


def test_what_is_no_address_is_a_wrong_configuration(diff: Diff) -> None:
    ran = diff("localhost:9187", text=True)

    assert ran.code == 2
    assert "expected an address like http://localhost:9187/metrics" in ran.err


class _Page(http.server.BaseHTTPRequestHandler):
    answer = (200, b"pg_up 1\n")

    def do_GET(self) -> None:
        status, body = self.answer
        if status == 200 and self.headers["Authorization"] != "Basic bWU6cHc=":
            status, body = 401, b""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)
        if body == b"slow":
            threading.Event().wait(5)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@contextmanager
def serving(status: int, body: bytes) -> Iterator[str]:
    """A page that wants the user `me` with the password `pw`; its address without them."""
    handler = type("Page", (_Page,), {"answer": (status, body)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}/metrics"
        finally:
            server.shutdown()
            thread.join()


def test_basic_authorization(diff: Diff) -> None:
    with serving(200, b"node_nothing 1\n") as address:
        right = diff(f"http://me:pw@{address}", "--no-host.enabled")
        without = diff(f"http://{address}")

    assert right.missing().keys() == {"node_nothing"}
    assert right.found["theirs"]["url"] == f"http://{address}"
    assert (without.code, "answered 401" in without.err) == (2, True)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(404, b"no", "answered 404"), (200, b"<html>\n", "no metric on that page"), (200, b"", "no metric")],
)
def test_pages_that_are_none(status: int, body: bytes, words: str, diff: Diff) -> None:
    with serving(status, body) as address:
        ran = diff(f"http://me:pw@{address}")

    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_odd_lines_and_bytes_hide_no_others(diff: Diff) -> None:
    body = b'pg_locks_count{mode="\xff"} 1\nthis is odd\n\x00{\npg_up one\nnode_nothing 1\n'
    with serving(200, body) as address:
        ran = diff(f"http://me:pw@{address}", "--no-host.enabled")

    assert ran.missing().keys() == {"pg_locks_count", "node_nothing"}
    assert ran.found["theirs"]["invalid_lines"] == 3


def test_a_page_that_never_ends_is_not_waited_for(diff: Diff) -> None:
    with serving(200, b"slow") as address:
        began = monotonic()
        ran = diff(f"http://me:pw@{address}", "--timeout=0.5")

    assert monotonic() - began < 3
    assert ran.code == 2
    assert "--timeout" in ran.err or "timed out" in ran.err


def test_the_steps_of_the_page_can_be_taken(
    theirs: Upstream,
    postgres: Postgres,
    diff: Diff,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [line for block in blocks(DOCS / "migrating.md", "sh") for line in block.text.splitlines()]
    (variable,) = (line.split()[1] for line in lines if line.startswith("export "))
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("datastack-exporter ")]
    assert variable.startswith("EXPORTER_POSTGRES__DSN=")
    assert [argv[0] for argv in commands] == ["check", "diff", "diff"]

    checked = command(monkeypatch, capsys, [*commands[0], "--json"], postgres__dsn=postgres.dsn())
    assert checked.code == 0
    for _, url, *options in commands[1:]:
        assert url == "http://localhost:9187/metrics"
        assert diff(theirs.url, *options, postgres__dsn=postgres.dsn()).missing() == COLUMNS
