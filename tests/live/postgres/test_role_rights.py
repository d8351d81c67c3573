"""The rights that collectors declare are those that they need: one taken away, and just they see less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

import psycopg
import pytest

from exporter.collectors import discover
from tests.docs.rights import DATA, needed
from tests.live.postgres.busy_server import busy
from tests.servers import Postgres
from tests.servers.psql import psql

pytestmark = pytest.mark.live

MAJOR = 18
ON_A_STANDBY = {"stat_wal_receiver"}
"""What a primary has no row of."""
SQL = {
    name: named.spec.explain(MAJOR).partition(";\n")[0]
    for name, named in discover().items()
    if named.spec.source == "postgres" and named.spec.metrics and name != "tls_certificate"
}
RIGHTS = [right for right in needed() if right != DATA]

LARGE = 9
TRIES = 10

Session = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with busy(MAJOR) as server:
        for _ in range(2):
            ran = psql(server, "role.sql", least="on")
            assert ran.returncode == 0, ran.stderr
        server.execute("ALTER ROLE exporter PASSWORD 'secret'")
        yield server


@pytest.fixture
def exporter(server: Postgres) -> Iterator[Session]:
    with server.connect(user="exporter", password="secret") as session:
        yield session


def seen(session: Session, sql: str) -> object:
    """What a query shows, but large and broken numbers, which move all the time."""
    try:
        rows = session.execute(sql.encode()).fetchall()
    except psycopg.Error as error:
        return error.sqlstate
    return sorted([tuple(map(_steady, row)) for row in rows], key=repr)


def _steady(value: object) -> str:
    if isinstance(value, float | Decimal) or (isinstance(value, int) and value > LARGE):
        return "number"
    return str(value)


def differing(exporter: Session, change: Callable[[], object], back: Callable[[], object]) -> set[str]:
    """The collectors that see something else after a change, and the same as before when it is taken back."""

    def look() -> dict[str, object]:
        return {name: seen(exporter, sql) for name, sql in SQL.items()}

    before = look()
    change()
    try:
        then = look()
    finally:
        back()
    after = look()
    return {name for name in SQL if then[name] != before[name] == after[name]}


def find(expected: set[str], look: Callable[[], set[str]]) -> None:
    """Looks until just these differ: what happens on the server by itself differs now and then."""
    for _ in range(TRIES - 1):
        if look() == expected:
            return
    assert look() == expected


@pytest.mark.parametrize("right", RIGHTS)
def test_without_a_right_its_collectors_see_less_and_no_others(
    right: str, server: Postgres, exporter: Session
) -> None:
    what = f"EXECUTE ON FUNCTION {right}" if right.endswith("()") else right
    revoke = partial(server.execute, f"REVOKE {what} FROM exporter")
    grant = partial(server.execute, f"GRANT {what} TO exporter")

    declared = {named.name for named in needed()[right]}
    find(declared - ON_A_STANDBY, lambda: differing(exporter, revoke, grant))


def test_with_all_of_them_they_see_what_pg_monitor_sees(server: Postgres, exporter: Session) -> None:
    grant = partial(server.execute, "GRANT pg_monitor TO exporter")
    find(set(), lambda: differing(exporter, grant, partial(psql, server, "role.sql", least="on")))

    assert server.execute("SELECT pg_has_role('exporter', 'pg_monitor', 'MEMBER')") == [(False,)]
