"""Facts and findings of a database on a real server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from exporter.analysis.finding import Finding
from exporter.analysis.hygiene import dropped_by, index_hygiene
from exporter.facts.read_indexes import read_definitions
from exporter.facts.read_relations import read_relations
from exporter.facts.read_server import read_server
from exporter.facts.relations import Index, Relation, Relations
from exporter.facts.server import ServerFacts
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from tests.collecting import source

DAY = 86_400.0


async def relations_of(
    options: PostgresOptions, *, most_tables: int = 1000, columns_of: Collection[str] = ()
) -> Relations:
    """The relations of the database that the options name."""
    async with source(options) as server:
        return await read_relations(
            server, Deadline.after(20), most_tables=most_tables, columns_of=columns_of
        )


async def server_of(options: PostgresOptions, memory_bytes: int | None = None) -> ServerFacts:
    """The server that the options name."""
    async with source(options) as server:
        return await read_server(server, Deadline.after(20), memory_bytes=memory_bytes)


def aged(relations: Relations) -> Relations:
    """The same after a hundred days in which nothing happened."""
    indexes = {oid: replace(index, age_seconds=100 * DAY) for oid, index in relations.indexes.items()}
    return replace(relations, indexes=indexes, statistics_seconds=100 * DAY)


async def hygiene_of(options: PostgresOptions) -> tuple[Relations, list[Finding]]:
    """What is said of the indexes of a database, with the definitions of those that may go."""
    async with source(options) as server:
        relations = aged(await read_relations(server, Deadline.after(20)))
        definitions = await read_definitions(server, Deadline.after(20), dropped_by(relations))
    return relations, list(index_hygiene(relations, definitions))


def table(relations: Relations, name: str) -> Relation:
    """The table of this name."""
    (found,) = [table for table in relations.tables.values() if table.name == name]
    return found


def index(relations: Relations, name: str) -> Index:
    """The index of this name."""
    (found,) = [index for index in relations.indexes.values() if index.name == name]
    return found
