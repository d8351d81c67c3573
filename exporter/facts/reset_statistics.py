"""Resets statistics of a PostgreSQL server: only when an administrator asks for it, never by itself.

Others who read the same statistics see them fall. The role needs the right for it:
`GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO exporter`, or `pg_stat_reset`.
Source: https://www.postgresql.org/docs/current/pgstatstatements.html#PGSTATSTATEMENTS-FUNCS,
monitoring-stats.html#MONITORING-STATS-FUNCTIONS
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from exporter.facts.pg_stat_statements import asked, installed
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer


class Statistics(StrEnum):
    """What is reset."""

    STATEMENTS = "statements"
    """All entries of pg_stat_statements, of all databases."""
    DATABASE = "database"
    """All counters of one database: tables, indexes, functions. Autovacuum knows from them which tables need
    it, and begins anew: ANALYZE afterwards."""


async def reset_statistics(
    server: PostgresServer, what: Statistics, deadline: Deadline, database: str | None = None
) -> None:
    """Resets statistics now.

    Args:
        server: whose.
        what: which of them.
        deadline: when it must be done.
        database: whose counters; None for the main one. Entries of pg_stat_statements are of all.

    Raises:
        Skip: there is no pg_stat_statements.
        Refused: the role lacks the right.
        SourceError: the server did not answer.
    """
    function = "pg_stat_reset"
    if what is Statistics.STATEMENTS:
        extension = await installed(server, deadline)
        function = f"{extension.schema}.pg_stat_statements_reset"  # a quoted schema
    try:
        if what is Statistics.STATEMENTS:
            await asked(server, f"SELECT {function}()", deadline)
        else:
            await server.fetch(f"SELECT {function}()", deadline, database=database, aside=True)
    except Refused as error:
        if error.reason is not Reason.PERMISSION:
            raise
        grant = f"GRANT EXECUTE ON FUNCTION {function} TO the exporter's role"
        raise Refused(f"the role may not reset them: {grant}", Reason.PERMISSION) from error
