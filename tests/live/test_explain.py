"""What `explain` says of collectors, on real servers and without any."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest

from exporter.collectors import discover
from tests.live.doctoring import SECRET, Ran, command
from tests.servers import PgBouncer, Postgres, Redis

pytestmark = pytest.mark.live

Explain = Callable[..., Ran]


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    """explain("wal", postgres__dsn=...): `explain wal` with these settings."""

    def explain(*argv: str, **settings: str) -> Ran:
        return command(monkeypatch, capsys, ["explain", *argv], **settings)

    return explain


def blocks(ran: Ran) -> dict[str, list[str]]:
    """Collector -> the lines of its block."""
    assert ran.code == 0
    parts = [part.splitlines() for part in ran.out.split("\n\n")]
    return {lines[0].split(" ")[0]: lines[1:] for lines in parts}


def fact(lines: list[str], name: str) -> str:
    """One of the facts at the top of a block."""
    (text,) = (line[12:] for line in lines if line.startswith(f"  {name:<9} "))
    return text


def runs(lines: list[str]) -> tuple[str, str]:
    """The heading of what it runs, and that itself."""
    start = next(number for number, line in enumerate(lines) if line.startswith("  runs"))
    end = lines.index("  metrics")
    return lines[start].strip(), "\n".join(line[4:] for line in lines[start + 1 : end])


@pytest.mark.pg(15, 18)
def test_what_is_shown_is_what_this_server_is_asked(pg: Postgres, explain: Explain) -> None:
    shown = blocks(explain(postgres__dsn=pg.dsn()))
    own = {name: lines for name, lines in shown.items() if discover()[name].spec.source == "postgres"}

    running = 0
    with pg.connect() as connection:
        for name, lines in own.items():
            heading, sql = runs(lines)
            if fact(lines, "state") != "running":
                reasons = (
                    "skipped: needs PostgreSQL",
                    "off: ",
                    f"skipped: 127.0.0.1:{pg.port} does not offer TLS",
                    "skipped: postgres.pool_sizes is not set",
                )
                assert fact(lines, "state").startswith(reasons), name
                continue
            running += 1
            assert heading == f"runs on PostgreSQL {pg.major}"
            connection.execute(sql.encode())
            assert fact(lines, "one run").startswith("ok in ")
            assert fact(lines, "target") == f"postgres at 127.0.0.1:{pg.port}"
    assert running >= 15


def test_a_view_that_the_server_is_too_old_for(
    postgres_of: Callable[[int], Postgres], explain: Explain
) -> None:
    old = blocks(explain("stat_io", postgres__dsn=postgres_of(15).dsn()))["stat_io"]
    new = blocks(explain("stat_io", postgres__dsn=postgres_of(18).dsn()))["stat_io"]

    assert fact(old, "state") == "skipped: needs PostgreSQL 16 or newer, the server is 15"
    assert fact(old, "one run").startswith("skipped (version) in ")
    assert runs(old)[0] == "runs on PostgreSQL 18, the newest that has it: the server's 15 does not"
    assert fact(new, "state") == "running"
    assert runs(new)[0] == "runs on PostgreSQL 18"
    assert runs(old)[1] == runs(new)[1]


def test_a_metric_that_the_server_does_not_have(postgres: Postgres, explain: Explain) -> None:
    (lines,) = blocks(explain("stat_wal", postgres__dsn=postgres.dsn())).values()
    metrics = {line.split()[0]: line for line in lines[lines.index("  metrics") + 1 :]}

    assert metrics["pg_stat_wal_records_total"].endswith(" 1 series")
    assert "only on PostgreSQL 14 to 17, 1 series" in metrics["pg_stat_wal_write_total"]


def test_a_right_that_is_missing(fresh_postgres: Postgres, explain: Explain) -> None:
    fresh_postgres.execute(f"CREATE ROLE bare LOGIN PASSWORD '{SECRET}'")
    (lines,) = blocks(explain("wal", postgres__dsn=fresh_postgres.dsn(user="bare", password=SECRET))).values()

    assert fact(lines, "state").startswith("failing: permission denied for function pg_ls_waldir")
    assert fact(lines, "one run").startswith("failed (permission) in ")
    assert fact(lines, "rights") == "pg_ls_waldir()"


def test_all_families_run(postgres: Postgres, redis: Redis, pgbouncer: PgBouncer, explain: Explain) -> None:
    shown = blocks(
        explain(
            postgres__dsn=postgres.dsn(), redis__address=redis.url, pgbouncer__dsn=pgbouncer.dsn(user="stats")
        )
    )

    assert list(shown) == list(discover())
    states = {fact(lines, "state").split(":")[0] for lines in shown.values()}
    assert states <= {"running", "skipped", "off"}
    off = {name for name, lines in shown.items() if fact(lines, "state").startswith("off")}
    assert off == {name for name, found in discover().items() if not found.spec.default} | {"user_queries"}
    assert runs(shown["redis_up"]) == ("runs", "INFO ALL")
    assert runs(shown["pgbouncer_pools"]) == ("runs", "SHOW DATABASES\nSHOW USERS\nSHOW POOLS")
    assert fact(shown["database_size"], "when").startswith("every 60 s, in the background")
    (load,) = (line for line in shown["loadavg"] if "node_load15" in line)
    assert load.endswith(" 1 series")


def test_without_any_server_the_newest_version_is_explained(explain: Explain) -> None:
    shown = blocks(explain("--no-collector.loadavg", "--no-host.enabled"))

    assert list(shown) == list(discover())
    assert fact(shown["stat_wal"], "state") == "off: postgres.dsn is not set, so it has no target"
    assert runs(shown["stat_wal"])[0].startswith("runs on PostgreSQL 18, the newest that has it: no server")
    assert fact(shown["redis_up"], "state").startswith("off: redis.address")
    assert fact(shown["pgbouncer_up"], "state").startswith("off: pgbouncer.dsn")
    assert fact(shown["loadavg"], "state") == "off: collector.loadavg is false"
    assert fact(shown["meminfo"], "state") == "off: host.enabled is false"
    assert "one run" not in "\n".join(line for lines in shown.values() for line in lines)


def test_servers_that_are_down_or_frozen_cost_a_bounded_time(
    fresh_postgres: Postgres, fresh_redis: Redis, explain: Explain
) -> None:
    fresh_redis.stop()
    fresh_postgres.freeze()
    try:
        began = monotonic()
        ran = explain(
            postgres__dsn=fresh_postgres.dsn(),
            redis__address=fresh_redis.url,
            scrape__timeout_seconds="2",
        )
        seconds = monotonic() - began
    finally:
        fresh_postgres.thaw()

    shown = blocks(ran)
    assert seconds < 2 + 2.5
    assert runs(shown["stat_wal"])[0].endswith("the server can't be reached")
    assert fact(shown["stat_wal"], "state").split(":")[0] in ("failing", "late")
    assert fact(shown["redis_up"], "state").startswith("failing: redis at ")
    assert fact(shown["loadavg"], "state") in ("running", "late: not ready when the scrape had to answer")


def test_a_refusing_server_costs_no_time(fresh_postgres: Postgres, explain: Explain) -> None:
    fresh_postgres.stop()
    began = monotonic()
    shown = blocks(explain(postgres__dsn=fresh_postgres.dsn()))

    assert monotonic() - began < 4
    assert fact(shown["postgres_up"], "state").startswith("failing: ")


def test_an_unknown_name_is_exit_2_with_the_nearest(explain: Explain) -> None:
    near, far = explain("stat_wla"), explain("nothing-like-it")

    assert (near.code, near.out) == (2, "")
    assert "did you mean stat_wal?" in near.err
    assert far.code == 2
    assert all(name in far.err for name in discover())
