"""What the doctor asks a PostgreSQL server about itself: constant queries, and their answers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from exporter.model.collector import Named
from exporter.model.deadline import Deadline
from exporter.sources.postgres.rows import Rows

STATEMENTS = "pg_stat_statements"
OWN_ROLE = "exporter"

FACTS = f"""
SELECT current_setting('server_version') AS version,
       current_database() AS database,
       session_user AS login,
       current_user AS role,
       r.rolsuper::int AS superuser,
       r.rolinherit::int AS inherits,
       l.rolsuper::int AS login_superuser,
       l.rolconnlimit AS connection_limit,
       (SELECT string_agg(g.rolname, ',') FROM pg_roles AS g
        WHERE g.rolname LIKE 'pg\\_%' AND pg_has_role(current_user, g.oid, 'USAGE')) AS rights,
       (SELECT string_agg(g.rolname, ',') FROM pg_roles AS g
        WHERE g.rolname LIKE 'pg\\_%' AND pg_has_role(current_user, g.oid, 'MEMBER')) AS memberships,
       EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWN_ROLE}')::int AS own_role_exists,
       EXISTS (SELECT FROM pg_roles
               WHERE rolname IN ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin'))::int AS managed,
       current_setting('max_connections') AS max_connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
       (SELECT sum(numbackends) FROM pg_stat_database) AS used,
       (SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted,
       current_setting('ssl') AS ssl,
       CASE WHEN inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1'
              OR inet_client_addr() = inet_server_addr() THEN NULL
            ELSE host(inet_client_addr()) END AS remote
FROM pg_roles AS r, pg_roles AS l
WHERE r.rolname = current_user AND l.rolname = session_user
"""  # noqa: S608  a constant

SETTINGS = f"""
SELECT name, setting, source
FROM pg_settings
WHERE name IN ('shared_preload_libraries', 'track_activities', 'track_counts', 'track_io_timing',
               'track_wal_io_timing', 'track_functions', 'track_activity_query_size', 'compute_query_id',
               '{STATEMENTS}.max', '{STATEMENTS}.track',
               'default_transaction_isolation', 'default_transaction_deferrable', 'max_connections')
"""  # noqa: S608  a constant
# A setting that the role may not see is not in pg_settings, as shared_preload_libraries without pg_monitor;
# the parameters of a loaded library are seen by all.

EXTENSIONS = "SELECT name, default_version, installed_version FROM pg_available_extensions"

FORBIDDEN = """
SELECT 'function' AS kind, p.proname AS name, p.oid::regprocedure::text AS signature,
       has_function_privilege('pg_monitor', p.oid, 'EXECUTE')::int AS monitors
FROM pg_proc AS p
WHERE NOT has_function_privilege(p.oid, 'EXECUTE')
UNION ALL
SELECT 'relation', c.relname, c.oid::regclass::text,
       has_any_column_privilege('pg_monitor', c.oid, 'SELECT')::int
FROM pg_class AS c
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
  AND NOT has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1, 3
"""

DATABASES = """
SELECT datname,
       has_database_privilege(session_user, oid, 'CONNECT')::int AS open,
       has_database_privilege('public', oid, 'CONNECT')::int AS open_to_all
FROM pg_database
WHERE datallowconn AND NOT datistemplate
ORDER BY datname
"""

UNREAD = """
SELECT DISTINCT n.nspname, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
       has_schema_privilege(n.oid, 'USAGE')::int AS open
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'USAGE, SELECT')
                         ELSE has_table_privilege(c.oid, 'SELECT') END
ORDER BY 1, 2
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

    def plan_session(self, deadline: Deadline) -> AbstractAsyncContextManager[object]:
        """A session that asks for plans."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the configuration wants of the server.

    Attributes:
        login: the role that it logs in as.
        max_connections: sessions that the exporter may open.
        wanted: whether a database should be collected from.
        collectors: those of this server that are on.
    """

    login: str = ""
    max_connections: int = 3
    wanted: Callable[[str], bool] = lambda _name: True
    collectors: Sequence[Named] = ()


class Setting(NamedTuple):
    """A server setting as our session has it, and where that comes from (`pg_settings.source`)."""

    value: str
    source: str


class Available(NamedTuple):
    """An extension that the server offers; `installed` is its version in the main database, None without."""

    version: str
    installed: str | None


class Forbidden(NamedTuple):
    """A function that the role may not call, or a relation of the catalogue that it may not read.

    Attributes:
        kind: `function` or `relation`.
        name: without schema and arguments.
        signature: as GRANT wants it.
        monitors: whether pg_monitor would be enough.
    """

    kind: str
    name: str
    signature: str
    monitors: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """The answers.

    Attributes:
        row: the one row of `FACTS`.
        major: the server's major version.
        settings: by name; a setting that the role may not see is not among them.
        extensions: by name.
        forbidden: what the role may not call or read.
    """

    row: Mapping[str, str | None]
    major: int
    settings: Mapping[str, Setting] = field(default_factory=dict)
    extensions: Mapping[str, Available] = field(default_factory=dict)
    forbidden: Sequence[Forbidden] = ()

    def text(self, name: str) -> str:
        """A value of the row as text; empty for NULL."""
        return self.row[name] or ""

    def number(self, name: str) -> int:
        """A value of the row as a number; 0 for NULL."""
        return int(self.row[name] or 0)

    def holds(self, name: str) -> bool:
        """Whether a value of the row is true."""
        return self.row[name] == "1"

    def listed(self, name: str) -> frozenset[str]:
        """A value of the row that is names with commas between."""
        return frozenset(filter(None, self.text(name).split(",")))

    def setting(self, name: str) -> str:
        """A setting's value; empty if there is none, or it is hidden."""
        return self.settings[name].value if name in self.settings else ""

    @property
    def statements_loaded(self) -> bool:
        """Whether pg_stat_statements was loaded at the server's start."""
        return f"{STATEMENTS}.max" in self.settings


async def facts_of(server: PostgresSource, deadline: Deadline) -> Facts:
    """Asks a server all of it.

    Raises:
        SourceError: it did not answer.
    """
    rows = await server.fetch(FACTS, deadline)
    return Facts(
        dict(zip(rows.names, (column[0] for column in rows.columns), strict=True)),
        rows.major,
        {
            name or "": Setting(value or "", source or "")
            for name, value, source in by_row(await server.fetch(SETTINGS, deadline))
        },
        {
            name or "": Available(version or "", installed)
            for name, version, installed in by_row(await server.fetch(EXTENSIONS, deadline))
        },
        [
            Forbidden(kind or "", name or "", signature or "", monitors == "1")
            for kind, name, signature, monitors in by_row(await server.fetch(FORBIDDEN, deadline))
        ],
    )


def by_row(rows: Rows) -> list[tuple[str | None, ...]]:
    """The rows of a result."""
    return list(zip(*rows.columns, strict=True))
