"""A server at one moment: everything it has counted so far, to be subtracted from a later moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.facts import _records as r
from exporter.facts.read_server import read_server
from exporter.facts.read_statements import read_statements
from exporter.facts.server import DatabaseStatistics
from exporter.facts.statement import Counters, Statement
from exporter.model.deadline import Deadline
from exporter.model.errors import SourceError

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

FIGURES = ("xact_commit", "xact_rollback", "blks_hit", "blks_read", "temp_files", "temp_bytes", "deadlocks")
"""Of pg_stat_database, all databases together."""

STATEMENTS = 5_000
"""By time and by calls: as many as the extension has by default, for what is small by now may grow."""
LARGEST = 200
# relpages, as of the last VACUUM or ANALYZE: pg_table_size() waits for whoever rewrites a table.
TABLES = f"""
SELECT current_database() AS datname, n.nspname, c.relname,
       (c.relpages + coalesce(t.relpages, 0)) * current_setting('block_size')::bigint AS bytes
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
  AND n.nspname <> 'information_schema' AND c.relpages > 0
ORDER BY c.relpages DESC
LIMIT {LARGEST}
"""  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a server has counted.

    Attributes:
        taken_at: Unix time.
        since: Unix time since when statements are counted; None if that is not known.
        statements: all of them, as a rule.
        totals: of all statements.
        figures: those of `FIGURES`, by name.
        table_bytes: `database.schema.table` -> bytes, of the largest of each database, by pg_class.relpages.
        major: the server's major version.
    """

    taken_at: float
    since: float | None
    statements: Sequence[Statement]
    totals: Counters
    figures: Mapping[str, float] = field(default_factory=dict)
    table_bytes: Mapping[str, int] = field(default_factory=dict)
    major: int


async def read_moment(server: PostgresServer, deadline: Deadline) -> Moment:
    """Reads all of it.

    Raises:
        Skip: pg_stat_statements is not there or not loaded, or shows the role nothing.
        SourceError: the server did not answer.
    """
    facts = await read_server(server, deadline)
    table_bytes = await _table_bytes(server, deadline)
    reading = await read_statements(server, deadline, limit=STATEMENTS)
    return Moment(
        taken_at=reading.taken_at,
        since=reading.about.since,
        statements=reading.statements,
        totals=reading.totals,
        figures={name: _sum(name, facts.databases) for name in FIGURES},
        table_bytes=table_bytes,
        major=facts.major,
    )


def _sum(name: str, databases: Sequence[DatabaseStatistics]) -> float:
    return float(sum(getattr(database, name) for database in databases))


async def _table_bytes(server: PostgresServer, deadline: Deadline) -> dict[str, int]:
    """Of the databases that can be read; one that can't is left out."""
    found: dict[str, int] = {}
    for database in await server.databases(deadline):
        try:
            rows = await server.fetch(TABLES, deadline, database=database, aside=True)
        except SourceError:
            continue
        for record in r.records(rows):
            name = ".".join(r.text(record, part) for part in ("datname", "nspname", "relname"))
            found[name] = r.integer(record, "bytes")
    return found
