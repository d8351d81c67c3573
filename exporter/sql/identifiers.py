"""Names and texts as a statement needs them: quoted where that is needed, safe in any case."""

from __future__ import annotations

import re

PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)

# https://www.postgresql.org/docs/current/sql-keywords-appendix.html: those that are reserved in PostgreSQL,
# also where they may name a function or type.
RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose
    when where window with
    """.split()  # noqa: SIM905
)


def identifier(name: str) -> str:
    """A name as SQL writes it: `orders`, `"Order"`; one that would not print has Unicode escapes.

    Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
    """
    if PLAIN.fullmatch(name) and name not in RESERVED:
        return name
    if name.isprintable():
        return '"' + name.replace('"', '""') + '"'
    escaped = name.replace("\\", "\\\\").replace('"', '""')
    return 'U&"' + "".join(c if c.isprintable() else f"\\+{ord(c):06x}" for c in escaped) + '"'


def qualified(schema: str, name: str) -> str:
    """A relation with its schema: `public.orders`."""
    return f"{identifier(schema)}.{identifier(name)}"


def literal(text: str) -> str:
    """A text between single quotes, the same whatever `standard_conforming_strings` is."""
    quoted = text.replace("\0", "").replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"
