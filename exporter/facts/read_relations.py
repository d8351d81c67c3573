"""Reads tables, indexes and foreign keys of one database for an analysis.

What it costs the server, with 10,000 tables and 30,000 indexes: see docs/performance.md. No view over all
relations, no lock that is waited for longer than lock_timeout, and a session of its own that ends with it,
because what a session has once looked up of a relation it never forgets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts import _records as r
from exporter.facts import read_columns, read_indexes, read_tables
from exporter.facts.relations import Column, Index, Relation, Relations
from exporter.model.deadline import Deadline
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

# The upper half of the system identifier is when initdb ran. A database whose statistics were never reset
# has no time from PostgreSQL 15 on; after a crash all statistics begin anew, which those of the cluster tell.
BEGINNING = """
SELECT current_database() AS datname, date_part('epoch', now()) AS now,
       date_part('epoch', now() - greatest(d.stats_reset, b.stats_reset)) AS statistics_seconds,
       pg_is_in_recovery() AS is_standby,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       date_part('epoch', now())
           - (SELECT system_identifier >> 32 FROM pg_control_system()) AS cluster_seconds,
       pg_snapshot_xmax(pg_current_snapshot()) AS transactions
FROM pg_stat_database AS d, pg_stat_bgwriter AS b
WHERE d.datname = current_database()
"""


async def read_relations(
    server: PostgresServer,
    deadline: Deadline,
    database: str | None = None,
    *,
    most_tables: int = 1000,
    columns_of: Collection[str] = (),
) -> Relations:
    """The relations of one database.

    From pg_class, pg_index, pg_constraint, pg_stats and the functions behind the statistics views. Sizes are
    those of pg_class, of the 100 largest tables the true ones. Temporary tables and what belongs to the
    server are left out.

    Args:
        server: where to ask.
        deadline: when it must be done.
        database: which one; None for the main one.
        most_tables: how many tables at most: partitioned ones first, then the largest.
        columns_of: names of tables whose columns are wanted, with their schema or without; they are among
            the tables however small they are, and the columns of their partitions come along.

    Raises:
        SourceError: the server did not give it.
    """

    async def fetch(sql: str) -> Rows:
        return await server.fetch(sql, deadline, database=database, aside=True)

    beginning, rows = await asyncio.gather(
        fetch(BEGINNING),
        server.fetch(
            lambda major: read_tables.sql(major, most_tables, columns_of),
            deadline,
            database=database,
            aside=True,
        ),
    )
    tables, left_out = read_tables.tables_of(rows)
    wanted = _named(tables, columns_of)
    index_rows, key_rows, column_rows, visible, sizes = await asyncio.gather(
        fetch(read_indexes.sql(rows.major, tables)),
        fetch(read_indexes.keys_sql(tables)),
        fetch(read_columns.sql(wanted)),
        fetch(read_columns.visible_sql(tables.values())),
        read_tables.read_sizes(server, deadline, tables.values(), database),
    )
    (start,) = r.records(beginning)
    clock = read_indexes.Clock(r.known(start, "cluster_seconds") or 0.0, r.integer(start, "transactions"))
    indexes = read_indexes.indexes_of(index_rows, clock, sizes.indexes)
    columns = read_columns.columns_of(column_rows)
    return Relations(
        datname=r.text(start, "datname"),
        taken_at=r.known(start, "now") or 0.0,
        tables=_whole(tables, indexes, columns, sizes),
        indexes=indexes,
        foreign_keys=read_indexes.foreign_keys_of(key_rows),
        statistics_seconds=r.known(start, "statistics_seconds"),
        statistics_visible=visible.columns[0][0] == "t",
        is_standby=r.flag(start, "is_standby"),
        standbys=r.integer(start, "standbys"),
        tables_left_out=left_out,
    )


def _named(tables: Mapping[int, Relation], names: Collection[str]) -> list[int]:
    """The tables of these names, and their partitions."""
    wanted = set(names)
    found = {oid for oid, t in tables.items() if t.name in wanted or f"{t.schema}.{t.name}" in wanted}
    while more := {oid for oid, t in tables.items() if t.parent in found} - found:
        found |= more
    return sorted(found)


def _whole(
    tables: Mapping[int, Relation],
    indexes: Mapping[int, Index],
    columns: Mapping[int, Mapping[str, Column]],
    sizes: read_tables.Sizes,
) -> dict[int, Relation]:
    """The tables with what is told by their indexes, their columns and their files."""
    scans, index_bytes = Counter[int](), Counter[int]()
    for index in indexes.values():
        scans[index.table] += index.scans
        index_bytes[index.table] += index.bytes
    return {
        oid: replace(
            table,
            bytes=sizes.tables.get(oid, table.bytes),
            toast_bytes=sizes.toast.get(oid, table.toast_bytes),
            index_bytes=index_bytes[oid],
            idx_scan=scans[oid],
            columns=columns.get(oid, {}),
        )
        for oid, table in tables.items()
    }
