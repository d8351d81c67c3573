"""Statements whose calls take longer than `postgres.slow_query_seconds` on average, from pg_stat_statements.

Each reading of the extension, every 30 seconds, is compared with the one before. This collector shares the
readings with the others that need them, and the texts, which are asked for rarely: a statement that has just
appeared may be noted by its queryid alone at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from exporter.collectors.postgres._slow_statements import SlowStatements
from exporter.collectors.postgres._statements_source import EVERY_SECONDS, statements_of, usual_query
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.metric import counter, gauge
from exporter.model.slow_query import slow_queries_of
from exporter.model.table import Table, by_row

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

DATNAME = ("datname",)
STATEMENTS = gauge(
    "pg_slow_statements",
    "Statements whose calls took longer than postgres.slow_query_seconds on average, between the last two"
    " readings.",
    DATNAME,
)
SECONDS = counter("pg_slow_statements_seconds_total", "Time that the calls of such statements took.", DATNAME)

_OF_SERVER: WeakKeyDictionary[PostgresServer, SlowStatements] = WeakKeyDictionary()


def slow_statements_of(server: PostgresServer) -> SlowStatements:
    """The slow statements of a server, also across a reload. They hear of each reading."""
    if server not in _OF_SERVER:
        seconds = server.options.queries.slow_query_seconds
        slow = _OF_SERVER[server] = SlowStatements(server.describe(), slow_queries_of(server), seconds)
        statements_of(server).listeners.append(slow.hear)
    return _OF_SERVER[server]


def build(server: PostgresServer) -> Collect:
    """The collecting function: one table."""
    statements, slow = statements_of(server), slow_statements_of(server)
    texts = statements.with_texts()

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await statements.refresh(server, deadline)
        await statements.learn(server, deadline)
        slow.look(texts.known, server.shows)
        return [table(slow)]

    return collect


def table(slow: SlowStatements) -> Table:
    """A row for each database."""
    rows = [((name,), (count, slow.seconds[name])) for name, count in slow.count.items()]
    return by_row(DATNAME, (STATEMENTS, SECONDS), rows)


COLLECTOR = CollectorSpec(
    help="Statements whose calls are slow on average, from pg_stat_statements.",
    source="postgres",
    metrics=(STATEMENTS, SECONDS),
    build=build,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="pgstatstatements.html",
    needs=("pg_read_all_stats",),
    explain=usual_query,
)
