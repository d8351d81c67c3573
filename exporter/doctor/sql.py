"""Names and lists as SQL wants them, each on one line."""

from __future__ import annotations

import re

_ELEMENT = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",]+))\s*(?:,|$)')


def identifier(name: str) -> str:
    """A name between double quotes; one that would not print is written with Unicode escapes.

    Source: PostgreSQL documentation, "Lexical Structure", "Identifiers and Key Words".
    """
    if name.isprintable():
        return '"' + name.replace('"', '""') + '"'
    escaped = name.replace("\\", "\\\\").replace('"', '""')
    return 'U&"' + "".join(c if c.isprintable() else f"\\+{ord(c):06x}" for c in escaped) + '"'


def literal(text: str) -> str:
    """A text between single quotes."""
    return "'" + text.replace("'", "''") + "'"


def with_library(setting: str, library: str) -> str:
    """The value of `shared_preload_libraries` with one more library, for ALTER SYSTEM.

    Each library is a literal of its own: the server would take a list in one literal for the name of
    one library, and not start any more.
    """
    names = [m["plain"] or m["quoted"].replace('""', '"') for m in _ELEMENT.finditer(setting)]
    return ", ".join(literal(name.strip()) for name in (*names, library))
