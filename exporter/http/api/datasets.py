"""What can be exported: each dataset as rows, from the same readings as the lists have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from exporter.facts.relations import Index, Relation
from exporter.facts.statement import Statement
from exporter.http.api.data import Data
from exporter.http.api.facts import relations_of, statements_of
from exporter.http.api.routes.postgres_models import (
    ConnectionGroup,
    IndexRow,
    SlowQueryRow,
    StatementRow,
    TableRow,
)
from exporter.http.api.rows import index_row, slow_query_row, statement_row, table_row
from exporter.http.api.stream import Rows
from exporter.http.api.times import moment
from exporter.model.slow_query import SlowQuery, slow_queries_of


class Dataset(StrEnum):
    """What can be exported."""

    STATEMENTS = "statements"
    TABLES = "tables"
    INDEXES = "indexes"
    CONNECTIONS = "connections"
    SLOW_QUERIES = "slow-queries"


class Wanted(NamedTuple):
    """Of what: a target, and one of its databases for tables and indexes."""

    target: str | None
    database: str | None


async def _statements(data: Data, wanted: Wanted) -> Rows[Statement]:
    reading = await statements_of(data, wanted.target)
    return Rows(
        moment(reading.taken_at), reading.statements, lambda s: tuple(s.key), statement_row, StatementRow
    )


async def _tables(data: Data, wanted: Wanted) -> Rows[Relation]:
    relations = await relations_of(data, wanted.target, wanted.database)
    return Rows(
        moment(relations.taken_at),
        list(relations.tables.values()),
        lambda table: (table.schema, table.name, str(table.oid)),
        lambda table: table_row(table, relations.datname),
        TableRow,
    )


async def _indexes(data: Data, wanted: Wanted) -> Rows[Index]:
    relations = await relations_of(data, wanted.target, wanted.database)
    return Rows(
        moment(relations.taken_at),
        list(relations.indexes.values()),
        lambda index: (index.schema, index.name, str(index.oid)),
        lambda index: index_row(index, relations),
        IndexRow,
    )


async def _connections(data: Data, wanted: Wanted) -> Rows[ConnectionGroup]:
    read = await data.snapshot(wanted.target, ("stat_activity",), needs="postgres")
    groups = [group for group in read.rows(ConnectionGroup) if group.count]
    return Rows(
        moment(read.snapshot.taken_at),
        groups,
        lambda g: (
            g.datname,
            g.usename,
            g.application_name,
            g.state,
            g.backend_type,
            g.wait_event_type,
            g.wait_event,
        ),
        lambda group: group,
        ConnectionGroup,
    )


async def _slow_queries(data: Data, wanted: Wanted) -> Rows[SlowQuery]:
    seen = slow_queries_of(data.source(wanted.target, "postgres")).newest()
    return Rows(
        datetime.now(UTC),
        seen,
        lambda q: (f"{q.at:020.6f}", q.kind, f"{q.since:020.6f}", str(q.pid), q.datname, q.user, q.id),
        slow_query_row,
        SlowQueryRow,
    )


READERS: Mapping[Dataset, Callable[[Data, Wanted], Awaitable[Rows[Any]]]] = {
    Dataset.STATEMENTS: _statements,
    Dataset.TABLES: _tables,
    Dataset.INDEXES: _indexes,
    Dataset.CONNECTIONS: _connections,
    Dataset.SLOW_QUERIES: _slow_queries,
}
