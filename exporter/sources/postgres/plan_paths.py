"""With which search_path a statement may have run: pg_stat_statements does not keep it.

Source: https://www.postgresql.org/docs/current/catalog-pg-db-role-setting.html, ddl-schemas.html.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence

import psycopg

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded
from exporter.sources.postgres.session import Session
from exporter.sql.identifiers import identifier, literal

_PARTS = re.compile(r'(?:"(?:[^"]|"")*"|[^,"])+')
DEFAULT = '"$user", public'
MOST = 4
"""Settings of roles that are tried where nobody knows whose statement it is."""

# The nearest setting first; of several roles' the most common one.
SETTINGS = """
SELECT substr(c, 13)
FROM pg_db_role_setting AS s
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) AS c
WHERE c LIKE 'search_path=%'
  AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND (s.setrole = 0 OR {user} IN (r.rolname, ''))
GROUP BY c, s.setrole = 0, s.setdatabase = 0
ORDER BY s.setrole = 0, s.setdatabase = 0, count(*) DESC, c
LIMIT 6
"""
# For each name the schema that has most of all the names.
SCHEMAS = """
SELECT DISTINCT ON (relname) nspname, has_schema_privilege(nspname, 'USAGE')::int
FROM (SELECT c.relname, n.nspname, count(*) OVER (PARTITION BY n.oid) AS names
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relname = ANY(string_to_array({names}, chr(10)))
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS found
ORDER BY relname, names DESC, nspname
"""
EXTENSIONS = """
SELECT DISTINCT n.nspname, 1 FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE n.nspname <> 'pg_catalog' AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1 LIMIT 20
"""


def paths(settings: Iterable[str], ours: str, user: str) -> Sequence[str]:
    """The search paths to try: the settings of the role and of the database, ours, PostgreSQL's default.

    Args:
        settings: of roles and databases, the nearest first.
        ours: what our own sessions start with.
        user: whose statement it is; empty if not known.
    """
    wanted = [*list(settings)[:MOST], ours, DEFAULT]
    return list(dict.fromkeys(_for(user, path) for path in wanted if path.strip()))


def _for(user: str, path: str) -> str:
    """With the role's own schema where ours would be."""
    parts = (part.strip() for part in _PARTS.findall(path))
    own = identifier(user) if user else ""
    return ", ".join(filter(None, (own if part.strip('"') == "$user" else part for part in parts)))


def unqualified(tables: Iterable[str]) -> list[str]:
    """The names without a schema, as the catalog has them."""
    return [_folded(name) for name in tables if not _is_qualified(name)]


def _is_qualified(name: str) -> bool:
    return "." in re.sub(r'"(?:[^"]|"")*"', "", name)


def _folded(name: str) -> str:
    return name[1:-1].replace('""', '"') if name[:1] == '"' else name


def path_of(schemas: Iterable[str], extensions: Iterable[str]) -> str:
    """One search path over the schemas that have a statement's tables and those of extensions."""
    return ", ".join(map(identifier, dict.fromkeys([*schemas, "public", *extensions])))


class Paths:
    """Finds search paths over a session between two transactions.

    Args:
        session: the one that plans.
        ours: the search_path that the role's sessions start with.

    Attributes:
        closed: the schemas that have tables of the last statement, and that the role may not use.
    """

    def __init__(self, session: Session, ours: str) -> None:
        self._session = session
        self._ours = ours
        self._by_user: dict[str, Sequence[str]] = {}
        self.closed: Sequence[str] = ()

    async def of(
        self, tables: Iterable[str], user: str, worked: str, deadline: Deadline
    ) -> AsyncIterator[str]:
        """The search paths for a statement, each once, the likeliest first.

        Args:
            tables: the names that stand in it.
            user: whose it is; empty if not known.
            worked: the one that worked the last time; empty if there was none.
            deadline: when the last one has to be known.
        """
        self.closed = ()
        if worked:
            yield worked
        if user not in self._by_user:
            settings = [path for path, *_ in await self._ask(SETTINGS.format(user=literal(user)), deadline)]
            self._by_user[user] = paths(settings, self._ours, user)
        tried = [worked, *self._by_user[user]]
        for path in tried[1:]:
            if path != worked:
                yield path
        if names := unqualified(tables):
            found = await self._ask(SCHEMAS.format(names=literal("\n".join(names))), deadline)
            self.closed = [schema for schema, usable in found if usable != "1"]
            extensions = [schema for schema, _ in await self._ask(EXTENSIONS, deadline)]
            path = path_of((schema for schema, usable in found if usable == "1"), extensions)
            if path not in tried:
                yield path

    async def _ask(self, sql: str, deadline: Deadline) -> list[tuple[str, ...]]:
        """Rows of text; none where the question fails: then nobody knows."""
        try:
            cursor = await self._session.execute(sql, deadline)
            rows: list[tuple[str, ...]] = await cursor.fetchall()
        except DeadlineExceeded:
            await self._session.end()
            return []
        except psycopg.Error:
            return []
        return rows
