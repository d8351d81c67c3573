"""The function of `deploy/sql/explain_helper.sql`, which plans with the rights of a role of its own.

It takes the name of a statement that this session has prepared, never a text. Who sees to it that it exists
is the database's administrator; we use it where planning with our own rights is refused.
"""

from __future__ import annotations

from exporter.sources.postgres.planning import NAME, POWERS
from exporter.sql.identifiers import literal

# A function of a superuser, or of one who can become one, would run the statement's functions as such.
USABLE = f"""
SELECT count(*)
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_roles AS owner ON owner.oid = p.proowner
WHERE n.nspname = 'datastack_exporter' AND p.proname = 'explain_prepared' AND p.proargtypes = '25 25'
  AND p.prosecdef AND p.prorettype = 'json'::regtype AND NOT p.proretset
  AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
  AND NOT owner.rolreplication
  AND NOT EXISTS (SELECT FROM pg_roles AS r
                  WHERE (r.rolsuper OR r.rolname IN {POWERS}) AND pg_has_role(owner.oid, r.oid, 'MEMBER'))
"""  # noqa: S608  # constants


def call(search_path: str) -> str:
    """The query that explains our prepared statement, resolved with this search_path."""
    return f"SELECT datastack_exporter.explain_prepared('{NAME}', {literal(search_path)})"
