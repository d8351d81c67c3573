"""Tables from pg_class and the statistics functions; the sizes of the largest, without waiting for locks.

The standard views over all tables cost several times as much, and `pg_total_relation_size()` of all tables
fills the session's cache of relations with megabytes that it never gives back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.facts import _records as r
from exporter.facts.relations import Relation
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Refused
from exporter.sources.postgres.rows import Rows
from exporter.sql.identifiers import literal

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

MEASURED = 100
"""Of how many tables the size is asked for: it takes a look at each file."""

NOT_OURS = """n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)' AND c.relpersistence <> 't'"""
"""Leaves out what the server made for itself; of pg_class as c, pg_namespace as n."""


class Chosen(NamedTuple):
    """The tables within the bound.

    Attributes:
        tables: by oid.
        left_out: how many are not there.
    """

    tables: Mapping[int, Relation]
    left_out: int


def sql(major: int, most: int, wanted: Collection[str]) -> str:
    """Tables, partitioned tables and those that are asked for by name first, then the largest.

    A table that was never vacuumed has no pages in pg_class; its rows tell its size then.
    """
    asked = ", ".join(map(literal, sorted(wanted))) or "''"
    newpage = "pg_stat_get_tuples_newpage_updated(c.oid)" if major >= 16 else "NULL"
    return f"""
    WITH every AS MATERIALIZED (
        SELECT c.oid, n.nspname, (c.relname IN ({asked}) OR n.nspname || '.' || c.relname IN ({asked}))
                   AS asked_for,
               greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100) AS weight
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm', 'p') AND {NOT_OURS}
    ), chosen AS MATERIALIZED (
        SELECT e.*
        FROM every AS e
        JOIN pg_class AS c USING (oid)
        ORDER BY e.asked_for DESC, c.relkind = 'p' DESC, e.weight DESC, e.oid
        LIMIT {int(most)}
    )
    SELECT c.oid, k.nspname, c.relname, c.relkind, c.relispartition,
           (SELECT min(inhparent::bigint) FROM pg_inherits WHERE inhrelid = c.oid) AS parent,
           CASE WHEN c.relkind = 'p'
                THEN (SELECT count(*) FROM pg_inherits WHERE inhparent = c.oid) END AS partitions,
           c.relpages, c.reltuples, to_json(c.reloptions) AS reloptions,
           current_setting('block_size') AS block_size,
           coalesce(t.relpages, 0) + coalesce((SELECT sum(x.relpages) FROM pg_index AS i
                                               JOIN pg_class AS x ON x.oid = i.indexrelid
                                               WHERE i.indrelid = t.oid), 0) AS toast_pages,
           pg_stat_get_numscans(c.oid) AS seq_scan, pg_stat_get_tuples_returned(c.oid) AS seq_tup_read,
           pg_stat_get_tuples_inserted(c.oid) AS n_tup_ins, pg_stat_get_tuples_updated(c.oid) AS n_tup_upd,
           pg_stat_get_tuples_hot_updated(c.oid) AS n_tup_hot_upd, {newpage} AS n_tup_newpage_upd,
           pg_stat_get_tuples_deleted(c.oid) AS n_tup_del, pg_stat_get_live_tuples(c.oid) AS n_live_tup,
           pg_stat_get_dead_tuples(c.oid) AS n_dead_tup,
           pg_stat_get_mod_since_analyze(c.oid) AS n_mod_since_analyze,
           pg_stat_get_ins_since_vacuum(c.oid) AS n_ins_since_vacuum,
           date_part('epoch', greatest(pg_stat_get_last_vacuum_time(c.oid),
                                       pg_stat_get_last_autovacuum_time(c.oid))) AS last_vacuum,
           date_part('epoch', greatest(pg_stat_get_last_analyze_time(c.oid),
                                       pg_stat_get_last_autoanalyze_time(c.oid))) AS last_analyze,
           CASE WHEN c.relkind <> 'p' THEN greatest(age(c.relfrozenxid), age(t.relfrozenxid)) END AS xid_age,
           CASE WHEN c.relkind <> 'p' THEN greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid))
           END AS mxid_age,
           pg_stat_get_blocks_hit(c.oid) AS blks_hit,
           pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS blks_read,
           EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                                           AND deptype = 'e') AS of_extension,
           (SELECT count(*) FROM every) AS every
    FROM chosen AS k
    JOIN pg_class AS c USING (oid)
    LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
    """  # noqa: S608  names are literals


def tables_of(rows: Rows) -> Chosen:
    """The tables of that query."""
    found, every, partitions = {}, 0, {}
    for record in r.records(rows):
        table = _table(record)
        found[table.oid] = table
        every = r.integer(record, "every")
        partitions[table.oid] = r.integer(record, "partitions")
    for oid in _incomplete(found, partitions):
        found[oid] = replace(found[oid], incomplete=True)
    return Chosen(found, every - len(found))


def _table(record: r.Record) -> Relation:
    pages, block = r.integer(record, "relpages"), r.integer(record, "block_size")
    toast = r.integer(record, "toast_pages") * block
    rows, analyzed = r.known(record, "reltuples"), r.known(record, "last_analyze")
    # Up to 13 a table that was never analyzed has 0 rows, from 14 on -1.
    never = rows is None or rows < 0 or (rows == 0 and pages == 0 and analyzed is None)
    counters: dict[str, Any] = {name: r.integer(record, name) for name in COUNTERS}
    return Relation(
        oid=r.integer(record, "oid"),
        schema=r.text(record, "nspname"),
        name=r.text(record, "relname"),
        kind=r.text(record, "relkind"),
        parent=r.oid(record, "parent") if r.flag(record, "relispartition") else None,
        pages=pages,
        rows=None if never else rows,
        bytes=pages * block + toast,
        toast_bytes=toast,
        last_vacuum=r.known(record, "last_vacuum"),
        last_analyze=analyzed,
        n_tup_newpage_upd=r.oid(record, "n_tup_newpage_upd"),
        of_extension=r.flag(record, "of_extension"),
        options=r.options(record, "reloptions"),
        **counters,
    )


COUNTERS = (
    *("seq_scan", "seq_tup_read", "n_tup_ins", "n_tup_upd", "n_tup_hot_upd", "n_tup_del", "n_live_tup"),
    *("n_dead_tup", "n_mod_since_analyze", "n_ins_since_vacuum", "xid_age", "mxid_age"),
    *("blks_hit", "blks_read"),
)


def _incomplete(tables: Mapping[int, Relation], partitions: Mapping[int, int]) -> set[int]:
    """Partitioned tables of which not all below them is there."""
    here = Counter(table.parent for table in tables.values())
    found: set[int] = set()
    for oid, count in partitions.items():
        above: int | None = oid
        if here[oid] < count:
            while above is not None and above in tables and above not in found:
                found.add(above)
                above = tables[above].parent
    return found


class Sizes(NamedTuple):
    """Bytes by oid: of tables with TOAST, of their TOAST tables alone, of indexes."""

    tables: Mapping[int, int]
    toast: Mapping[int, int]
    indexes: Mapping[int, int]


async def read_sizes(
    server: PostgresServer, deadline: Deadline, tables: Iterable[Relation], database: str | None
) -> Sizes:
    """The true sizes of the largest tables and their indexes; nothing where a lock is in the way.

    The functions wait behind an ACCESS EXCLUSIVE lock, also behind one that itself still waits. Tables with
    such a lock are left out; where one comes in between, lock_timeout ends the query, and pg_class has to do.
    """
    largest = sorted(
        (t for t in tables if t.kind != "p"), key=lambda t: (t.pages, t.n_live_tup), reverse=True
    )
    chosen = r.array(t.oid for t in largest[:MEASURED])
    try:
        rows = await server.fetch(SIZES.format(chosen=chosen), deadline, database=database, aside=True)
    except (Refused, DeadlineExceeded):
        return Sizes({}, {}, {})
    found: dict[str, dict[int, int]] = {"table": {}, "toast": {}, "index": {}}
    for record in r.records(rows):
        if record["bytes"] is not None:  # it may be gone by now
            found[r.text(record, "what")][r.integer(record, "oid")] = r.integer(record, "bytes")
    return Sizes(found["table"], found["toast"], found["index"])


SIZES = """
WITH locked AS MATERIALIZED (
    SELECT relation FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), free AS MATERIALIZED (
    SELECT c.oid, c.reltoastrelid
    FROM pg_class AS c
    WHERE c.oid = ANY ({chosen})
      AND c.oid NOT IN (SELECT relation FROM locked) AND c.reltoastrelid NOT IN (SELECT relation FROM locked)
      AND NOT EXISTS (SELECT FROM pg_index AS i JOIN locked AS l ON l.relation = i.indexrelid
                      WHERE i.indrelid IN (c.oid, c.reltoastrelid))
)
SELECT 'table' AS what, oid, pg_table_size(oid) AS bytes FROM free
UNION ALL
SELECT 'toast', oid, pg_total_relation_size(reltoastrelid) FROM free WHERE reltoastrelid <> 0
UNION ALL
SELECT 'index', i.indexrelid, pg_table_size(i.indexrelid)
FROM free JOIN pg_index AS i ON i.indrelid = free.oid
"""
