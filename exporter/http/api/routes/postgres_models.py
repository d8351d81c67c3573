"""What the routes of PostgreSQL answer with; names as the server's views have them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from exporter.http.api.figures import Figures, Number, of
from exporter.http.api.times import Time
from exporter.model.slow_query import SlowKind

DATABASE = "pg_stat_database_"
ACTIVITY = "pg_stat_activity_"


class DatabaseStatus(Figures):
    """One database; counters since its statistics were reset."""

    datname: str = Field(default="", examples=["app"])
    size_bytes: Number = of("pg_database_size_bytes")
    numbackends: Number = of(f"{DATABASE}numbackends")
    xact_commit: Number = of(f"{DATABASE}xact_commit")
    xact_rollback: Number = of(f"{DATABASE}xact_rollback")
    blks_read: Number = of(f"{DATABASE}blks_read")
    blks_hit: Number = of(f"{DATABASE}blks_hit")
    tup_returned: Number = of(f"{DATABASE}tup_returned")
    tup_fetched: Number = of(f"{DATABASE}tup_fetched")
    tup_inserted: Number = of(f"{DATABASE}tup_inserted")
    tup_updated: Number = of(f"{DATABASE}tup_updated")
    tup_deleted: Number = of(f"{DATABASE}tup_deleted")
    conflicts: Number = of(f"{DATABASE}conflicts")
    temp_files: Number = of(f"{DATABASE}temp_files")
    temp_bytes: Number = of(f"{DATABASE}temp_bytes")
    deadlocks: Number = of(f"{DATABASE}deadlocks")


class ServerFigures(Figures):
    """The server itself."""

    server_version_num: Number = of("pg_server_version_num")
    is_in_recovery: Number = of("pg_replication_is_replica", "1 on a standby.")
    replication_lag_seconds: Number = of("pg_replication_lag_seconds")
    connections_used: Number = of("pg_connections_used")
    connections_limit: Number = of("pg_connections_limit")
    wal_size_bytes: Number = of("pg_wal_size_bytes")


class PostgresStatus(BaseModel):
    """A server and its databases."""

    taken_at: Time
    up: bool = Field(description="Whether it answers.")
    server_version: str | None = Field(description="Three numbers, as on the page.", examples=["15.18.0"])
    server: ServerFigures
    databases: list[DatabaseStatus]


class ConnectionGroup(Figures):
    """Sessions that have all of this in common."""

    datname: str = ""
    state: str = Field(default="", examples=["idle in transaction"])
    usename: str = ""
    application_name: str = ""
    backend_type: str = ""
    wait_event_type: str = ""
    wait_event: str = ""
    count: Number = of(f"{ACTIVITY}count")
    max_tx_duration_seconds: Number = of(f"{ACTIVITY}max_tx_duration")


class Waits(Figures):
    """Who waits in one database, and for how long."""

    datname: str = ""
    blocked_sessions: Number = of(f"{ACTIVITY}blocked_sessions")
    blocking_sessions: Number = of(f"{ACTIVITY}blocking_sessions")
    longest_lock_wait_seconds: Number = of(f"{ACTIVITY}longest_lock_wait_seconds")
    longest_transaction_seconds: Number = of(f"{ACTIVITY}longest_transaction_seconds")
    longest_idle_in_transaction_seconds: Number = of(f"{ACTIVITY}longest_idle_in_transaction_seconds")
    longest_query_seconds: Number = of(f"{ACTIVITY}longest_query_seconds")


class ConnectionFigures(Figures):
    """Sessions of the whole server."""

    used: Number = of("pg_connections_used")
    limit: Number = of("pg_connections_limit")


class Listed(BaseModel):
    """A part of a list: `total` says how long all of it is."""

    taken_at: Time
    total: int = Field(ge=0)


class Connections(Listed):
    """Sessions of a server."""

    server: ConnectionFigures
    waits: list[Waits]
    items: list[ConnectionGroup] = Field(description="Groups of sessions, the largest first.")


class StatementRow(BaseModel):
    """One statement of one role in one database: entries of pg_stat_statements with the same text."""

    id: str = Field(description="Of the text: the same everywhere.", examples=["0a1b2c3d4e5f6071"])
    datname: str
    user: str
    queryids: list[str] = Field(description="As texts: JSON's numbers are too short for some readers.")
    query: str = Field(description="Redacted.", examples=["SELECT * FROM users WHERE id = $1"])
    operation: str = Field(examples=["SELECT"])
    tables: list[str]
    toplevel: bool
    calls: float
    rows: float
    total_exec_time_seconds: float
    mean_exec_time_seconds: float
    stddev_exec_time_seconds: float
    min_exec_time_seconds: float | None
    max_exec_time_seconds: float | None
    total_plan_time_seconds: float
    shared_blks_hit: float
    shared_blks_read: float
    temp_blks_written: float
    wal_bytes: float
    stats_since: Time | None


class Statements(Listed):
    """Statements, those with most time first."""

    items: list[StatementRow]


class OperationGroup(Figures):
    """Statements that do the same to the same table; counted since the exporter watches."""

    datname: str = ""
    operation: str = Field(default="", description="Or other, for the rest.", examples=["SELECT"])
    table: str = Field(default="", description="The first one that they name.", examples=["orders"])
    calls: Number = of("pg_statements_calls_total")
    rows: Number = of("pg_statements_rows_total")
    slow_calls: Number = of("pg_statements_slow_calls_total")
    total_exec_time_seconds: Number = of("pg_statements_seconds_total")
    mean_exec_time_seconds: Number = of("pg_statements_mean_seconds", "Of the last two minutes.")
    p95_exec_time_seconds: Number = of("pg_statements_p95_seconds", "Estimated, of the last two minutes.")
    max_exec_time_seconds: Number = of("pg_statements_max_seconds")


class Operations(Listed):
    """Statements by operation and table, those with most time first."""

    items: list[OperationGroup]


class TableRow(BaseModel):
    """One table, materialized view or partitioned table; counters since the statistics were reset."""

    datname: str
    schemaname: str
    relname: str
    relkind: str = Field(description="r, m or p.", examples=["r"])
    reltuples: float | None = Field(description="Estimated rows; null if it was never analyzed.")
    table_bytes: int = Field(description="With TOAST.")
    toast_bytes: int
    index_bytes: int
    seq_scan: int
    seq_tup_read: int
    idx_scan: int
    n_tup_ins: int
    n_tup_upd: int
    n_tup_hot_upd: int
    n_tup_del: int
    n_live_tup: int
    n_dead_tup: int
    n_mod_since_analyze: int
    last_vacuum: Time | None = Field(description="By hand or automatic.")
    last_analyze: Time | None = Field(description="By hand or automatic.")
    xid_age: int = Field(description="Transactions since the oldest that is not frozen.")


class Tables(Listed):
    """Tables, the largest first."""

    datname: str
    left_out: int = Field(description="Tables that were not looked at, smaller than all of these.")
    items: list[TableRow]


class IndexRow(BaseModel):
    """One index; its scans since the statistics were reset."""

    datname: str
    schemaname: str
    relname: str = Field(description="Its table.")
    indexrelname: str
    amname: str = Field(description="Its method.", examples=["btree"])
    columns: list[str | None] = Field(description="Null for an expression.")
    include: list[str]
    is_unique: bool
    is_primary: bool
    is_valid: bool
    is_partial: bool
    index_bytes: int
    idx_scan: int
    last_idx_scan: Time | None = Field(description="From PostgreSQL 16 on.")


class Indexes(Listed):
    """Indexes, the largest first."""

    datname: str
    items: list[IndexRow]


class SlowQueryRow(BaseModel):
    """One slow query that was seen."""

    kind: SlowKind
    at: Time | None = Field(description="When it was last seen.")
    since: Time | None
    seconds: float = Field(description="How long it ran; of a statement the mean of a call.")
    calls: int
    ended: bool
    datname: str
    user: str
    application_name: str
    pid: int | None
    wait_event: str
    blocked_by: list[int]
    operation: str
    tables: list[str]
    query: str = Field(description="Redacted.")
    id: str
    queryid: str


class SlowQueries(Listed):
    """The newest slow queries first."""

    items: list[SlowQueryRow]
