"""From facts to rows of the API."""

from __future__ import annotations

from exporter.facts.relations import Index, Relation, Relations
from exporter.facts.statement import Statement
from exporter.http.api.routes.postgres_models import IndexRow, SlowQueryRow, StatementRow, TableRow
from exporter.http.api.times import at
from exporter.model.slow_query import SlowQuery

MILLISECONDS = 1000


def statement_row(statement: Statement) -> StatementRow:
    """A statement; its text is the redacted one."""
    counters = statement.counters
    return StatementRow(
        id=statement.key.id,
        datname=statement.key.datname,
        user=statement.key.user,
        queryids=list(statement.queryids),
        query=statement.text,
        operation=statement.operation,
        tables=list(statement.tables),
        toplevel=statement.toplevel,
        calls=counters.calls,
        rows=counters.rows,
        total_exec_time_seconds=counters.exec_ms / MILLISECONDS,
        mean_exec_time_seconds=counters.mean_ms / MILLISECONDS,
        stddev_exec_time_seconds=counters.stddev_ms / MILLISECONDS,
        min_exec_time_seconds=_seconds(statement.min_ms),
        max_exec_time_seconds=_seconds(statement.max_ms),
        total_plan_time_seconds=counters.plan_ms / MILLISECONDS,
        shared_blks_hit=counters.shared_blks_hit,
        shared_blks_read=counters.shared_blks_read,
        temp_blks_written=counters.temp_blks_written,
        wal_bytes=counters.wal_bytes,
        stats_since=at(statement.since),
    )


def table_row(table: Relation, datname: str) -> TableRow:
    """A table."""
    return TableRow(
        datname=datname,
        schemaname=table.schema,
        relname=table.name,
        relkind=table.kind,
        reltuples=table.rows,
        table_bytes=table.bytes,
        toast_bytes=table.toast_bytes,
        index_bytes=table.index_bytes,
        seq_scan=table.seq_scan,
        seq_tup_read=table.seq_tup_read,
        idx_scan=table.idx_scan,
        n_tup_ins=table.n_tup_ins,
        n_tup_upd=table.n_tup_upd,
        n_tup_hot_upd=table.n_tup_hot_upd,
        n_tup_del=table.n_tup_del,
        n_live_tup=table.n_live_tup,
        n_dead_tup=table.n_dead_tup,
        n_mod_since_analyze=table.n_mod_since_analyze,
        last_vacuum=at(table.last_vacuum),
        last_analyze=at(table.last_analyze),
        xid_age=table.xid_age,
    )


def index_row(index: Index, relations: Relations) -> IndexRow:
    """An index; its table may be one that was left out."""
    table = relations.tables.get(index.table)
    return IndexRow(
        datname=relations.datname,
        schemaname=index.schema,
        relname=table.name if table is not None else "",
        indexrelname=index.name,
        amname=index.method,
        columns=list(index.keys),
        include=list(index.include),
        is_unique=index.unique,
        is_primary=index.primary,
        is_valid=index.valid,
        is_partial=index.predicate is not None,
        index_bytes=index.bytes,
        idx_scan=index.scans,
        last_idx_scan=at(index.last_scan),
    )


def slow_query_row(query: SlowQuery) -> SlowQueryRow:
    """A slow query; its text is redacted already."""
    return SlowQueryRow(
        kind=query.kind,
        at=at(query.at),
        since=at(query.since),
        seconds=query.seconds,
        calls=query.calls,
        ended=query.ended,
        datname=query.datname,
        user=query.user,
        application_name=query.application_name,
        pid=query.pid,
        wait_event=query.wait_event,
        blocked_by=list(query.blocked_by),
        operation=query.operation,
        tables=list(query.tables),
        query=query.text,
        id=query.id,
        queryid=query.queryid,
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / MILLISECONDS
