"""The shop of `indexed_queries` in a database of its own, and what its statements cost there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from exporter.analysis.indexes.advice import Surroundings
from exporter.analysis.indexes.proving import Advice, missing_indexes
from exporter.facts.read_relations import read_relations
from exporter.facts.relations import Relations
from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.model.deadline import Deadline
from exporter.sources.postgres.connect import PostgresOptions
from exporter.sources.postgres.plans import PlanSession
from exporter.sql.shape import shape_of
from tests.collecting import database, source
from tests.live.analysis import indexed_queries as workload
from tests.live.analysis.indexed_queries import Labelled
from tests.live.analysis.other_queries import OTHERS
from tests.servers import Postgres

NAME = "shop_indexes"
RIGHTS = """
CREATE ROLE shop_planner LOGIN PASSWORD 'secret';
GRANT pg_monitor TO shop_planner;
GRANT USAGE ON SCHEMA shop TO shop_planner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO shop_planner;
"""
EVERY = (*workload.WANTING, *workload.CONTENT, *workload.WANTING_NOTHING, *OTHERS)
SECONDS = 3600.0


class Run(NamedTuple):
    """What a call took: blocks of tables and indexes; and rows of its answer."""

    blocks: int
    rows: int


@dataclass(frozen=True)
class Shop:
    """The database: a connection of its owner, and how the exporter reaches it."""

    owner: psycopg.Connection[tuple[Any, ...]]
    options: PostgresOptions

    def run(self, statement: Labelled) -> Run:
        """One call with the values that the application asks for; undone."""
        with self.owner.transaction(force_rollback=True):
            values = f"({', '.join(statement.arguments)})" if statement.arguments else ""
            self.owner.execute("DEALLOCATE ALL")
            self.owner.execute(f"PREPARE asked AS {statement.sql}".encode())
            how = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE asked{values}"
            ((answer,),) = self.owner.execute(how.encode())
        node = answer[0]["Plan"]
        return Run(node["Shared Hit Blocks"] + node["Shared Read Blocks"], round(node["Actual Rows"]))

    @contextmanager
    def indexed(self, statements: Iterable[Labelled]) -> Iterator[None]:
        """With the index that each of them wants; undone at the end."""
        wanted = {w for s in statements for w in (s.wanted if s.together else s.wanted[:1])}
        with self.owner.transaction(force_rollback=True):
            for table, keys in sorted(wanted):
                self.owner.execute(f"CREATE INDEX ON {table} ({keys})".encode())
            yield


def statement(labelled: Labelled, rows: float) -> Statement:
    """As pg_stat_statements would have it after its calls, each of which gave so many rows."""
    shape = shape_of(labelled.sql)
    return Statement(
        key=StatementKey(NAME, "shop", labelled.name),
        queryids=(),
        text=labelled.sql,
        raw=labelled.sql,
        operation=shape.operation,
        tables=shape.tables,
        counters=Counters(labelled.calls, labelled.milliseconds, rows=labelled.calls * rows),
    )


@contextmanager
def shop(pg: Postgres) -> Iterator[Shop]:
    """The database, filled and analyzed; gone at the end."""
    with database(pg, NAME), pg.connect(dbname=NAME) as owner:
        for sql in (workload.SCHEMA, workload.DATA, workload.INDEXES, RIGHTS):
            owner.execute(sql.encode())
        for table in workload.TABLES:
            owner.execute(f"{workload.ANALYZE} shop.{table}".encode())
        owner.execute("SET max_parallel_workers_per_gather = 0")
        if owner.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'hypopg'").fetchone():
            owner.execute("CREATE EXTENSION hypopg")
        try:
            yield Shop(
                owner, PostgresOptions(dsn=pg.dsn(dbname=NAME, user="shop_planner", password="secret"))
            )
        finally:
            owner.execute("DROP OWNED BY shop_planner; DROP ROLE shop_planner")


@asynccontextmanager
async def session(shop: Shop) -> AsyncIterator[tuple[PlanSession, Relations]]:
    """A session that plans, and the relations."""
    async with source(shop.options) as server:
        tables = {table for labelled in EVERY for table in shape_of(labelled.sql).tables}
        relations = await read_relations(server, Deadline.after(20), columns_of=tables)
        async with server.plan_session(Deadline.after(20)) as planning:
            yield planning, relations


async def advice(shop: Shop, runs: Mapping[Labelled, Run], *, hypopg: bool = True) -> Advice:
    """What statements lack that ran so."""
    async with session(shop) as (planning, relations):
        planning.hypopg = planning.hypopg and hypopg
        asked = [statement(labelled, run.rows) for labelled, run in runs.items()]
        return await missing_indexes(
            planning, relations, asked, Deadline.after(30), Surroundings(seconds=SECONDS)
        )
