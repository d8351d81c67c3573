"""Estimated bloat of the largest tables and b-tree indexes: the queries, and the values for an analysis.

Expected size: rows times header and average width of the columns, each padded to 8 bytes, on pages filled as
far as `fillfactor` says. What the relation has beyond is bloat. An estimate, right to some 10 points as long
as the last ANALYZE is not too old; there is none where pg_stats shows the role too little. Of a b-tree with
many equal keys it is the least that it may be, because the server stores them together.
Source: https://www.postgresql.org/docs/current/storage-page-layout.html, view-pg-stats.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts import _records as r
from exporter.model.deadline import Deadline
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

# 24 bytes are the header of a row and that of a page, 4 a line pointer.
TABLES = """(
    SELECT t.nspname, t.relname, t.relpages, t.block,
           greatest(0, t.relpages - ceil(
               t.reltuples * (4 + 24
                              + CASE WHEN w.nulls THEN ceil(ceil(w.columns / 8.0) / 8) * 8 ELSE 0 END
                              + ceil(w.width / 8) * 8)
               / ((t.block - 24) * t.fillfactor / 100.0))) AS wasted
    FROM (
        SELECT c.oid, n.nspname, c.relname, c.relpages, c.reltuples, b.size AS block,
               coalesce((SELECT max(option_value::int) FROM pg_options_to_table(c.reloptions)
                         WHERE option_name = 'fillfactor'), 100) AS fillfactor
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN (SELECT current_setting('block_size')::int AS size) AS b
        WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.reltuples > 0
          AND c.relpages >= 10485760 / b.size
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
        ORDER BY c.relpages DESC, c.oid
        LIMIT 200
    ) AS t
    CROSS JOIN LATERAL (
        SELECT count(*) AS columns, count(s.avg_width) AS known, bool_or(s.null_frac > 0) AS nulls,
               sum((1 - s.null_frac) * s.avg_width) AS width
        FROM pg_attribute AS a
        LEFT JOIN pg_stats AS s ON s.schemaname = t.nspname AND s.tablename = t.relname
                               AND s.attname = a.attname AND NOT s.inherited
        WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS w
    WHERE w.known >= 0.9 * w.columns
) AS b"""
"""What follows FROM: of the 200 largest tables those of 10 MB or more."""

# 8 bytes are the header of an entry, 4 a line pointer, 40 the header and the trailer of a page.
INDEXES = """(
    SELECT x.nspname, x.relname, x.indexrelname, x.relpages, x.block,
           greatest(0, x.relpages - 1 - ceil(
               x.reltuples * (4 + 8 + CASE WHEN w.nulls THEN 8 ELSE 0 END + ceil(w.width / 8) * 8)
               / ((x.block - 40) * x.fillfactor / 100.0))) AS wasted
    FROM (
        SELECT n.nspname, t.relname, x.relname AS indexrelname, x.relpages, x.reltuples, i.indrelid, i.indkey,
               b.size AS block,
               coalesce((SELECT max(option_value::int) FROM pg_options_to_table(x.reloptions)
                         WHERE option_name = 'fillfactor'), 90) AS fillfactor
        FROM pg_index AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_class AS t ON t.oid = i.indrelid
        JOIN pg_namespace AS n ON n.oid = x.relnamespace
        JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
        CROSS JOIN (SELECT current_setting('block_size')::int AS size) AS b
        WHERE x.relkind = 'i' AND t.relkind IN ('r', 'm') AND x.relpersistence <> 't' AND x.reltuples > 0
          AND x.relpages >= 10485760 / b.size AND i.indpred IS NULL AND i.indexprs IS NULL
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
        ORDER BY x.relpages DESC, x.oid
        LIMIT 200
    ) AS x
    CROSS JOIN LATERAL (
        SELECT count(*) AS columns, count(s.avg_width) AS known, bool_or(s.null_frac > 0) AS nulls,
               sum((1 - s.null_frac) * s.avg_width) AS width
        FROM unnest(x.indkey) AS k(attnum)
        JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
        LEFT JOIN pg_stats AS s ON s.schemaname = x.nspname AND s.tablename = x.relname
                               AND s.attname = a.attname AND NOT s.inherited
    ) AS w
    WHERE w.known = w.columns
) AS b"""
"""What follows FROM: of the 200 largest b-tree indexes on columns of all rows those of 10 MB or more."""


@dataclass(frozen=True, slots=True)
class Bloat:
    """A relation that is larger than its rows explain.

    Attributes:
        schema: of the relation.
        table: its name, of an index that of its table.
        index: the name of the index; empty for a table.
        bytes: its size by pg_class.
        wasted_bytes: how much of that is estimated to be bloat.
    """

    schema: str
    table: str
    index: str
    bytes: int
    wasted_bytes: int

    @property
    def ratio(self) -> float:
        """Which part of it is bloat."""
        return self.wasted_bytes / self.bytes if self.bytes else 0.0


async def read_bloat(server: PostgresServer, deadline: Deadline, database: str | None = None) -> list[Bloat]:
    """The estimates for one database, tables first; what pg_stats does not show the role is not there.

    Raises:
        SourceError: the server did not give it.
    """
    columns = (
        "b.nspname, b.relname, b.relpages * b.block::bigint AS bytes, (b.wasted * b.block)::bigint AS wasted"
    )
    tables, indexes = await asyncio.gather(
        server.fetch((f"SELECT {columns} FROM {TABLES}"), deadline, database=database, aside=True),  # noqa: S608
        server.fetch(
            f"SELECT {columns}, b.indexrelname FROM {INDEXES}",  # noqa: S608
            deadline,
            database=database,
            aside=True,
        ),
    )
    return [*_estimates(tables), *_estimates(indexes)]


def _estimates(rows: Rows) -> Sequence[Bloat]:
    return [
        Bloat(
            r.text(record, "nspname"),
            r.text(record, "relname"),
            record.get("indexrelname") or "",
            r.integer(record, "bytes"),
            r.integer(record, "wasted"),
        )
        for record in r.records(rows)
    ]
