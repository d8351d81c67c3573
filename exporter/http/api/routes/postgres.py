"""PostgreSQL: state, connections, slow queries, statements, tables, indexes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from pydantic import Field

from exporter.http.api.data import Data, Place, With
from exporter.http.api.facts import relations_of, statements_of
from exporter.http.api.figures import Read
from exporter.http.api.problems import documented
from exporter.http.api.routes.postgres_models import (
    ConnectionFigures,
    ConnectionGroup,
    Connections,
    DatabaseStatus,
    Indexes,
    OperationGroup,
    Operations,
    PostgresStatus,
    ServerFigures,
    SlowQueries,
    Statements,
    Tables,
    Waits,
)
from exporter.http.api.rows import index_row, slow_query_row, statement_row, table_row
from exporter.http.api.times import Time, moment
from exporter.model.slow_query import slow_queries_of

router = APIRouter(prefix="/postgres", tags=["postgres"])

T = TypeVar("T")

UP = "pg_up"
OF_SERVERS = documented(502, 504)


class Part(Place):
    """Which part of a list."""

    limit: int = Field(default=100, ge=1, le=1000, description="Items in the answer at most.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="Items that are passed over.")

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """The part of a list."""
        return items[self.offset : self.offset + self.limit]


class DatabasePart(Part):
    """Which part of a database's list."""

    database: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="One of the server's databases; without it the one of the configuration.",
        examples=["postgres"],
    )


async def _read(data: Data, place: Place, collectors: Sequence[str]) -> tuple[Read, Time]:
    read = await data.snapshot(place.target, collectors, needs="postgres")
    return read, moment(read.snapshot.taken_at)


@router.get("/status", response_model=PostgresStatus, responses=documented())
async def status(data: With, place: Annotated[Place, Query()]) -> PostgresStatus:
    """Whether the server answers, its version, and its databases."""
    collectors = ("postgres_up", "server_facts", "replication", "activity", "wal")
    read, taken_at = await _read(data, place, (*collectors, "stat_database", "database_size"))
    versions = (labels["short_version"] for labels, _ in read.samples("pg_static"))
    return PostgresStatus(
        taken_at=taken_at,
        up=read.first(UP) == 1,
        server_version=next(versions, None),
        server=read.one(ServerFigures),
        databases=[database for database in read.rows(DatabaseStatus) if database.datname],
    )


@router.get("/connections", response_model=Connections, responses=documented())
async def connections(data: With, part: Annotated[Part, Query()]) -> Connections:
    """Sessions: how many of how many, who waits for whom, and what they do, in groups."""
    read, taken_at = await _read(data, part, ("activity", "stat_activity"))
    groups = [group for group in read.rows(ConnectionGroup) if group.count]
    groups.sort(key=lambda group: -(group.count or 0))
    return Connections(
        taken_at=taken_at,
        total=len(groups),
        server=read.one(ConnectionFigures),
        waits=read.rows(Waits),
        items=list(part.of(groups)),
    )


@router.get("/slow-queries", response_model=SlowQueries, responses=documented())
async def slow_queries(data: With, part: Annotated[Part, Query()]) -> SlowQueries:
    """Queries that ran for long and statements that became slow, as far as they were seen."""
    seen = slow_queries_of(data.source(part.target, "postgres")).newest()
    return SlowQueries(
        taken_at=datetime.now(UTC), total=len(seen), items=[slow_query_row(q) for q in part.of(seen)]
    )


@router.get("/statements", response_model=Statements, responses=OF_SERVERS)
async def statements(data: With, part: Annotated[Part, Query()]) -> Statements:
    """Statements from pg_stat_statements, merged by text; 404 without the extension."""
    reading = await statements_of(data, part.target)
    return Statements(
        taken_at=moment(reading.taken_at),
        total=len(reading.statements),
        items=[statement_row(statement) for statement in part.of(reading.statements)],
    )


@router.get("/statements/by-table", response_model=Operations, responses=documented())
async def operations(data: With, part: Annotated[Part, Query()]) -> Operations:
    """Statements by what they do to which table, as the collector statements_by_table has them."""
    read, taken_at = await _read(data, part, ("statements_by_table",))
    groups = read.rows(OperationGroup)
    groups.sort(key=lambda group: -(group.total_exec_time_seconds or 0))
    return Operations(taken_at=taken_at, total=len(groups), items=list(part.of(groups)))


@router.get("/tables", response_model=Tables, responses=OF_SERVERS)
async def tables(data: With, part: Annotated[DatabasePart, Query()]) -> Tables:
    """Tables of one database: size, scans, rows, when they were vacuumed and analyzed."""
    relations = await relations_of(data, part.target, part.database)
    largest = sorted(relations.tables.values(), key=lambda t: -(t.bytes + t.index_bytes))
    return Tables(
        taken_at=moment(relations.taken_at),
        datname=relations.datname,
        total=len(largest),
        left_out=relations.tables_left_out,
        items=[table_row(table, relations.datname) for table in part.of(largest)],
    )


@router.get("/indexes", response_model=Indexes, responses=OF_SERVERS)
async def indexes(data: With, part: Annotated[DatabasePart, Query()]) -> Indexes:
    """Indexes of one database: size, scans, what they are."""
    relations = await relations_of(data, part.target, part.database)
    largest = sorted(relations.indexes.values(), key=lambda index: -index.bytes)
    return Indexes(
        taken_at=moment(relations.taken_at),
        datname=relations.datname,
        total=len(largest),
        items=[index_row(index, relations) for index in part.of(largest)],
    )
