"""The scripts of deploy/sql on real servers: they keep what they promise, and may run again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from exporter.model.deadline import Deadline
from exporter.model.errors import Skip, SourceError
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.server import PostgresServer
from tests.collecting import SPECS, samples, source
from tests.live.doctoring import SECRET, Ran, command
from tests.servers import MAJORS, Postgres, require
from tests.servers.psql import psql, psql_of

pytestmark = pytest.mark.live

Check = Callable[..., Ran]
DEFAULT_ON = [name for name, spec in SPECS.items() if spec.default and spec.source == "postgres"]

# All that a server can do to remember a statement.
TELLTALE = {
    "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "on",
    "log_statement": "all", "log_min_duration_statement": "0", "debug_print_parse": "on",
}  # fmt: skip
NASTY = "we\"ird; ro'le $$"

GIVEN = """
SELECT r.rolname, r.rolcanlogin, r.rolconnlimit, s.setconfig, a.rolpassword LIKE 'SCRAM-SHA-256$%'
FROM pg_roles AS r
JOIN pg_authid AS a USING (oid)
LEFT JOIN pg_db_role_setting AS s ON s.setrole = r.oid
WHERE r.rolname !~ '^pg_'
UNION ALL SELECT member::regrole::text, true, 0, ARRAY[roleid::regrole::text], true FROM pg_auth_members
UNION ALL SELECT 'function ' || proname, true, 0, proacl::text[], true FROM pg_proc WHERE proacl IS NOT NULL
UNION ALL SELECT 'relation ' || relname, true, 0, relacl::text[], true FROM pg_class WHERE relacl IS NOT NULL
UNION ALL SELECT 'default ' || oid, true, 0, defaclacl::text[], true FROM pg_default_acl
UNION ALL SELECT 'schema ' || nspname, true, 0, nspacl::text[], true FROM pg_namespace
    WHERE nspname !~ '^pg_'
UNION ALL SELECT 'database ' || datname, true, 0, datacl::text[], true FROM pg_database
ORDER BY 1, 4
"""


def healthy(major: int) -> dict[str, str]:
    """The settings of a server that `check` has nothing to say about."""
    wal = {"track_wal_io_timing": "on"} if major > 13 else {}
    library = {"shared_preload_libraries": "pg_stat_statements"}
    return {**library, "track_io_timing": "on", "track_activity_query_size": "4096", **wal}


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """check(postgres__dsn=...): `check --json` with these settings."""
    return lambda *argv, **settings: command(monkeypatch, capsys, ["check", "--json", *argv], **settings)


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "postgres_password"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def of(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of the test's own: major version and settings."""
    major, settings = request.param
    with require(Postgres, major, settings=settings) as server:
        yield server


def on(*majors: int, **settings: str) -> pytest.MarkDecorator:
    servers = [(major, settings or healthy(major)) for major in majors]
    return pytest.mark.parametrize("of", servers, indirect=True, ids=[f"pg{major}" for major in majors])


def run(server: Postgres, script: str, **how: str) -> str:
    """What psql said in warnings. A second run says the same, and changes nothing."""
    program = require(psql_of)
    first = psql(server, script, program=program, **how)
    assert first.returncode == 0, first.stderr
    given = server.execute(GIVEN, dbname=how.get("dbname", "postgres"))
    again = psql(server, script, program=program, **how)
    assert (again.returncode, again.stderr) == (0, first.stderr)
    assert server.execute(GIVEN, dbname=how.get("dbname", "postgres")) == given
    return first.stderr


def own(server: Postgres) -> str:
    return server.dsn(user="exporter", password=SECRET)


def log_of(server: Postgres) -> str:
    return (server.process.folder / "server.log").read_text()


def shown(dsn: str) -> dict[str, set[str]]:
    """Collector -> the metrics that it gives samples of, or why none; of those that are on by default."""

    async def one(server: PostgresServer, name: str) -> set[str]:
        try:
            tables = await SPECS[name].build(server)(Deadline.after(20))
        except (Skip, SourceError) as error:
            return {type(error).__name__}
        given = [column for table in tables for column in table.columns]
        return {column.metric.name for column in given if any(value is not None for value in column.values)}

    async def every() -> dict[str, set[str]]:
        async with source(PostgresOptions(dsn=dsn)) as server:
            return {name: await one(server, name) for name in DEFAULT_ON}

    return asyncio.run(every())


@on(*MAJORS)
def test_the_role_of_the_files_collects_everything(of: Postgres, password: Path, check: Check) -> None:
    with of.connect() as session:
        session.execute("CREATE TABLE orders (id serial PRIMARY KEY, note text)")
        session.execute("INSERT INTO orders (note) SELECT repeat('x', 900) FROM generate_series(1, 20000)")
        session.execute("VACUUM ANALYZE orders")
        session.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    assert run(of, "pg_stat_statements.sql") == ""
    assert run(of, "role.sql", password_file=str(password)) == ""
    assert run(of, "read_data.sql") == ""

    assert check(postgres__dsn=own(of)).of("postgres", "advice", "error") == []
    assert shown(own(of)) == shown(of.dsn())
    counted = "SELECT count(*) FROM pg_stat_statements WHERE userid = 'exporter'::regrole"
    assert of.execute(counted) == [(0,)]


@on(13, 16, 18, **TELLTALE)
def test_the_password_is_nowhere(of: Postgres, tmp_path: Path) -> None:
    of.execute("CREATE EXTENSION pg_stat_statements")
    hidden = tmp_path / "hidden"
    hidden.write_text(r"'hidd3n$pa\ss :word" + "\n")
    run(of, "role.sql", password_file=str(hidden), role=NASTY)
    with of.connect(user=NASTY, password=hidden.read_text().strip()) as session:
        assert session.execute("SHOW pg_stat_statements.track").fetchall() == [("none",)]
    of.execute("CREATE ROLE careless PASSWORD 'kn0wn'")
    texts = "\n".join(text for (text,) in of.execute("SELECT query FROM pg_stat_statements"))

    for place in (texts, log_of(of)):
        assert "kn0wn" in place  # what happens without the care
        assert "hidd3n" not in place


def test_every_psql_runs_them() -> None:
    with require(Postgres, 18) as server:
        for major in (15, 16, 18):
            program = require(psql_of, major)
            for script in ("role.sql", "pg_stat_statements.sql", "read_data.sql", "drop_role.sql"):
                ran = psql(server, script, program=program)
                assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module", params=[13, 18], ids=["pg13", "pg18"])
def base(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server that several tests share: who makes roles drops them."""
    with require(Postgres, request.param, settings=healthy(request.param)) as server:
        server.execute("CREATE DATABASE app")
        yield server


@pytest.fixture
def shared(base: Postgres) -> Iterator[Postgres]:
    yield base
    for dbname in ("app", "postgres"):
        psql(base, "drop_role.sql", dbname=dbname)
    assert base.execute("SELECT FROM pg_roles WHERE rolname = 'exporter'") == []


def test_sequences_alone_show_no_rows(shared: Postgres, password: Path) -> None:
    made = "CREATE TABLE {0} (id serial); INSERT INTO {0} DEFAULT VALUES"
    shared.execute(f"CREATE SCHEMA shop; {made.format('shop.orders')}", dbname="app")
    run(shared, "role.sql", password_file=str(password))
    run(shared, "read_data.sql", dbname="app", only="sequences")
    shared.execute(made.format("shop.later"), dbname="app")
    options = PostgresOptions(dsn=shared.dsn(dbname="app", user="exporter", password=SECRET))
    used = asyncio.run(samples(options, "sequences"))["pg_sequence_used_ratio"]

    assert {dict(labels)["sequencename"] for labels in used} == {"orders_id_seq", "later_id_seq"}
    may = "SELECT has_table_privilege('exporter', 'shop.later', 'SELECT')"
    assert shared.execute(may, dbname="app") == [(False,)]
    run(shared, "read_data.sql", dbname="app")
    shared.execute(made.format("shop.last"), dbname="app")
    assert shared.execute(may.replace("later", "last"), dbname="app") == [(True,)]
    shared.execute("DROP SCHEMA shop CASCADE", dbname="app")


def test_who_is_no_superuser_makes_the_role_as_far_as_it_goes(shared: Postgres, password: Path) -> None:
    """As on managed services: the administrator may create roles and give pg_monitor on."""
    shared.execute(f"CREATE ROLE admin LOGIN CREATEROLE PASSWORD '{SECRET}'")
    shared.execute("GRANT pg_monitor TO admin WITH ADMIN OPTION")
    try:
        said = run(shared, "role.sql", password_file=str(password), user="admin", password=SECRET)
        found = shared.execute(
            "SELECT rolcanlogin, rolconnlimit, pg_has_role(oid, 'pg_monitor', 'USAGE'), rolpassword"
            " FROM pg_authid WHERE rolname = 'exporter'"
        )
        psql(shared, "drop_role.sql")
    finally:
        shared.execute("DROP OWNED BY admin; DROP ROLE admin")

    assert found == [(True, 6, True, None)]
    assert [line.partition(": not a superuser: ")[2][:24] for line in said.splitlines()] == [
        "pg_stat_statements count",
        "the password would be in",
    ]


def test_a_superuser_keeps_what_it_has(shared: Postgres) -> None:
    for script in ("role.sql", "drop_role.sql"):
        ran = psql(shared, script, role="postgres")
        assert ran.returncode == 3
        assert "the role is a superuser" in ran.stderr
    assert shared.execute("SELECT rolsuper, rolconnlimit FROM pg_roles WHERE rolname = 'postgres'") == [
        (True, -1)
    ]


def test_powers_and_limits(shared: Postgres, password: Path) -> None:
    shared.execute("CREATE ROLE exporter CREATEDB CREATEROLE REPLICATION BYPASSRLS")
    run(shared, "role.sql", password_file=str(password), timeouts="on", connections="2")
    powers = "rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    had = f"SELECT {powers} FROM pg_roles WHERE rolname = 'exporter'"

    assert shared.execute(had) == [(False, False, False, False)]
    with psycopg.connect(own(shared), autocommit=True) as session, psycopg.connect(own(shared)):
        assert session.execute("SHOW statement_timeout").fetchall() == [("1min",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute("CREATE TABLE mine ()")
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            psycopg.connect(own(shared))


def test_the_helper_in_two_databases_and_the_way_back(shared: Postgres, password: Path, check: Check) -> None:
    run(shared, "role.sql", password_file=str(password))
    run(shared, "pg_stat_statements.sql")
    for dbname in ("postgres", "app"):
        shared.execute("CREATE SCHEMA app; CREATE TABLE app.orders (id int)", dbname=dbname)
        run(shared, "read_data.sql", dbname=dbname)
        run(shared, "explain_helper.sql", dbname=dbname)
    owner = """SELECT r.rolname::text, r.rolcanlogin, r.rolsuper, p.prosecdef
        FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner WHERE p.proname = 'explain_prepared'"""
    owners = [shared.execute(owner, dbname=dbname) for dbname in ("postgres", "app")]
    ran = check("--collector.query-plans", postgres__dsn=own(shared))

    assert owners == [[("datastack_exporter_plan", False, False, True)]] * 2
    assert "query_plans may ask for plans, of INSERT, UPDATE and DELETE too" in str(ran.of("postgres", "ok"))
    assert ran.of("postgres", "advice", "error") == []
    first = psql(shared, "drop_role.sql")
    assert "run it in these databases as well: app" in first.stderr
    assert shared.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'exporter'") == [(False,)]
    assert run(shared, "drop_role.sql", dbname="app") == ""
    made = "SELECT count(*) FROM pg_roles WHERE rolname IN ('exporter', 'datastack_exporter_plan')"
    assert shared.execute(made) == [(0,)]
    for dbname in ("postgres", "app"):
        shared.execute("DROP SCHEMA app CASCADE", dbname=dbname)


@pytest.mark.parametrize("major", [13, 18])
def test_statistics_of_queries_are_set_up(major: int) -> None:
    with require(Postgres, major) as server:
        server.execute("CREATE EXTENSION pg_stat_statements VERSION '1.7'")
        server.execute("ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'")
        server.restart()
        server.execute("ALTER SYSTEM SET track_activity_query_size = 2048")  # which waits for the next one
        assert "restart the server" in run(server, "pg_stat_statements.sql", configure="on")
        server.restart()
        assert run(server, "pg_stat_statements.sql", configure="on") == ""
        server.restart()
        written = server.execute("SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto.conf'")
        newest = server.execute(
            "SELECT installed_version = default_version FROM pg_available_extensions"
            " WHERE name = 'pg_stat_statements'"
        )
        server.execute("SELECT 42 AS counted")
        counted = server.execute("SELECT count(*) FROM pg_stat_statements WHERE query ~ 'AS counted'")

    assert dict(written) == {
        "shared_preload_libraries": "auto_explain, pg_stat_statements",
        "pg_stat_statements.max": "10000", "pg_stat_statements.track_utility": "off",
        "track_io_timing": "on", "track_activity_query_size": "2048",
    }  # fmt: skip
    assert newest == [(True,)]
    assert counted == [(1,)]
