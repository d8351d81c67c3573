"""The findings about a PostgreSQL server, from what it answers to the constant queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from exporter.collectors.run_view import view_collector
from exporter.doctor import postgres_facts, postgres_plans
from exporter.doctor.finding import Finding, Severity
from exporter.doctor.postgres import examine
from exporter.doctor.postgres_facts import Expected
from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError, Unavailable
from exporter.model.view import Gauge, View
from exporter.sources.postgres.rows import Rows

Row = tuple[str | None, ...]

HEALTHY: Mapping[str, str | None] = {
    "version": "15.4",
    "database": "app",
    "login": "watcher",
    "role": "watcher",
    "superuser": "0",
    "inherits": "1",
    "login_superuser": "0",
    "connection_limit": "-1",
    "rights": "pg_monitor,pg_read_all_stats",
    "memberships": "pg_monitor,pg_read_all_stats",
    "own_role_exists": "0",
    "managed": "0",
    "max_connections": "100",
    "usable": "97",
    "used": "3",
    "encrypted": "0",
    "ssl": "off",
    "remote": None,
}
SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "pg_stat_statements",
    "track_activities": "on",
    "track_counts": "on",
    "track_io_timing": "on",
    "track_wal_io_timing": "on",
    "track_functions": "none",
    "track_activity_query_size": "4096",
    "compute_query_id": "auto",
    "pg_stat_statements.max": "5000",
    "pg_stat_statements.track": "none",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "max_connections": "100",
}
SOURCES: Mapping[str, str] = {"pg_stat_statements.track": "user"}
STATEMENTS: Row = ("pg_stat_statements", "1.10", "1.10")
LS_WALDIR: Row = ("function", "pg_ls_waldir", "pg_ls_waldir()", "1")


class FakePostgres:
    """Answers with these facts; `broken` is database -> what connecting to it raises."""

    def __init__(
        self,
        major: int = 15,
        *,
        settings: Mapping[str, str | None] | None = None,
        sources: Mapping[str, str] | None = None,
        extensions: Sequence[Row] = (STATEMENTS,),
        forbidden: Sequence[Row] = (),
        databases: Sequence[Row] = (("app", "1", "1"),),
        unread: Sequence[Row] = (),
        writes: Row = ("0", "0", "0"),
        refusal: SourceError | None = None,
        broken: Mapping[str, SourceError] | None = None,
        down: SourceError | None = None,
        **facts: str | None,
    ) -> None:
        self.major = major
        self.broken = dict(broken or {})
        self.down = down
        self.refusal = refusal
        given = {**SETTINGS, **(settings or {})}
        from_where = {**SOURCES, **(sources or {})}
        facts = {**HEALTHY, **facts}
        self.names = list(facts)
        self.answers: Mapping[str, Sequence[Row]] = {
            postgres_facts.FACTS: [tuple(facts.values())],
            postgres_facts.SETTINGS: [
                (name, value, from_where.get(name, "default"))
                for name, value in given.items()
                if value is not None
            ],
            postgres_facts.EXTENSIONS: extensions,
            postgres_facts.FORBIDDEN: forbidden,
            postgres_facts.DATABASES: databases,
            postgres_facts.UNREAD: unread,
            postgres_plans.WRITES: [writes],
            "SELECT 1": [("1",)],
        }

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
        assert isinstance(sql, str)
        rows = self.answers[sql]
        columns = list(zip(*rows, strict=True)) or [()] * 4
        if sql in (postgres_facts.SETTINGS, postgres_facts.EXTENSIONS, postgres_facts.DATABASES):
            columns = columns[:3]
        return Rows(columns, self.names, len(rows), self.major)

    async def databases(self, deadline: Deadline) -> list[str]:
        _ = deadline
        return ["app", *self.broken]

    @asynccontextmanager
    async def plan_session(self, deadline: Deadline) -> AsyncIterator[None]:
        _ = deadline
        if self.refusal is not None:
            raise self.refusal
        yield


def collector(name: str, sql: str = "now()", **view: object) -> Named:
    """A collector of the view `sql`."""
    options: dict[str, object] = {"help": "X.", "source": "pg_class", "docs": "x.html", **view}
    declared = View(metrics=[Gauge(f"pg_{name}", sql, "X.", eg=1)], **options)  # type: ignore[arg-type]
    return Named(name, "postgres", view_collector(declared))


ACTIVITY = collector("activity", source="pg_stat_activity", needs=("pg_read_all_stats",))
SIZE = collector("size", "pg_database_size(oid)", needs=("pg_read_all_stats",))
WAL = collector("wal", source="pg_ls_waldir ()", needs=("pg_ls_waldir()",))
BLOAT = collector("bloat", needs=("pg_read_all_data",))
SEQUENCES = collector("sequences", source="pg_sequences", needs=("pg_read_all_data",))


def found(server: FakePostgres, *collectors: Named, expected: Expected | None = None) -> list[Finding]:
    wanted = expected or Expected("watcher", collectors=collectors)
    return asyncio.run(examine(server, wanted, Deadline.after(1)))


def problem(server: FakePostgres, *collectors: Named, expected: Expected | None = None) -> Finding:
    """The one finding that is not fine."""
    (finding,) = (f for f in found(server, *collectors, expected=expected) if f.severity is not Severity.OK)
    return finding


def test_a_healthy_server_has_no_remedies() -> None:
    findings = found(FakePostgres(), ACTIVITY, SIZE, WAL)

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
    ("major", "inherits", "memberships", "remedy"),
    [
        (15, "1", "", 'GRANT pg_monitor TO "r""1";'),
        (15, "0", "", 'GRANT pg_monitor TO "r""1";\nALTER ROLE "r""1" INHERIT;'),
        (16, "1", "", 'GRANT pg_monitor TO "r""1";'),
        (16, "0", "", 'GRANT pg_monitor TO "r""1" WITH INHERIT TRUE;'),
        (18, "1", "pg_monitor", 'GRANT pg_monitor TO "r""1" WITH INHERIT TRUE;'),
    ],
)
def test_the_grant_that_the_version_needs(major: int, inherits: str, memberships: str, remedy: str) -> None:
    server = FakePostgres(
        major, role='r"1', rights="", inherits=inherits, memberships=memberships, forbidden=[LS_WALDIR]
    )
    finding = problem(server, ACTIVITY, WAL)

    assert finding.severity is Severity.ERROR
    assert finding.remedy.startswith(f"{remedy}\n-- where pg_monitor can't be granted")
    assert "activity, wal see less" in finding.what


def test_the_narrower_role_where_that_is_enough() -> None:
    finding = problem(FakePostgres(rights=None), ACTIVITY, SIZE)

    assert finding.remedy == 'GRANT pg_read_all_stats TO "watcher";'
    assert "the rights of pg_read_all_stats: activity, size see less" in finding.what
    assert found(FakePostgres(rights="pg_read_all_stats"), ACTIVITY, SIZE)[1].severity is Severity.OK


def test_what_gives_the_same_where_pg_monitor_can_not_be_granted() -> None:
    finding = problem(FakePostgres(rights="", forbidden=[LS_WALDIR]), ACTIVITY, WAL)

    assert finding.remedy.splitlines()[2:] == [
        '--   GRANT pg_read_all_stats TO "watcher";',
        '--   GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO "watcher";',
    ]
    after = FakePostgres(rights="pg_read_all_stats")
    assert {f.severity for f in found(after, ACTIVITY, WAL)} == {Severity.OK}


def test_functions_that_no_collector_calls_are_nobodys_business() -> None:
    other: Row = ("function", "pg_ls_logdir", "pg_ls_logdir()", "1")
    relation: Row = ("relation", "pg_authid", "pg_authid", "0")

    assert {f.severity for f in found(FakePostgres(forbidden=[other, relation]), WAL)} == {Severity.OK}


def test_a_function_that_even_pg_monitor_may_not_call() -> None:
    forbidden: Sequence[Row] = [
        (*LS_WALDIR[:3], "0"),
        ("relation", "pg_subscription", "pg_subscription", "0"),
    ]
    subscriptions = collector("subs", source="pg_subscription")
    function, relation = (
        f
        for f in found(FakePostgres(forbidden=forbidden), WAL, subscriptions)
        if f.severity is Severity.ERROR
    )

    assert function.what == "collector wal: the role may not call pg_ls_waldir()"
    assert function.remedy.splitlines() == [
        '-- in database "app":',
        'GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO "watcher";',
        "-- or switch off: --no-collector.wal",
    ]
    assert 'GRANT SELECT ON pg_subscription TO "watcher";' in relation.remedy


def test_rights_for_what_the_version_lacks_are_not_asked_for() -> None:
    newer = collector("newer", source={17: "pg_ls_waldir()"}, needs=("pg_read_all_stats", "pg_ls_waldir()"))

    assert {f.severity for f in found(FakePostgres(16, rights=""), newer)} == {Severity.OK}


def test_a_superuser_is_advised_to_be_less() -> None:
    server: dict[str, Any] = {"superuser": "1", "login_superuser": "1"}
    finding = problem(FakePostgres(**server))
    again = problem(FakePostgres(own_role_exists="1", **server))
    closed = problem(FakePostgres(databases=[("app", "1", "1"), ("o", "1", "0")], **server))

    assert finding.severity is Severity.ADVICE
    assert finding.remedy.splitlines()[:-1] == [
        "CREATE ROLE exporter LOGIN CONNECTION LIMIT 6;",
        "GRANT pg_monitor TO exporter;",
        "ALTER ROLE exporter SET pg_stat_statements.track = 'none';",
    ]
    assert again.remedy.splitlines()[0] == "GRANT pg_monitor TO exporter;"
    assert 'GRANT CONNECT ON DATABASE "o" TO exporter;' in closed.remedy


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
    databases: Sequence[Row] = [("app", "1", "1"), ("private", "0", "0"), ('sho"p', "0", "0")]
    finding = problem(FakePostgres(databases=databases), expected=expected)

    assert finding.severity is Severity.ERROR
    assert finding.remedy.startswith('GRANT CONNECT ON DATABASE "sho""p" TO "watcher";')


def test_databases_that_do_not_answer() -> None:
    error = Unavailable('db:5432: cannot connect to invalid database "half"')
    finding = problem(FakePostgres(broken={"half": error}))

    assert finding.what == f"database half: {error}"
    assert finding.remedy.startswith('DROP DATABASE "half";')


def test_tables_and_sequences_that_the_role_may_not_read() -> None:
    unread: Sequence[Row] = [("public", "table", "1"), ('a"b', "sequence", "0"), ("c", "sequence", "1")]
    findings = found(FakePostgres(unread=unread), BLOAT, SEQUENCES)
    tables, sequences = (f for f in findings if f.severity is Severity.ADVICE)

    assert tables.what.startswith("bloat: tables that the role may not read are left out, and `analyze`")
    assert 'GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "watcher";' in tables.remedy
    assert "USAGE" not in tables.remedy + sequences.remedy
    assert sequences.what == "sequences: sequences that the role may not read are left out"
    assert sequences.remedy.splitlines()[1:] == [
        '-- in database "app":',
        'GRANT SELECT ON ALL SEQUENCES IN SCHEMA "a""b" TO "watcher";',
        'GRANT SELECT ON ALL SEQUENCES IN SCHEMA "c" TO "watcher";',
        '-- or once for all that is there and will be: GRANT pg_read_all_data TO "watcher";',
    ]
    assert "pg_read_all_data" not in problem(FakePostgres(13, unread=unread), BLOAT).remedy


def test_nobody_asks_what_is_hidden_where_it_does_not_matter() -> None:
    unread: Sequence[Row] = [("public", "table", "1")]

    for server, named in (
        (FakePostgres(unread=unread), WAL),
        (FakePostgres(unread=unread), SEQUENCES),
        (FakePostgres(unread=unread, rights="pg_read_all_data,pg_read_all_stats"), BLOAT),
    ):
        assert {f.severity for f in found(server, named)} == {Severity.OK}


def test_statistics_of_queries_without_the_library() -> None:
    finding = problem(
        FakePostgres(settings={"shared_preload_libraries": "auto_explain", "pg_stat_statements.max": None})
    )

    assert finding.severity is Severity.ADVICE
    assert finding.remedy == (
        "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_stat_statements';\n"
        "-- then restart the server"
    )


def test_no_line_is_proposed_that_could_drop_libraries_that_are_not_seen() -> None:
    finding = problem(
        FakePostgres(settings={"shared_preload_libraries": None, "pg_stat_statements.max": None})
    )

    assert finding.remedy.startswith('GRANT pg_read_all_settings TO "watcher";\n-- then check again')


def test_statistics_of_queries_without_the_extension() -> None:
    finding = problem(FakePostgres(extensions=[("pg_stat_statements", "1.10", None)]))

    assert finding.remedy == '-- in database "app":\nCREATE EXTENSION pg_stat_statements;'


def test_an_extension_that_is_older_than_the_server() -> None:
    finding = problem(FakePostgres(extensions=[("pg_stat_statements", "1.10", "1.9")]))
    same = FakePostgres(extensions=[("pg_stat_statements", "1.10", "2.0")])
    odd = FakePostgres(extensions=[("pg_stat_statements", "1.10", "1.9-dev")])

    assert finding.severity is Severity.ADVICE
    assert finding.remedy == '-- in database "app":\nALTER EXTENSION pg_stat_statements UPDATE;'
    for server in (same, odd):
        assert {f.severity for f in found(server)} == {Severity.OK}


@pytest.mark.parametrize(("default", "severity"), [(True, Severity.ADVICE), (False, Severity.ERROR)])
def test_an_extension_that_was_asked_for_is_missed_more(default: bool, severity: Severity) -> None:
    cache = collector("cache", source="EXTENSION.x()", extension="pg_buffercache", default=default)
    server = FakePostgres(extensions=[STATEMENTS, ("pg_buffercache", "1.3", None)])
    finding = problem(server, cache)

    assert finding.severity is severity
    assert finding.what == "extension pg_buffercache is not in database app: nothing to read for cache"
    assert finding.remedy.endswith("CREATE EXTENSION pg_buffercache;")


def test_contrib_modules_that_are_not_installed() -> None:
    server = FakePostgres(extensions=[], settings={"pg_stat_statements.max": None})

    assert "postgresql-15" in problem(server).remedy


def test_a_managed_server_knows_no_alter_system() -> None:
    server = FakePostgres(
        managed="1",
        used="97",
        settings={
            "track_io_timing": "off",
            "shared_preload_libraries": "rdsutils",
            "pg_stat_statements.max": None,
        },
    )
    remedies = "\n".join(f.remedy for f in found(server))

    assert "ALTER SYSTEM" not in remedies
    assert "pg_reload_conf" not in remedies
    assert "shared_preload_libraries = 'rdsutils', 'pg_stat_statements'" in remedies
    assert "track_io_timing = on" in remedies


def test_a_setting_of_the_command_line_is_changed_there() -> None:
    server = FakePostgres(settings={"track_io_timing": "off"}, sources={"track_io_timing": "command line"})

    assert "ALTER SYSTEM" not in problem(server).remedy
    assert "command line (-c), change it there: track_io_timing = on" in problem(server).remedy


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("track_activities", "off", "ALTER SYSTEM SET track_activities = on;\nSELECT pg_reload_conf();"),
        ("track_counts", "off", "ALTER SYSTEM SET track_counts = on;\nSELECT pg_reload_conf();"),
        ("track_io_timing", "off", "ALTER SYSTEM SET track_io_timing = on;\nSELECT pg_reload_conf();"),
        ("compute_query_id", "off", "ALTER SYSTEM SET compute_query_id = 'auto';\nSELECT pg_reload_conf();"),
        ("track_activity_query_size", "1024",
         "ALTER SYSTEM SET track_activity_query_size = 4096;\n-- then restart the server"),
        ("default_transaction_isolation", "serializable",
         "ALTER ROLE \"watcher\" SET default_transaction_isolation = 'read committed';"),
        ("default_transaction_deferrable", "on",
         "ALTER ROLE \"watcher\" SET default_transaction_deferrable = 'off';"),
        ("pg_stat_statements.track", "top",
         "ALTER ROLE \"watcher\" SET pg_stat_statements.track = 'none';"),
    ],
)  # fmt: skip
def test_a_setting_that_loses_something(name: str, value: str, line: str) -> None:
    finding = problem(FakePostgres(settings={name: value}))

    assert finding.severity is Severity.ADVICE
    assert finding.remedy == line


def test_settings_that_matter_to_some_collectors_only() -> None:
    functions, wal = collector("stat_user_functions"), collector("stat_wal")

    assert "track_functions = 'pl'" in problem(FakePostgres(), functions).remedy
    server = FakePostgres(settings={"track_wal_io_timing": "off"})
    assert "track_wal_io_timing = on" in problem(server, wal).remedy
    assert {f.severity for f in found(server)} == {Severity.OK}


def test_statements_that_are_counted_for_nobody() -> None:
    for_all = FakePostgres(sources={"pg_stat_statements.track": "configuration file"})

    assert "ALTER SYSTEM SET pg_stat_statements.track = 'top';" in problem(for_all).remedy


def test_a_setting_of_the_role_in_the_database_is_mended_there() -> None:
    name = "default_transaction_isolation"
    server = FakePostgres(settings={name: "serializable"}, sources={name: "database user"})

    assert problem(server).remedy.startswith('ALTER ROLE "watcher" IN DATABASE "app" SET ')


@pytest.mark.parametrize(
    ("facts", "advised"),
    [
        ({"remote": None}, False),
        ({"remote": "10.0.0.7", "encrypted": "1"}, False),
        ({"remote": "10.0.0.7"}, True),
        ({"remote": "10.0.0.7", "ssl": "on"}, True),
    ],
)
def test_passwords_in_clear_over_the_network(facts: dict[str, Any], advised: bool) -> None:
    findings = [f for f in found(FakePostgres(**facts)) if f.severity is not Severity.OK]

    assert bool(findings) is advised
    for finding in findings:
        assert finding.severity is Severity.ADVICE
        assert "sslmode=verify-full" in finding.remedy
        assert ("ssl_cert_file" in finding.remedy) is ("ssl" not in facts)


def test_a_server_that_is_down_is_one_error_without_its_name() -> None:
    down = Unavailable('db:5432: connection to server at "db", port 5432 failed: Connection refused')
    (finding,) = found(FakePostgres(down=down))

    assert finding.severity is Severity.ERROR
    assert finding.target == "postgres at db:5432"
    assert finding.what.startswith("connection to server")
    assert "host and port in postgres.dsn" in finding.remedy
