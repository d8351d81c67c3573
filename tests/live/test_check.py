"""The doctor on real servers: what it prints mends what it found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest

from tests.live.doctoring import SECRET, Ran, command, psql
from tests.servers import PgBouncer, Postgres, Redis, require
from tests.servers.catalogue import ROOT

pytestmark = pytest.mark.live

Check = Callable[..., Ran]
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


@pytest.fixture
def bare(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of the test's own that preloads a library already."""
    with require(Postgres, request.param, settings={"shared_preload_libraries": "auto_explain"}) as server:
        yield server


@pytest.mark.parametrize("bare", [13, 15, 16, 18], indirect=True)
def test_the_remedies_make_the_next_check_clean(bare: Postgres, check: Check) -> None:
    dsn = create(bare, NASTY, "NOINHERIT CONNECTION LIMIT 2")
    bare.execute('CREATE DATABASE "clo""sed"')
    bare.execute('REVOKE CONNECT ON DATABASE "clo""sed" FROM PUBLIC')

    first = check(postgres__dsn=dsn)
    assert first.code == 1
    errors = [finding["what"] for finding in first.of("postgres", "error")]
    assert len(errors) == 3, errors
    assert "pg_monitor" in errors[0]
    assert "connection limit of 2" in errors[1]
    assert errors[2] == 'database clo"sed: the role may not connect'
    psql(bare, remedies(first, "postgres"))

    # Only now may the role see which libraries are loaded.
    second = check(postgres__dsn=dsn)
    assert second.code == 0
    psql(bare, remedies(second, "postgres"))
    bare.restart()

    third = check(postgres__dsn=dsn)
    assert third.of("postgres", "advice", "error") == []
    assert bare.execute("SHOW shared_preload_libraries") == [("auto_explain, pg_stat_statements",)]


@pytest.mark.pg(15, 18)
def test_a_member_of_pg_monitor_is_fine(pg: Postgres, check: Check, redis: Redis) -> None:
    dsn = create(pg, "member", "IN ROLE pg_monitor")
    try:
        ran = check(postgres__dsn=dsn, redis__address=redis.url)
    finally:
        pg.execute("DROP ROLE member")

    assert ran.code == 0
    assert {finding["severity"] for finding in ran.findings} == {"ok"}
    assert ran.of("postgres")[0]["what"].startswith(f"PostgreSQL {pg.major}.")
    assert ran.of("redis")[0]["what"].startswith("Redis 7.0.")
    assert len(ran.of("host")) == 2


@pytest.mark.pg(15, 18)
def test_a_superuser_is_told_how_to_do_without(pg: Postgres, check: Check) -> None:
    ran = check(postgres__dsn=pg.dsn())
    (advice,) = ran.of("postgres", "advice", "error")
    assert (ran.code, advice["severity"]) == (0, "advice")

    try:
        psql(pg, advice["remedy"])
        pg.execute(f"ALTER ROLE datastack_exporter PASSWORD '{SECRET}'")
        own = check(postgres__dsn=pg.dsn(user="datastack_exporter", password=SECRET))
    finally:
        pg.execute("DROP ROLE datastack_exporter")
    assert own.of("postgres", "advice", "error") == []


def test_a_revoked_right_is_an_error_with_the_collectors_name(fresh_postgres: Postgres, check: Check) -> None:
    dsn = create(fresh_postgres, "member", "IN ROLE pg_monitor")
    fresh_postgres.execute("REVOKE EXECUTE ON FUNCTION pg_ls_waldir() FROM pg_monitor")
    (error,) = check(postgres__dsn=dsn).of("postgres", "error")

    assert error["what"].startswith("collector wal: permission denied for function pg_ls_waldir")
    assert "--no-collector.wal" in error["remedy"]
    assert check("--no-collector.wal", postgres__dsn=dsn).code == 0


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
