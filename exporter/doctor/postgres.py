"""What a PostgreSQL server (13 to 18) needs so that everything can be collected from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporter.doctor.finding import Finding, Notes
from exporter.doctor.postgres_connect import remedy_of
from exporter.doctor.sql import identifier, with_library
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError
from exporter.model.view import SUPPORTED_MAJORS
from exporter.sources.postgres.rows import Rows

STATEMENTS = "pg_stat_statements"
OWN_ROLE = "datastack_exporter"
NEARLY_FULL = 0.9
"""The part of the connections in use from which on it is worth a word."""
NAMED = 8
"""How many databases are named where all is well."""

FACTS = f"""
SELECT current_setting('server_version') AS version,
       current_database() AS database,
       session_user AS login,
       current_user AS role,
       r.rolsuper::int AS superuser,
       r.rolinherit::int AS inherits,
       l.rolsuper::int AS login_superuser,
       l.rolconnlimit AS connection_limit,
       pg_has_role(current_user, 'pg_monitor', 'USAGE')::int AS monitors,
       pg_has_role(current_user, 'pg_monitor', 'MEMBER')::int AS member,
       EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWN_ROLE}')::int AS own_role_exists,
       EXISTS (SELECT FROM pg_roles
               WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin'))::int AS managed,
       (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS libraries,
       EXISTS (SELECT FROM pg_settings WHERE name = '{STATEMENTS}.max')::int AS statements_loaded,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = '{STATEMENTS}')::int AS statements_available,
       EXISTS (SELECT FROM pg_extension WHERE extname = '{STATEMENTS}')::int AS statements_created,
       current_setting('track_io_timing') AS track_io_timing,
       current_setting('max_connections') AS max_connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
       (SELECT sum(numbackends) FROM pg_stat_database) AS used
FROM pg_roles AS r, pg_roles AS l
WHERE r.rolname = current_user AND l.rolname = session_user
"""  # noqa: S608  two constants
# A setting that the role may not see is not in pg_settings, so the libraries are NULL without pg_monitor;
# the parameters of a loaded library are seen by all.

CLOSED = """
SELECT datname
FROM pg_database
WHERE datallowconn AND NOT datistemplate AND NOT has_database_privilege(session_user, oid, 'CONNECT')
ORDER BY datname
"""


class PostgresSource(Protocol):
    """What the doctor needs of a server."""

    def describe(self) -> str:
        """Names the server for people."""

    async def fetch(
        self, sql: str | Callable[[int], str], deadline: Deadline, *, database: str | None = None
    ) -> Rows:
        """The rows of one query."""

    async def databases(self, deadline: Deadline) -> list[str]:
        """The databases that are collected from."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the configuration wants of the server.

    Attributes:
        login: the role that it logs in as.
        max_connections: sessions that the exporter may open.
        wanted: whether a database should be collected from.
        needy: the collectors that are on and see less without pg_monitor.
    """

    login: str = ""
    max_connections: int = 3
    wanted: Callable[[str], bool] = lambda _name: True
    needy: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Facts:
    """The one row of `FACTS`."""

    values: Mapping[str, str | None]
    major: int

    def text(self, name: str) -> str:
        return self.values[name] or ""

    def number(self, name: str) -> int:
        return int(self.values[name] or 0)

    def holds(self, name: str) -> bool:
        return self.values[name] == "1"


async def examine(server: PostgresSource, expected: Expected, deadline: Deadline) -> list[Finding]:
    """The findings about one server; a server that is not reached gives one, an error."""
    notes = Notes(server.describe())
    try:
        rows = await server.fetch(FACTS, deadline)
        facts = _Facts(dict(zip(rows.names, (column[0] for column in rows.columns), strict=True)), rows.major)
        _version(facts, notes)
        _rights(facts, expected, notes)
        _limits(facts, expected, notes)
        await _databases(server, facts, expected, deadline, notes)
        _statements(facts, notes)
        _timing(facts, notes)
    except SourceError as error:
        notes.error(str(error), *remedy_of(str(error), expected.login, expected.max_connections))
    return notes.findings


def _version(facts: _Facts, notes: Notes) -> None:
    oldest, newest = SUPPORTED_MAJORS[0], SUPPORTED_MAJORS[-1]
    text = f"PostgreSQL {facts.text('version')}, as role {facts.text('role')}"
    if facts.major < oldest:
        notes.error(f"{text}: supported are {oldest} to {newest}", "-- upgrade the server")
    elif facts.major > newest:
        notes.advice(
            f"{text}: newer than {newest}, the newest that is tested, and read like it",
            "-- look for a newer release of the exporter",
        )
    else:
        notes.ok(text)


def _rights(facts: _Facts, expected: Expected, notes: Notes) -> None:
    role = identifier(facts.text("role"))
    if facts.holds("superuser"):
        notes.advice("the role is a superuser, and needs none of that power", *_own_role(facts))
    elif facts.holds("monitors"):
        notes.ok("the role has the rights of pg_monitor")
    else:
        less = f": {', '.join(expected.needy)} see less, or nothing" if expected.needy else ""
        notes.error(f"the role does not have the rights of pg_monitor{less}", *_grants(facts, role))


def _own_role(facts: _Facts) -> list[str]:
    create = [] if facts.holds("own_role_exists") else [f"CREATE ROLE {OWN_ROLE} LOGIN;"]
    return [
        *create,
        f"GRANT pg_monitor TO {OWN_ROLE};",
        rf"-- give it a password (in psql: \password {OWN_ROLE}), and log in as it in postgres.dsn",
    ]


def _grants(facts: _Facts, role: str) -> list[str]:
    """What makes the rights of pg_monitor the role's own, also where it does not inherit."""
    if facts.major >= 16:  # a grant says whether it is inherited; the role only has the default
        explicit = facts.holds("member") or not facts.holds("inherits")
        return [f"GRANT pg_monitor TO {role}{' WITH INHERIT TRUE' if explicit else ''};"]
    inherit = [] if facts.holds("inherits") else [f"ALTER ROLE {role} INHERIT;"]
    return [f"GRANT pg_monitor TO {role};", *inherit]


def _limits(facts: _Facts, expected: Expected, notes: Notes) -> None:
    limit, wanted = facts.number("connection_limit"), expected.max_connections
    if 0 <= limit < wanted and not facts.holds("login_superuser"):
        login = identifier(facts.text("login"))
        notes.error(
            f"the role has a connection limit of {limit}, less than postgres.max_connections, {wanted}",
            f"ALTER ROLE {login} CONNECTION LIMIT {wanted};",
        )
    used, usable = facts.number("used"), facts.number("usable")
    if used >= NEARLY_FULL * usable:
        more = 2 * facts.number("max_connections")
        notes.advice(
            f"{used} of the {usable} connections that are not reserved are in use",
            *_set(facts, "max_connections", str(more)),
            "-- then restart the server; or put a pooler such as PgBouncer in front of it",
        )


def _set(facts: _Facts, name: str, value: str) -> list[str]:
    """The line that changes a server setting. Managed services allow no ALTER SYSTEM."""
    if facts.holds("managed"):
        return [f"-- in the service's parameters of this server: {name} = {value}"]
    return [f"ALTER SYSTEM SET {name} = {value};"]


async def _databases(
    server: PostgresSource, facts: _Facts, expected: Expected, deadline: Deadline, notes: Notes
) -> None:
    """Whether each database that should be collected from lets us in."""
    login = facts.text("login")
    rows = await server.fetch(CLOSED, deadline)
    closed = [name for name in rows.columns[0] if name is not None and expected.wanted(name)]
    for name in closed:
        notes.error(
            f"database {name}: the role may not connect",
            f"GRANT CONNECT ON DATABASE {identifier(name)} TO {identifier(login)};",
            "-- or leave it out: postgres.exclude_databases",
        )
    names = await server.databases(deadline)
    fetches = (server.fetch("SELECT 1", deadline, database=name) for name in names)
    answers = await asyncio.gather(*fetches, return_exceptions=True)
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, SourceError):
            remedy = remedy_of(str(answer), login, expected.max_connections)
            notes.error(f"database {name}: {answer}", *remedy)
        elif isinstance(answer, BaseException):
            raise answer
    if not closed and all(isinstance(answer, Rows) for answer in answers):
        more = ", ..." if len(names) > NAMED else ""
        notes.ok(f"databases that are collected from: {len(names)} ({', '.join(names[:NAMED])}{more})")


def _statements(facts: _Facts, notes: Notes) -> None:
    """pg_stat_statements: the library at the server's start, and the extension in the main database."""
    if not facts.holds("statements_available"):
        notes.advice(
            f"{STATEMENTS} is not installed on the server: there are no statistics of queries",
            f"-- install PostgreSQL's contrib modules (Debian: postgresql-{facts.major};"
            f" Red Hat: postgresql{facts.major}-contrib), then check again",
        )
        return
    if not facts.holds("statements_loaded"):
        notes.advice(f"{STATEMENTS} is not loaded: there are no statistics of queries", *_load(facts))
    if not facts.holds("statements_created"):
        notes.advice(
            f"extension {STATEMENTS} is not in database {facts.text('database')}",
            f"-- in database {identifier(facts.text('database'))}:",
            f"CREATE EXTENSION {STATEMENTS};",
        )
    if facts.holds("statements_loaded") and facts.holds("statements_created"):
        notes.ok(f"{STATEMENTS} is loaded, and in database {facts.text('database')}")


def _load(facts: _Facts) -> list[str]:
    libraries = facts.values["libraries"]
    if libraries is None:
        # Without the present value, the line could drop a library that the server can't do without.
        return ["-- give the role the rights of pg_monitor, then check again: the value is hidden from it"]
    value = with_library(libraries, STATEMENTS)
    return [*_set(facts, "shared_preload_libraries", value), "-- then restart the server"]


def _timing(facts: _Facts, notes: Notes) -> None:
    if facts.text("track_io_timing") == "on":
        notes.ok("track_io_timing is on")
        return
    reload = [] if facts.holds("managed") else ["SELECT pg_reload_conf();"]
    notes.advice(
        "track_io_timing is off: how long reads and writes take is not counted",
        *_set(facts, "track_io_timing", "on"),
        *reload,
    )
