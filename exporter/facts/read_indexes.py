"""Indexes and foreign keys from pg_index and pg_constraint as they are stored.

`pg_get_indexdef()` and `pg_get_expr()` are not used over all of them: both wait for locks. What is stored is
enough to compare, and `read_definitions` asks for the few that are wanted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from exporter.facts import _records as r
from exporter.facts.relations import ForeignKey, Index
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Refused
from exporter.sources.postgres.rows import Rows

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

PLACES = re.compile(r" :(?:location|list_start|list_end|rexpr_list_start|rexpr_list_end) -?\d+", re.ASCII)
"""Where in the text of CREATE INDEX something stood: that does not tell expressions apart."""
ONLY_NOT_NULL = re.compile(
    r"\{NULLTEST :arg \{VAR :varno 1 :varattno (\d+) [^{}]*\} :nulltesttype 1 [^{}]*\}"
)


class Clock(NamedTuple):
    """What turns the age of a row of the catalog into seconds.

    Attributes:
        seconds: since initdb.
        transactions: that the cluster has numbered so far.
    """

    seconds: float
    transactions: int

    def age(self, transactions: int) -> float | None:
        """Seconds, as if transactions had come evenly; too few rather than too many after pg_upgrade."""
        if self.seconds <= 0 or self.transactions <= 0:
            return None
        return self.seconds * min(1.0, transactions / self.transactions)


def sql(major: int, tables: Iterable[int]) -> str:
    """The indexes of these tables.

    An index that is being built has its mark in pg_stat_progress_create_index, where a role without rights
    sees nothing; so does an invalid one whose table is locked as CREATE INDEX CONCURRENTLY does it.
    """
    last_scan = "date_part('epoch', pg_stat_get_lastscan(x.oid))" if major >= 16 else "NULL"
    nulls = "i.indnullsnotdistinct" if major >= 15 else "false"
    return f"""
    WITH built AS MATERIALIZED (
        SELECT DISTINCT relation FROM pg_locks
        WHERE locktype = 'relation'
          AND mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'AccessExclusiveLock')
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), owned AS MATERIALIZED (
        SELECT conindid, bool_or(contype IN ('p', 'u', 'x')) AS owned, bool_or(contype = 'f') AS referenced
        FROM pg_constraint WHERE conindid <> 0 GROUP BY 1
    )
    SELECT i.indexrelid, i.indrelid, n.nspname, x.relname, m.amname, i.indnkeyatts,
           (SELECT json_agg(a.attname ORDER BY k.place)
            FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
            LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                                       AND k.attnum <> 0) AS columns,
           i.indkey, i.indclass, i.indcollation, i.indoption,
           i.indexprs::text AS indexprs, i.indpred::text AS indpred,
           i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate, i.indisreplident,
           i.indisclustered, x.reloptions::text AS reloptions,
           CASE WHEN m.amname <> 'btree'
                THEN (SELECT string_agg(attnum || attoptions::text, ' ' ORDER BY attnum) FROM pg_attribute
                      WHERE attrelid = x.oid AND attoptions IS NOT NULL) END AS attoptions,
           i.indisvalid AND i.indisready AND i.indislive AS valid, {nulls} AS nulls_not_distinct,
           coalesce(o.owned, false) AS owned, coalesce(o.referenced, false) AS referenced,
           i.indexrelid IN (SELECT index_relid FROM pg_stat_progress_create_index)
               OR (NOT (i.indisvalid AND i.indisready)
                   AND i.indrelid IN (SELECT relation FROM built)) AS building,
           CASE WHEN x.relispartition
                THEN (SELECT min(inhparent::bigint) FROM pg_inherits WHERE inhrelid = x.oid) END AS parent,
           x.relpages, x.reltuples, current_setting('block_size') AS block_size,
           pg_stat_get_numscans(x.oid) AS scans, {last_scan} AS last_scan, age(x.xmin) AS age
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_namespace AS n ON n.oid = x.relnamespace
    JOIN pg_am AS m ON m.oid = x.relam
    LEFT JOIN owned AS o ON o.conindid = i.indexrelid
    WHERE i.indrelid = ANY ({r.array(tables)})
    """  # noqa: S608  numbers


def indexes_of(rows: Rows, clock: Clock, sizes: Mapping[int, int]) -> dict[int, Index]:
    """The indexes of that query by oid."""
    found = (_index(record, clock, sizes) for record in r.records(rows))
    return {index.oid: index for index in found}


def _index(record: r.Record, clock: Clock, sizes: Mapping[int, int]) -> Index:
    oid, count = r.integer(record, "indexrelid"), r.integer(record, "indnkeyatts")
    columns, attnums = r.names(record, "columns"), r.numbers(record, "indkey")
    pages, rows = r.integer(record, "relpages"), r.known(record, "reltuples")
    predicate = _comparable(record["indpred"])
    return Index(
        oid=oid,
        table=r.integer(record, "indrelid"),
        schema=r.text(record, "nspname"),
        name=r.text(record, "relname"),
        method=r.text(record, "amname"),
        keys=columns[:count],
        include=tuple(name or "" for name in columns[count:]),
        opclasses=r.numbers(record, "indclass"),
        collations=r.numbers(record, "indcollation"),
        options=r.numbers(record, "indoption"),
        expressions=_comparable(record["indexprs"]),
        predicate=predicate,
        only_not_null=_only_not_null(predicate, dict(zip(attnums, columns, strict=True))),
        unique=r.flag(record, "indisunique"),
        primary=r.flag(record, "indisprimary"),
        exclusion=r.flag(record, "indisexclusion"),
        constraint=r.flag(record, "owned"),
        referenced=r.flag(record, "referenced"),
        replica_identity=r.flag(record, "indisreplident"),
        clustered=r.flag(record, "indisclustered"),
        valid=r.flag(record, "valid"),
        building=r.flag(record, "building"),
        parent=r.oid(record, "parent"),
        bytes=sizes.get(oid, pages * r.integer(record, "block_size")),
        pages=pages,
        rows=None if rows is None or rows < 0 or (rows == 0 and pages == 0) else rows,
        scans=r.integer(record, "scans"),
        last_scan=r.known(record, "last_scan"),
        immediate=r.flag(record, "indimmediate"),
        nulls_not_distinct=r.flag(record, "nulls_not_distinct"),
        parameters=f"{r.text(record, 'reloptions')} {r.text(record, 'attoptions')}".strip(),
        age_seconds=clock.age(r.integer(record, "age")),
    )


def _comparable(tree: str | None) -> str | None:
    return None if tree is None else PLACES.sub("", tree)


def _only_not_null(predicate: str | None, columns: Mapping[int, str | None]) -> str:
    """The column of a predicate that is `column IS NOT NULL`, if it is one of the index."""
    found = ONLY_NOT_NULL.fullmatch(predicate or "")
    return (columns.get(int(found[1])) or "") if found else ""


def keys_sql(tables: Iterable[int]) -> str:
    """The foreign keys of these tables, each once: those of partitions stand with the partitioned table."""

    def names(owner: str, numbers: str) -> str:
        return f"""(SELECT json_agg(a.attname ORDER BY k.place)
            FROM unnest(o.{numbers}) WITH ORDINALITY AS k(attnum, place)
            JOIN pg_attribute AS a ON a.attrelid = o.{owner} AND a.attnum = k.attnum)"""  # noqa: S608

    return f"""
    SELECT o.conname, o.conrelid, {names("conrelid", "conkey")} AS columns,
           o.confrelid, {names("confrelid", "confkey")} AS referenced_columns, o.confdeltype, o.confupdtype
    FROM pg_constraint AS o
    WHERE o.contype = 'f' AND o.conparentid = 0 AND o.conrelid = ANY ({r.array(tables)})
    ORDER BY o.conrelid, o.conname
    """  # noqa: S608  numbers


def foreign_keys_of(rows: Rows) -> list[ForeignKey]:
    """The foreign keys of that query."""
    return [
        ForeignKey(
            name=r.text(record, "conname"),
            table=r.integer(record, "conrelid"),
            columns=tuple(name or "" for name in r.names(record, "columns")),
            referenced=r.integer(record, "confrelid"),
            referenced_columns=tuple(name or "" for name in r.names(record, "referenced_columns")),
            on_delete=r.text(record, "confdeltype"),
            on_update=r.text(record, "confupdtype"),
        )
        for record in r.records(rows)
    ]


async def read_definitions(
    server: PostgresServer, deadline: Deadline, indexes: Iterable[int], database: str | None = None
) -> dict[int, str]:
    """CREATE INDEX of a few indexes by oid; one that is gone, or whose table is locked, is not there.

    From pg_get_indexdef(), which waits for a lock on the table: each is asked for by itself, so that
    lock_timeout costs that one only.
    """

    async def definition(oid: int) -> str | None:
        sql = f"SELECT pg_get_indexdef({int(oid)})"
        try:
            rows = await server.fetch(sql, deadline, database=database, aside=True)
        except (Refused, DeadlineExceeded):
            return None
        return rows.columns[0][0] if rows.count else None

    oids = list(indexes)
    # All at once is one after the other on one session.
    found = await asyncio.gather(*map(definition, oids))
    return {oid: text for oid, text in zip(oids, found, strict=True) if text}
