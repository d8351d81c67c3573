"""The facts that routes show, read once for all who ask in the same seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.read_relations import read_relations
from exporter.facts.read_statements import StatementReading, read_statements
from exporter.facts.relations import Relations
from exporter.http.api.data import Data
from exporter.http.api.problems import ApiError
from exporter.model.deadline import Deadline

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

MOST_STATEMENTS = 5_000
"""By time, and as many by calls."""
MOST_TABLES = 10_000


async def statements_of(data: Data, target: str | None) -> StatementReading:
    """The statements of a target's server, those with most time first.

    Raises:
        ApiError: 404, there is no such target, or pg_stat_statements is not there.
        SourceError: the server did not give them.
    """

    async def read(server: PostgresServer, deadline: Deadline) -> StatementReading:
        return await read_statements(server, deadline, limit=MOST_STATEMENTS)

    return await data.facts(target, "statements", read)


async def relations_of(data: Data, target: str | None, database: str | None) -> Relations:
    """The tables and indexes of one database of a target's server.

    Raises:
        ApiError: 404, there is no such target or database.
        SourceError: the server did not give them.
    """

    async def read(server: PostgresServer, deadline: Deadline) -> Relations:
        await known_database(server, database, deadline)
        return await read_relations(server, deadline, database, most_tables=MOST_TABLES)

    return await data.facts(target, ("relations", database), read)


async def known_database(server: PostgresServer, database: str | None, deadline: Deadline) -> None:
    """Makes sure that a name is one that the server itself has listed: it goes into a connection string.

    Raises:
        ApiError: 404, it is not.
        SourceError: the server did not list any.
    """
    if database is not None and database not in await server.databases(deadline):
        raise ApiError(404, "no database has this name, or it is not to be read")
