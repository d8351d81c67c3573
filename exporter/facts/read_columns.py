"""Columns of a few tables, with what ANALYZE knows of them, from pg_attribute and pg_stats."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.facts import _records as r
from exporter.facts.relations import Column, Relation
from exporter.sources.postgres.rows import Rows

LOOKED_AT = 20
"""How many tables are tried for statistics that the role sees."""


def sql(tables: Iterable[int]) -> str:
    """The columns of these tables; a partitioned table has statistics of its own with its partitions."""
    return f"""
    SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
           s.n_distinct, s.null_frac, s.avg_width, s.correlation,
           s.most_common_freqs[1] AS most_common_freq
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
                           AND s.attname = a.attname AND s.inherited = (c.relkind = 'p')
    WHERE c.oid = ANY ({r.array(tables)})
    ORDER BY a.attrelid, a.attnum
    """  # noqa: S608  numbers


def columns_of(rows: Rows) -> dict[int, dict[str, Column]]:
    """The columns of that query: by the table's oid, by name."""
    found: dict[int, dict[str, Column]] = {}
    for record in r.records(rows):
        name = r.text(record, "attname")
        width = r.known(record, "avg_width")
        found.setdefault(r.integer(record, "attrelid"), {})[name] = Column(
            name=name,
            type=r.text(record, "type"),
            not_null=r.flag(record, "attnotnull"),
            n_distinct=r.known(record, "n_distinct"),
            null_frac=r.known(record, "null_frac"),
            avg_width=None if width is None else int(width),
            correlation=r.known(record, "correlation"),
            most_common_freq=r.known(record, "most_common_freq"),
        )
    return found


def visible_sql(tables: Iterable[Relation]) -> str:
    """Whether pg_stats shows the role anything of some of the largest tables that have statistics."""
    analyzed = sorted((t for t in tables if t.rows and t.kind != "p"), key=lambda t: -t.pages)[:LOOKED_AT]
    oids = r.array(t.oid for t in analyzed)
    # A join would go through all of pg_statistic.
    return f"""
    SELECT coalesce(bool_or(EXISTS (SELECT FROM pg_stats AS s
                                    WHERE s.schemaname = n.nspname AND s.tablename = c.relname)), true)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = ANY ({oids})
    """  # noqa: S608  numbers
