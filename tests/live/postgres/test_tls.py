"""TLS of the server: sessions by version, and the end of its certificate."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from time import time

import pytest

from exporter.demo.servers import POSTGRES_HBA
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Reason, Skip, Unavailable
from exporter.sources.postgres.certificate import server_certificate
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import samples, values
from tests.servers import MAJORS, Postgres, require

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("tls")]

NOT_AFTER = "pg_tls_certificate_not_after_timestamp_seconds"


def certify(server: Postgres, days: int) -> None:
    """A self-signed certificate in the server's folder, where it looks for one."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=throwaway",
         "-days", str(days), "-keyout", "server.key", "-out", "server.crt"],
        cwd=server.process.data, check=True, capture_output=True,
    )  # fmt: skip
    (server.process.data / "server.key").chmod(0o600)


@pytest.fixture(scope="module", params=MAJORS, ids=[f"pg{major}" for major in MAJORS])
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server with TLS, whose certificate is valid for 30 days."""
    server = require(Postgres, request.param, settings={"ssl": "on"}, hba=POSTGRES_HBA)
    certify(server, days=30)
    with server:
        yield server


def options(server: Postgres, sslmode: str = "prefer") -> PostgresOptions:
    return PostgresOptions(dsn=f"{server.dsn()}?sslmode={sslmode}")


async def test_sessions_by_version_of_tls(server: Postgres) -> None:
    with server.connect():  # psycopg prefers TLS
        found = await samples(options(server, "disable"), "tls")

    sessions = values(found, "pg_tls_sessions", "version")
    assert sessions["TLSv1.3"] == 1
    assert 1 <= sessions["none"] <= 2  # our own


async def test_the_end_of_the_certificate_whatever_sslmode_says(server: Postgres) -> None:
    before = server.process.log.read_text()

    found = await samples(options(server, "disable"), "tls_certificate")

    expected = time() + timedelta(days=30).total_seconds()
    assert found[NOT_AFTER][frozenset()] == pytest.approx(expected, abs=600)
    assert server.process.log.read_text() == before


async def test_a_certificate_that_ends_after_2049_is_dated_in_another_form() -> None:
    server = require(Postgres, settings={"ssl": "on"})
    certify(server, days=20_000)
    with server:
        found = await samples(options(server), "tls_certificate")

    expected = time() + timedelta(days=20_000).total_seconds()
    assert found[NOT_AFTER][frozenset()] == pytest.approx(expected, abs=600)


async def test_a_server_without_tls_is_skipped(fresh_postgres: Postgres) -> None:
    with pytest.raises(Skip, match="does not offer TLS") as skipped:
        await samples(options(fresh_postgres), "tls_certificate")

    assert skipped.value.reason is Reason.UNSUPPORTED


async def test_a_server_that_is_frozen_or_gone_ends_in_time(fresh_postgres: Postgres) -> None:
    dsn = fresh_postgres.dsn()
    fresh_postgres.freeze()
    try:
        with pytest.raises(DeadlineExceeded):
            await server_certificate(dsn, Deadline.after(0.3))
    finally:
        fresh_postgres.thaw()
    fresh_postgres.stop()
    with pytest.raises(Unavailable, match="TLS handshake with"):
        await server_certificate(dsn, Deadline.after(5))
