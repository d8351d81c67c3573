"""`check` names what keeps the console from answering, and what is not there on an older version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.doctoring import Ran, command
from tests.live.pool.workload import bouncer
from tests.servers import PgBouncer, Postgres

pytestmark = pytest.mark.live

Check = Callable[[str], Ran]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """check(dsn): `check --json` of one PgBouncer."""

    def run(dsn: str) -> Ran:
        return command(monkeypatch, capsys, ["check", "--json", "--no-host.enabled"], pgbouncer__dsn=dsn)

    return run


def only_error(ran: Ran) -> tuple[str, str]:
    (error,) = ran.of("pgbouncer")
    assert (ran.code, error["severity"]) == (1, "error")
    return error["what"], error["remedy"]


def test_a_dsn_that_leads_to_postgresql(fresh_postgres: Postgres, check: Check) -> None:
    what, remedy = only_error(check(fresh_postgres.dsn()))
    assert "a PostgreSQL server answers here" in what
    assert "listen_port" in remedy
    fresh_postgres.execute("CREATE DATABASE pgbouncer")
    what, remedy = only_error(check(fresh_postgres.dsn()))
    assert "a PostgreSQL server answers here" in what
    assert "listen_port" in remedy


def test_a_user_who_is_in_no_list(pooler: PgBouncer, check: Check) -> None:
    what, remedy = only_error(check(pooler.dsn(user="postgres")))
    assert "not allowed" in what
    assert "stats_users = postgres" in remedy.splitlines()


def test_a_password_that_is_wrong_or_missing(pooler: PgBouncer, check: Check) -> None:
    what, remedy = only_error(check(pooler.dsn(user="stats", password="wrong")))
    assert "authentication failed" in what
    assert "auth_file" in remedy
    what, remedy = only_error(check(f"host=127.0.0.1 port={pooler.port} user=stats passfile=/nowhere"))
    assert "no password supplied" in what
    assert "EXPORTER_PGBOUNCER__PASSWORD" in remedy


def test_encryption_that_only_one_side_wants(pooler: PgBouncer, check: Check) -> None:
    what, remedy = only_error(check(pooler.dsn(user="stats") + "?sslmode=require"))
    assert "SSL" in what
    assert "client_tls_sslmode" in remedy


def test_nobody_there(fresh_pooler: PgBouncer, check: Check) -> None:
    dsn = fresh_pooler.dsn(user="stats")
    fresh_pooler.stop()
    what, remedy = only_error(check(dsn))
    assert "Connection refused" in what
    assert "is PgBouncer running" in remedy


def test_what_an_older_version_lacks_is_said_and_is_no_error(pooler: PgBouncer, check: Check) -> None:
    ran = check(pooler.dsn(user="stats"))
    assert ran.code == 0
    said = " ".join(finding["what"] for finding in ran.of("pgbouncer", "ok"))
    assert "pgbouncer_state (SHOW STATE has this since PgBouncer 1.19)" in said
    assert ran.of("pgbouncer", "advice", "error") == []


def test_processes_that_share_a_port_are_to_be_told_apart(postgres: Postgres, check: Check) -> None:
    with bouncer(postgres, so_reuseport="1") as shared:
        ran = check(shared.dsn(user="stats"))
    (advice,) = ran.of("pgbouncer", "advice")
    assert "so_reuseport" in advice["what"]
    assert "targets.NAME.pgbouncer.dsn" in advice["remedy"]
