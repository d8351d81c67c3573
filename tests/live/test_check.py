"""The doctor on real servers: what it prints mends what it found."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest

from tests.live.doctoring import SECRET, Ran, command, psql
from tests.servers import MAJORS, PgBouncer, Postgres, Redis, require
from tests.servers.catalogue import ROOT

pytestmark = pytest.mark.live

Check = Callable[..., Ran]
HELPER = ROOT / "deploy" / "sql" / "explain_helper.sql"
NASTY = "we\"ird; ro'le \x1b[2J"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """check(postgres__dsn=...): `check --json` with these settings; check(text=True, ...) without --json."""

    def check(*argv: str, text: bool = False, **settings: str) -> Ran:
        return command(monkeypatch, capsys, ["check", *([] if text else ["--json"]), *argv], **settings)

    return check


def create(server: Postgres, role: str, options: str = "") -> str:
    """Makes a login role, and returns its connection URI."""
    quoted = '"' + role.replace('"', '""') + '"'
    server.execute(f"CREATE ROLE {quoted} LOGIN PASSWORD '{SECRET}' {options}")
    return server.dsn(user=role, password=SECRET)


def remedies(ran: Ran, target: str) -> str:
    return "\n".join(finding["remedy"] for finding in ran.of(target, "advice", "error"))


CLOSED = 'clo"sed'
STRICT = "default_transaction_isolation = 'serializable'"


@pytest.fixture
def bare(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server that lacks what it can: it preloads another library, and has data that not all may read."""
    with require(Postgres, request.param, settings={"shared_preload_libraries": "auto_explain"}) as server:
        server.execute('CREATE DATABASE "clo""sed"')
        server.execute('REVOKE CONNECT ON DATABASE "clo""sed" FROM PUBLIC')
        server.execute('CREATE SCHEMA "o\'dd"; CREATE TABLE "o\'dd".orders (id serial)', dbname=CLOSED)
        server.execute("CREATE EXTENSION pg_stat_statements VERSION '1.7'")
        yield server


def mended(server: Postgres, check: Callable[[], Ran], rounds: int) -> list[Ran]:
    """The checks, until one is clean; between two, what the first says is done, and the server restarted."""
    ran = [check()]
    while ran[-1].of("postgres", "advice", "error") and len(ran) <= rounds:
        psql(server, remedies(ran[-1], "postgres"))
        server.restart()
        ran.append(check())
    assert ran[-1].of("postgres", "advice", "error") == []
    return ran


every_version = pytest.mark.parametrize("bare", MAJORS, indirect=True, ids=[f"pg{m}" for m in MAJORS])


@every_version
def test_a_role_with_nothing_is_mended(bare: Postgres, check: Check) -> None:
    dsn = create(bare, NASTY, "NOINHERIT CONNECTION LIMIT 2")
    quoted = '"' + NASTY.replace('"', '""') + '"'
    bare.execute(f"ALTER ROLE {quoted} IN DATABASE postgres SET {STRICT}")
    on = ["--collector.stat-user-functions", "--collector.buffercache-summary"]

    # Only a member of pg_monitor sees which libraries are loaded, and only a guest of a database its tables.
    ran = mended(bare, lambda: check(*on, postgres__dsn=dsn), rounds=3)

    assert ran[0].code == 1
    found = [finding["what"] for finding in ran[0].of("postgres", "error")]
    errors = [what for what in found if "too many connections" not in what]
    assert "the role does not have the rights of pg_monitor: " in errors[0]
    assert "connection limit of 2" in errors[1]
    assert f"database {CLOSED}: the role may not connect" in errors
    cache = "extension pg_buffercache is not in database postgres: nothing to read for buffercache_summary"
    assert errors[3:] == ([cache] if bare.major >= 16 else [])
    assert bare.execute("SHOW shared_preload_libraries") == [("auto_explain, pg_stat_statements",)]
    assert bare.execute("SHOW track_functions") == [("pl",)]


@every_version
def test_a_member_of_pg_monitor_is_mended(bare: Postgres, check: Check) -> None:
    dsn = create(bare, "member", "IN ROLE pg_monitor")
    bare.execute('GRANT CONNECT ON DATABASE "clo""sed" TO member')
    if bare.major >= 14:
        bare.execute("ALTER SYSTEM SET compute_query_id = off")
        bare.restart()
    ran = mended(bare, lambda: check(postgres__dsn=dsn), rounds=2)

    assert [one.code for one in ran] == [0] * len(ran)
    advice = "\n".join(finding["what"] for finding in ran[0].of("postgres", "advice"))
    for words in (
        "tables that the role may not read", "sequences that the role may not read",
        "pg_stat_statements is not loaded", "extension pg_stat_statements is 1.7 in database postgres",
        "track_io_timing is off", "track_activity_query_size is 1024",
    ):  # fmt: skip
        assert words in advice


@every_version
def test_a_superuser_is_told_how_to_do_without(bare: Postgres, check: Check) -> None:
    first = check(postgres__dsn=bare.dsn())
    advice = first.of("postgres", "advice")[0]
    assert first.code == 0
    assert "superuser" in advice["what"]
    assert first.of("postgres", "error") == []

    psql(bare, remedies(first, "postgres"))
    bare.execute(f"ALTER ROLE exporter PASSWORD '{SECRET}'")
    bare.restart()
    own = bare.dsn(user="exporter", password=SECRET)
    ran = mended(bare, lambda: check(postgres__dsn=own), rounds=1)
    assert [one.code for one in ran] == [0] * len(ran)


@pytest.mark.parametrize("bare", [18], indirect=True, ids=["pg18"])
def test_a_role_that_asks_for_plans_is_mended(bare: Postgres, check: Check) -> None:
    """Up to what the script gives, which is the last that is missing."""
    dsn = create(bare, "exporter", "IN ROLE pg_monitor REPLICATION")
    bare.execute("GRANT pg_signal_backend TO exporter")
    bare.execute("GRANT CONNECT ON DATABASE postgres TO exporter")
    bare.execute('GRANT CONNECT ON DATABASE "clo""sed" TO exporter')
    bare.execute('ALTER SCHEMA "o\'dd" RENAME TO app', dbname=CLOSED)
    ask = functools.partial(check, "--collector.query-plans", postgres__dsn=dsn)

    def about_plans(ran: Ran) -> list[str]:
        return [f["what"] for f in ran.of("postgres", "advice") if f["what"].startswith("query_plans: ")]

    first = ask()
    (refused,) = about_plans(first)
    assert "which has pg_signal_backend, REPLICATION" in refused
    psql(bare, remedies(first, "postgres"))
    bare.restart()
    second = ask()
    psql(bare, remedies(second, "postgres"))
    (missing,) = about_plans(second)
    assert f"DELETE in {CLOSED}: the function that asks for them is not there" in missing
    with psycopg.connect(bare.dsn(dbname=CLOSED), autocommit=True) as connection:
        connection.execute(HELPER.read_bytes())
        connection.execute("REVOKE EXECUTE ON FUNCTION datastack_exporter.explain_prepared FROM exporter")
    third = ask()
    (unused,) = about_plans(third)
    assert "is there, but the role may not call it" in unused
    psql(bare, remedies(third, "postgres"))
    bare.restart()

    last = ask()
    assert last.of("postgres", "advice", "error") == []
    assert "query_plans may ask for plans" in " ".join(f["what"] for f in last.of("postgres", "ok"))


@pytest.mark.pg(13, 15, 18)
def test_what_gives_the_same_where_pg_monitor_can_not_be_granted(pg: Postgres, check: Check) -> None:
    dsn = create(pg, "poor")
    try:
        (error,) = check(postgres__dsn=dsn).of("postgres", "error")
        lines = [line for line in error["remedy"].splitlines() if line.startswith("--   GRANT")]
        psql(pg, "\n".join(line.removeprefix("--   ") for line in lines))
        after = check(postgres__dsn=dsn)
        assert after.of("postgres", "error") == []
    finally:
        pg.execute("DROP OWNED BY poor; DROP ROLE poor")

    assert "GRANT EXECUTE ON FUNCTION pg_ls_waldir()" in "\n".join(lines)
    assert pg.execute("SELECT FROM pg_roles WHERE rolname = 'poor'") == []


def test_a_healthy_stack_is_all_ok(redis: Redis, check: Check) -> None:
    settings = {
        "shared_preload_libraries": "pg_stat_statements", "track_io_timing": "on",
        "track_wal_io_timing": "on", "track_activity_query_size": "4096",
    }  # fmt: skip
    with require(Postgres, settings=settings) as server:
        server.execute("CREATE EXTENSION pg_stat_statements")
        dsn = create(server, "member", "IN ROLE pg_monitor")
        server.execute("ALTER ROLE member SET pg_stat_statements.track = 'none'")
        ran = check(postgres__dsn=dsn, redis__address=redis.url)

    assert ran.code == 0
    assert {finding["severity"] for finding in ran.findings} == {"ok"}
    assert ran.of("postgres")[0]["what"].startswith("PostgreSQL 15.")
    assert ran.of("redis")[0]["what"].startswith("Redis 7.0.")
    assert len(ran.of("host")) == 2


def test_the_narrower_role_where_that_is_enough(postgres: Postgres, check: Check) -> None:
    dsn = create(postgres, "poor")
    off = [f"--no-collector.{name}" for name in ("wal", "server-files", "server-facts")]
    try:
        (error,) = check(*off, postgres__dsn=dsn).of("postgres", "error")
        psql(postgres, error["remedy"])
        after = check(*off, postgres__dsn=dsn)
    finally:
        postgres.execute("DROP ROLE poor")

    assert error["remedy"] == 'GRANT pg_read_all_stats TO "poor";'
    assert after.code == 0


def test_a_revoked_right_is_an_error_with_its_grant(fresh_postgres: Postgres, check: Check) -> None:
    dsn = create(fresh_postgres, "member", "IN ROLE pg_monitor")
    fresh_postgres.execute("REVOKE EXECUTE ON FUNCTION pg_ls_waldir() FROM pg_monitor")
    (error,) = check(postgres__dsn=dsn).of("postgres", "error")

    assert error["what"] == "collector wal: the role may not call pg_ls_waldir()"
    assert "--no-collector.wal" in error["remedy"]
    assert check("--no-collector.wal", postgres__dsn=dsn).code == 0
    psql(fresh_postgres, error["remedy"])
    assert check(postgres__dsn=dsn).code == 0


def test_a_password_that_everybody_may_read(postgres: Postgres, check: Check, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("postgres")
    settings = {"postgres__dsn": postgres.dsn(), "postgres__password_file": str(file)}
    file.chmod(0o644)
    (advice,) = check(**settings).of("configuration")
    subprocess.run(shlex.split(advice["remedy"]), check=True)

    assert check(**settings).of("configuration") == []


def test_what_the_process_writes_and_serves(check: Check, tmp_path: Path) -> None:
    ran = check(
        "--collector.statement-anomalies",
        slow_queries__directory=str(tmp_path / "gone"),
        postgres__history_file=str(tmp_path / "gone" / "history"),
        api__enabled="true",
        api__jwt_secret_file=str(tmp_path / "secret"),
    )

    assert ran.code == 1
    found = {finding["what"].partition(":")[0] for finding in ran.of("configuration", "error")}
    assert found == {"slow_queries.directory", "postgres.history_file", "api.jwt_secret_file"}
    assert list(tmp_path.iterdir()) == []


def test_each_refused_login_is_one_error_whose_remedy_mends_it(
    fresh_postgres: Postgres, check: Check
) -> None:
    server = fresh_postgres

    def refused(dsn: str, words: str) -> str:
        ran = check(postgres__dsn=dsn)
        (error,) = ran.of("postgres", "advice", "error")
        assert ran.code == 1
        assert words in error["what"]
        assert len(ran.of("postgres")) == 1
        return error["remedy"]

    nologin = create(server, "sleeper", "IN ROLE pg_monitor")
    server.execute("ALTER ROLE sleeper NOLOGIN")
    psql(server, refused(nologin, "is not permitted to log in"))
    assert check(postgres__dsn=nologin).code == 0

    server.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    psql(server, refused(nologin, "permission denied for database"))
    assert check(postgres__dsn=nologin).code == 0

    server.execute("ALTER ROLE sleeper CONNECTION LIMIT 0")
    psql(server, refused(nologin, "too many connections for role"))
    assert check(postgres__dsn=nologin).code == 0

    wrong = refused(server.dsn(user="sleeper", password=SECRET + "x"), "password authentication failed")
    assert r"\password" in wrong
    refused(server.dsn(dbname="nowhere"), 'database "nowhere" does not exist')


def test_the_missing_line_of_pg_hba(check: Check) -> None:
    rule = "host all postgres 127.0.0.1/32 scram-sha-256\n"
    with require(Postgres, hba=rule) as server:
        dsn = create(server, "watcher", "IN ROLE pg_monitor")
        (error,) = check(postgres__dsn=dsn).of("postgres", "error")
        assert "no pg_hba.conf entry" in error["what"]

        file = server.process.data / "pg_hba.conf"
        file.write_text(f"{rule}{error['remedy']}\n")
        server.execute("SELECT pg_reload_conf()")
        sleep(0.2)
        assert check(postgres__dsn=dsn).code == 0


@pytest.mark.parametrize("version", ["6.2", "7.0", "8.2"])
def test_the_acl_rule_makes_the_next_check_clean(
    version: str, redis_of: Callable[[str], Redis], check: Check
) -> None:
    server = redis_of(version)
    server.execute("ACL", "SETUSER", "poor", "on", f">{SECRET}", "-@all", "+ping")
    settings = {
        "redis__address": f"127.0.0.1:{server.port}",
        "redis__username": "poor",
        "redis__password": SECRET,
    }
    try:
        first = check(**settings)
        (error,) = first.of("redis", "advice", "error")
        rule, remark = error["remedy"].splitlines()
        assert first.code == 1
        assert {"+info", "+config|get", "+slowlog|get"} <= set(rule.split())
        assert remark.startswith("# ")

        server.execute(*rule.split())
        second = check(**settings)
    finally:
        server.execute("ACL", "DELUSER", "poor")
    assert second.code == 0
    assert second.of("redis", "advice", "error") == []


def test_logins_that_redis_refuses(check: Check) -> None:
    with require(Redis, password=SECRET) as server:
        address = f"127.0.0.1:{server.port}"
        (missing,) = check(redis__address=address).of("redis")
        (wrong,) = check(redis__address=address, redis__password=SECRET + "x").of("redis")
        right = check(redis__address=address, redis__password=SECRET)

    assert "redis.password" in missing["remedy"]
    assert "ACL LIST" in wrong["remedy"]
    assert (missing["severity"], wrong["severity"], right.code) == ("error", "error", 0)


def test_a_replica_is_worth_a_word(fresh_redis: Redis, redis: Redis, check: Check) -> None:
    fresh_redis.execute("REPLICAOF", "127.0.0.1", redis.port)
    ran = check(redis__address=fresh_redis.url)
    fresh_redis.execute("REPLICAOF", "NO", "ONE")

    (advice,) = ran.of("redis", "advice")
    assert ran.code == 0
    assert f"replica of 127.0.0.1:{redis.port}" in advice["what"]


def test_the_line_of_stats_users(postgres: Postgres, check: Check) -> None:
    with require(PgBouncer, postgres, ini={"stats_users": "somebody"}) as pooler:
        dsn = pooler.dsn(user="stats")
        (error,) = check(pgbouncer__dsn=dsn).of("pgbouncer")
        assert error["severity"] == "error"
        (line,) = (line for line in error["remedy"].splitlines() if not line.startswith(";"))

        ini = pooler.folder / "pgbouncer.ini"
        ini.write_text(ini.read_text().replace("stats_users = somebody", line))
        pooler.console("RELOAD")
        second = check(pgbouncer__dsn=dsn)
    assert second.code == 0
    assert second.of("pgbouncer")[0]["what"].startswith("PgBouncer 1.")


def test_the_line_of_the_auth_file(postgres: Postgres, check: Check) -> None:
    with require(PgBouncer, postgres, ini={"stats_users": "newcomer"}) as pooler:
        dsn = pooler.dsn(user="newcomer", password="pw")
        (error,) = check(pgbouncer__dsn=dsn).of("pgbouncer")
        (line,) = (line for line in error["remedy"].splitlines() if not line.startswith(";"))

        users = pooler.folder / "users.txt"
        users.write_text(users.read_text() + line.replace("...", "pw") + "\n")
        pooler.console("RELOAD")
        assert check(pgbouncer__dsn=dsn).code == 0


def test_frozen_targets_are_reported_and_not_waited_for(
    fresh_postgres: Postgres, fresh_redis: Redis, postgres: Postgres, check: Check
) -> None:
    with require(PgBouncer, postgres) as pooler:
        servers = (fresh_postgres, fresh_redis, pooler)
        for server in servers:
            server.freeze()
        try:
            began = monotonic()
            ran = check(
                postgres__dsn=fresh_postgres.dsn(),
                redis__address=fresh_redis.url,
                pgbouncer__dsn=pooler.dsn(),
                scrape__timeout_seconds="2",
            )
            seconds = monotonic() - began
        finally:
            for server in servers:
                server.thaw()

    assert ran.code == 1
    assert seconds < 2 + 2.5
    for name in ("postgres", "redis", "pgbouncer"):
        (finding,) = ran.of(name)
        assert finding["severity"] == "error"
    assert {finding["severity"] for finding in ran.of("host")} == {"ok"}


def test_dead_targets_are_one_error_each(fresh_postgres: Postgres, fresh_redis: Redis, check: Check) -> None:
    dsn, url = create(fresh_postgres, "watcher"), fresh_redis.url
    fresh_postgres.stop()
    fresh_redis.stop()
    began = monotonic()
    ran = check(postgres__dsn=dsn, redis__address=url)

    assert monotonic() - began < 4
    assert ran.code == 1
    for name in ("postgres", "redis"):
        (finding,) = ran.of(name)
        assert "refused" in finding["what"]
        assert finding["remedy"]


def test_nothing_configured_says_so(check: Check) -> None:
    host = check()
    nothing = check("--no-host.enabled")

    (advice,) = host.of("configuration")
    (error,) = nothing.findings
    assert (host.code, advice["severity"]) == (0, "advice")
    assert (nothing.code, error["severity"]) == (1, "error")
    assert "EXPORTER_POSTGRES__DSN=" in advice["remedy"]
    assert "EXPORTER_POSTGRES__DSN=" in error["remedy"]


def test_the_report_for_people(fresh_postgres: Postgres, check: Check) -> None:
    dsn = create(fresh_postgres, NASTY)
    ran = check(text=True, postgres__dsn=dsn)

    assert ran.code == 1
    assert "\x1b" not in ran.out
    assert f"postgres at 127.0.0.1:{fresh_postgres.port}\n  ok      PostgreSQL 15." in ran.out
    assert '            GRANT pg_monitor TO U&"we""ird; ro\'le \\+00001b[2J";\n' in ran.out
    assert ran.out.splitlines()[-2] == "not configured: redis (redis.address), pgbouncer (pgbouncer.dsn)"
    assert ran.out.splitlines()[-1].endswith(" 1 error")
    assert ran.err == ""


def test_a_wrong_configuration_is_exit_2(check: Check) -> None:
    ran = check(text=True, postgres__max_connections="many")

    assert (ran.code, ran.out) == (2, "")
    assert "postgres.max_connections" in ran.err


def test_the_exit_code_of_the_process(fresh_redis: Redis) -> None:
    fresh_redis.stop()
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "check"],
        env={**env, "EXPORTER_REDIS__ADDRESS": fresh_redis.url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert "1 error" in done.stdout
    assert done.stderr == ""
