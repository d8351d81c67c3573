"""The findings about a PostgreSQL server, from the one row of facts that it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest

from exporter.doctor.finding import Finding, Severity
from exporter.doctor.postgres import CLOSED, FACTS, Expected, examine
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError, Unavailable
from exporter.sources.postgres.rows import Rows

HEALTHY: Mapping[str, str | None] = {
    "version": "15.4",
    "database": "app",
    "login": "watcher",
    "role": "watcher",
    "superuser": "0",
    "inherits": "1",
    "login_superuser": "0",
    "connection_limit": "-1",
    "monitors": "1",
    "member": "1",
    "own_role_exists": "0",
    "managed": "0",
    "libraries": "pg_stat_statements",
    "statements_loaded": "1",
    "statements_available": "1",
    "statements_created": "1",
    "track_io_timing": "on",
    "max_connections": "100",
    "usable": "97",
    "used": "3",
}


class FakePostgres:
    """Answers with these facts; `broken` is database -> what connecting to it raises."""

    def __init__(
        self,
        major: int = 15,
        *,
        closed: Sequence[str] = (),
        broken: Mapping[str, SourceError] | None = None,
        down: SourceError | None = None,
        **facts: str | None,
    ) -> None:
        self.major = major
        self.facts = {**HEALTHY, **facts}
        self.closed = closed
        self.broken = dict(broken or {})
        self.down = down

    def describe(self) -> str:
        return "postgres at db:5432"

    async def fetch(
        self, sql: str | Callable[[int], str], deadline: Deadline, *, database: str | None = None
    ) -> Rows:
        _ = deadline
        if self.down is not None:
            raise self.down
        if database in self.broken:
            raise self.broken[database]
        if sql == FACTS:
            return Rows([(value,) for value in self.facts.values()], list(self.facts), 1, self.major)
        columns = [tuple(self.closed)] if sql == CLOSED else [("1",)]
        return Rows(columns, ["x"], len(columns[0]), self.major)

    async def databases(self, deadline: Deadline) -> list[str]:
        _ = deadline
        return ["app", *self.broken]


def found(server: FakePostgres, expected: Expected | None = None) -> list[Finding]:
    return asyncio.run(examine(server, expected or Expected("watcher"), Deadline.after(1)))


def problem(server: FakePostgres, expected: Expected | None = None) -> Finding:
    """The one finding that is not fine."""
    (finding,) = (f for f in found(server, expected) if f.severity is not Severity.OK)
    return finding


def test_a_healthy_server_has_no_remedies() -> None:
    findings = found(FakePostgres())

    assert {f.severity for f in findings} == {Severity.OK}
    assert {f.remedy for f in findings} == {""}
    assert findings[0].what == "PostgreSQL 15.4, as role watcher"


@pytest.mark.parametrize(
    ("major", "severity"),
    [(12, Severity.ERROR), (13, Severity.OK), (18, Severity.OK), (19, Severity.ADVICE)],
)
def test_versions(major: int, severity: Severity) -> None:
    assert found(FakePostgres(major))[0].severity is severity


@pytest.mark.parametrize(
    ("major", "inherits", "member", "remedy"),
    [
        (15, "1", "0", 'GRANT pg_monitor TO "r""1";'),
        (15, "0", "0", 'GRANT pg_monitor TO "r""1";\nALTER ROLE "r""1" INHERIT;'),
        (16, "1", "0", 'GRANT pg_monitor TO "r""1";'),
        (16, "0", "0", 'GRANT pg_monitor TO "r""1" WITH INHERIT TRUE;'),
        (18, "1", "1", 'GRANT pg_monitor TO "r""1" WITH INHERIT TRUE;'),
    ],
)
def test_the_grant_that_the_version_needs(major: int, inherits: str, member: str, remedy: str) -> None:
    server = FakePostgres(major, role='r"1', monitors="0", inherits=inherits, member=member)
    finding = problem(server, Expected("watcher", needy=("wal", "stat_activity")))

    assert (finding.severity, finding.remedy) == (Severity.ERROR, remedy)
    assert "wal, stat_activity see less" in finding.what


def test_a_superuser_is_advised_to_be_less() -> None:
    finding = problem(FakePostgres(superuser="1"))
    again = problem(FakePostgres(superuser="1", own_role_exists="1"))

    assert finding.severity is Severity.ADVICE
    assert finding.remedy.startswith(
        "CREATE ROLE datastack_exporter LOGIN;\nGRANT pg_monitor TO datastack_exporter;"
    )
    assert again.remedy.startswith("GRANT pg_monitor TO datastack_exporter;")


@pytest.mark.parametrize(("limit", "superuser", "wrong"), [
    ("-1", "0", False), ("3", "0", False), ("2", "0", True), ("0", "0", True), ("2", "1", False),
])  # fmt: skip
def test_the_roles_connection_limit(limit: str, superuser: str, wrong: bool) -> None:
    findings = found(FakePostgres(connection_limit=limit, login_superuser=superuser, login="in", role="as"))
    remedies = [f.remedy for f in findings if f.severity is Severity.ERROR]

    assert remedies == (['ALTER ROLE "in" CONNECTION LIMIT 3;'] if wrong else [])


def test_connections_nearly_used_up() -> None:
    assert {f.severity for f in found(FakePostgres(used="87"))} == {Severity.OK}
    finding = problem(FakePostgres(used="88"))

    assert finding.severity is Severity.ADVICE
    assert finding.what == "88 of the 97 connections that are not reserved are in use"
    assert finding.remedy.startswith("ALTER SYSTEM SET max_connections = 200;\n-- then restart")


def test_databases_that_do_not_let_the_role_in() -> None:
    expected = Expected("watcher", wanted=lambda name: name != "private")
    finding = problem(FakePostgres(closed=["private", 'sho"p']), expected)

    assert finding.severity is Severity.ERROR
    assert finding.remedy.startswith('GRANT CONNECT ON DATABASE "sho""p" TO "watcher";')


def test_databases_that_do_not_answer() -> None:
    error = Unavailable('db:5432: cannot connect to invalid database "half"')
    finding = problem(FakePostgres(broken={"half": error}))

    assert finding.what == f"database half: {error}"
    assert finding.remedy.startswith('DROP DATABASE "half";')


def test_statistics_of_queries_without_the_library() -> None:
    finding = problem(FakePostgres(statements_loaded="0", libraries="auto_explain"))

    assert finding.severity is Severity.ADVICE
    assert finding.remedy == (
        "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements';\n"
        "-- then restart the server"
    )


def test_no_line_is_proposed_that_could_drop_libraries_that_are_not_seen() -> None:
    finding = problem(FakePostgres(statements_loaded="0", libraries=None))

    assert "ALTER SYSTEM" not in finding.remedy


def test_statistics_of_queries_without_the_extension() -> None:
    finding = problem(FakePostgres(statements_created="0"))

    assert finding.remedy == '-- in database "app":\nCREATE EXTENSION pg_stat_statements;'


def test_contrib_modules_that_are_not_installed() -> None:
    server = FakePostgres(statements_available="0", statements_loaded="0", statements_created="0")

    assert "postgresql-15" in problem(server).remedy


def test_a_managed_server_knows_no_alter_system() -> None:
    server = FakePostgres(
        managed="1", track_io_timing="off", statements_loaded="0", libraries="rdsutils", used="97"
    )
    remedies = "\n".join(f.remedy for f in found(server))

    assert "ALTER SYSTEM" not in remedies
    assert "pg_reload_conf" not in remedies
    assert "shared_preload_libraries = 'rdsutils', 'pg_stat_statements'" in remedies
    assert "track_io_timing = on" in remedies


def test_track_io_timing() -> None:
    finding = problem(FakePostgres(track_io_timing="off"))

    assert finding.severity is Severity.ADVICE
    assert finding.remedy == "ALTER SYSTEM SET track_io_timing = on;\nSELECT pg_reload_conf();"


def test_a_server_that_is_down_is_one_error_without_its_name() -> None:
    down = Unavailable('db:5432: connection to server at "db", port 5432 failed: Connection refused')
    (finding,) = found(FakePostgres(down=down))

    assert finding.severity is Severity.ERROR
    assert finding.target == "postgres at db:5432"
    assert finding.what.startswith("connection to server")
    assert "host and port in postgres.dsn" in finding.remedy
