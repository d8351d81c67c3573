"""What PostgreSQL's own parser says of a text: only with the extra `pgparse` (libpg_query)."""

from __future__ import annotations

from importlib import import_module


def parser_fingerprint(sql: str) -> str | None:
    """The fingerprint of libpg_query, as other tools that use it show it: to find a statement there.

    Nothing here is told apart by it: our own (`exporter.sql.normal`) is the same with and without the extra,
    takes texts that were cut, and knows `SELECT 1` from `SELECT 'a', 2`.

    Args:
        sql: the text as the server has it.

    Returns:
        16 hexadecimal digits; None without the extra, or for a text that is no SQL.
    """
    try:
        pgparse = import_module("pgparse")  # an extra, and 3 MB
    except ImportError:
        return None
    try:
        return str(pgparse.fingerprint(sql))
    except (pgparse.PGQueryError, ValueError):
        return None
