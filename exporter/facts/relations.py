"""Tables, indexes and foreign keys of one database as an analysis sees them. No I/O.

Source: https://www.postgresql.org/docs/current/catalogs.html (pg_class, pg_index, pg_constraint),
monitoring-stats.html (pg_stat_*), view-pg-stats.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """A column with what ANALYZE knows of it.

    Attributes:
        name: its name.
        type: as format_type writes it.
        not_null: whether it can't be NULL.
        n_distinct: as in pg_stats: a number, or negative the share of the rows; None without statistics.
        null_frac: share of NULL; None without statistics.
        avg_width: bytes; None without statistics.
        correlation: of the order on disk with the order of values, -1 to 1; None if not known.
        most_common_freq: share of the rows that have the most common value; None if not known.
    """

    name: str
    type: str
    not_null: bool = False
    n_distinct: float | None = None
    null_frac: float | None = None
    avg_width: int | None = None
    correlation: float | None = None
    most_common_freq: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table, materialized view or partitioned table.

    Attributes:
        kind: `r`, `m` or `p`, as pg_class.relkind.
        parent: the oid of the partitioned table that it is a part of; None if it is none.
        pages: pg_class.relpages: 8 kB each as a rule, as of the last VACUUM or ANALYZE.
        rows: pg_class.reltuples; None where it was never analyzed.
        bytes: heap with TOAST; from relpages where it was not measured.
        index_bytes: all its indexes; the same.
        seq_scan, seq_tup_read, idx_scan, ...: as in pg_stat_all_tables, since the statistics were reset.
        last_vacuum: Unix time of the last VACUUM, by hand or automatic; None for never.
        last_analyze: the same of ANALYZE.
        options: its storage parameters: `autovacuum_enabled` -> `off`.
        xid_age, mxid_age: transactions and multixacts since the oldest that is not frozen, TOAST included.
        blks_hit, blks_read: blocks of the heap found in shared buffers, and not found there.
        n_tup_newpage_upd: updates that went to another page, from PostgreSQL 16 on; None before.
        of_extension: whether an extension made it: its indexes are not ours to judge.
        incomplete: whether the bound left out some of its partitions.
        columns: those that an analysis asked for, all otherwise; by name.
    """

    oid: int
    schema: str
    name: str
    kind: str = "r"
    parent: int | None = None
    pages: int = 0
    rows: float | None = None
    bytes: int = 0
    toast_bytes: int = 0
    index_bytes: int = 0
    seq_scan: int = 0
    seq_tup_read: int = 0
    idx_scan: int = 0
    n_tup_ins: int = 0
    n_tup_upd: int = 0
    n_tup_hot_upd: int = 0
    n_tup_del: int = 0
    n_live_tup: int = 0
    n_dead_tup: int = 0
    n_mod_since_analyze: int = 0
    n_ins_since_vacuum: int = 0
    last_vacuum: float | None = None
    last_analyze: float | None = None
    xid_age: int = 0
    mxid_age: int = 0
    blks_hit: int = 0
    blks_read: int = 0
    n_tup_newpage_upd: int | None = None
    of_extension: bool = False
    incomplete: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index. What only pg_get_indexdef knows is not here: that function waits for locks.

    Attributes:
        table: the oid of its table.
        method: `btree`, `hash`, `gin`, `gist`, `brin`, ...
        keys: the names of its key columns in their order; None for an expression.
        include: the columns of INCLUDE.
        opclasses, collations, options: one for each key, as in pg_index: indclass, indcollation, indoption.
        expressions: pg_index.indexprs as stored, to compare; None without.
        predicate: pg_index.indpred as stored, to compare; None if it is of all rows.
        only_not_null: the column, where the predicate is nothing but `column IS NOT NULL`; else empty.
        constraint: whether a constraint owns it (primary key, UNIQUE, EXCLUDE).
        referenced: whether a foreign key of another table leans on it.
        replica_identity: whether logical replication needs it.
        valid: False after a CREATE INDEX CONCURRENTLY that failed, and while one runs.
        building: whether one runs: pg_stat_progress_create_index names it.
        parent: the oid of the partitioned index that it is a part of; None if it is none.
        scans: pg_stat_all_indexes.idx_scan, since the statistics were reset.
        last_scan: Unix time, from PostgreSQL 16 on; None if never or not known.
        immediate: False for the index of a DEFERRABLE constraint, which proves nothing within a transaction.
        nulls_not_distinct: of a unique index: whether NULL may stand there once only.
        parameters: its storage parameters and those of its operator classes, as stored, to compare.
        age_seconds: since it was made or rebuilt, estimated by transactions; None if that can't be told.
    """

    oid: int
    table: int
    schema: str
    name: str
    method: str = "btree"
    keys: tuple[str | None, ...] = ()
    include: tuple[str, ...] = ()
    opclasses: tuple[int, ...] = ()
    collations: tuple[int, ...] = ()
    options: tuple[int, ...] = ()
    expressions: str | None = None
    predicate: str | None = None
    only_not_null: str = ""
    unique: bool = False
    primary: bool = False
    exclusion: bool = False
    constraint: bool = False
    referenced: bool = False
    replica_identity: bool = False
    clustered: bool = False
    valid: bool = True
    building: bool = False
    parent: int | None = None
    bytes: int = 0
    pages: int = 0
    rows: float | None = None
    scans: int = 0
    last_scan: float | None = None
    immediate: bool = True
    nulls_not_distinct: bool = False
    parameters: str = ""
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key: `columns` of `table` refer to `referenced_columns` of `referenced`, in their order.

    Attributes:
        on_delete, on_update: as pg_constraint has them: `a` no action, `r` restrict, `c` cascade, `n`, `d`.
    """

    name: str
    table: int
    columns: tuple[str, ...]
    referenced: int
    referenced_columns: tuple[str, ...]
    on_delete: str = "a"
    on_update: str = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """The relations of one database at one time.

    Attributes:
        datname: the database.
        taken_at: Unix time.
        tables: by oid.
        indexes: by oid.
        foreign_keys: all.
        statistics_seconds: how long the statistics of this database count; None if that is not known.
        statistics_visible: whether the role sees pg_stats: not without pg_read_all_data or rights on tables.
        is_standby: whether the server replays the WAL of another.
        standbys: how many servers stream from it.
        tables_left_out: how many the bound left out; the largest are here.
    """

    datname: str
    taken_at: float
    tables: Mapping[int, Relation]
    indexes: Mapping[int, Index]
    foreign_keys: Sequence[ForeignKey] = ()
    statistics_seconds: float | None = None
    statistics_visible: bool = True
    is_standby: bool = False
    standbys: int = 0
    tables_left_out: int = 0

    def named(self, table: str) -> list[Relation]:
        """The tables of that name, which may have its schema before it."""
        return [t for t in self.tables.values() if table in (t.name, f"{t.schema}.{t.name}")]
