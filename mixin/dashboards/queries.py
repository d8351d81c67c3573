"""Statements: what takes PostgreSQL's time, whose it is, and what it waits for."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import to
from mixin.dashboards._panels import graph, stacked, stat
from mixin.dashboards._postgres_facts import IDLE, RESTARTS, STATEMENT, TRANSACTION, WAIT
from mixin.dashboards._queries import WHO, or_zero, series
from mixin.dashboards._queries_groups import (
    busiest_groups,
    p95_by_group,
    slow_calls,
    slow_now,
    slow_part,
    slow_queries,
    time_by_group,
)
from mixin.dashboards._queries_parts import functions, progress, sessions, statements, waits
from mixin.dashboards._tables import Column, alert_list, cell_link, firing, table
from mixin.dashboards._variables import labels, target

OF_USER = '{$target, datname=~"$datname", user=~"$user"}'


def build() -> Board:
    """For whoever knows that PostgreSQL is slow: which statements, whose, and what do they wait for."""
    return Board(
        title="Statements",
        about="Which statements take PostgreSQL's time, on which tables, whose they are, what they wait for.",
        service="postgres",
        variables=[
            *target("pg_up"),
            labels("datname", "pg_stat_database_numbackends{$target}", title="Database"),
            labels("user", "pg_stat_statements_by_user_calls_total{$target}", title="User"),
            labels("queryid", "pg_stat_statements_calls_total{$target}", title="Statement"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Busiest statements (opt-in)", statements(), collapsed=True),
            Row("Waits and locks", waits(), collapsed=True),
            Row("Long commands under way", progress(), collapsed=True),
            Row("Functions (opt-in)", functions(), collapsed=True),
        ],
        restarts=RESTARTS,
    )


def _health() -> Panels:
    return [
        firing("postgres"),
        alert_list("postgres"),
        stat(
            "Statements",
            "Calls of statements that have ended, of the chosen databases and users.",
            units.OpsPerSecond,
            series(f"sum({_rate('calls')})", ""),
        )
        .span(3)
        .no_value("no pg_stat_statements"),
        stat(
            "Mean duration",
            "Of the statements that have ended; 0 where none has. Up while the calls stay: a plan that "
            "changed, locks, or the disk.",
            units.Seconds,
            series(f"sum({_rate('seconds')}) / (sum({_rate('calls')}) > 0) or 0 * sum({_rate('calls')})", ""),
            watched=["HighSlowQueryRate"],
        )
        .span(3)
        .no_value("no pg_stat_statements"),
        slow_part().span(3),
        slow_now().span(3),
        stat(
            "Statements at a time",
            "Time spent in statements, by time: how many run at once on average. More than there are cores "
            "wait for a CPU, a disk or each other.",
            units.Short,
            series(f"sum({_rate('seconds')})", ""),
        ).no_value("no pg_stat_statements"),
        stat(
            "Longest statement",
            "How long a client's statement has been running. One that is not meant to take long can be "
            "ended with pg_cancel_backend().",
            units.Seconds,
            series(f"max({STATEMENT}) or vector(0)", ""),
        ),
        stat(
            "Longest transaction",
            "Age of the oldest open transaction of a client, dumps left out. VACUUM cannot remove rows that "
            "died since.",
            units.Seconds,
            series(f"max({TRANSACTION}) or vector(0)", ""),
            alert="PostgresLongRunningTransaction",
        ),
    ]


def _problems() -> Panels:
    return [
        busiest_groups(),
        slow_queries(),
        slow_calls(),
        sessions().height(6),
        graph(
            "Longest wait for a lock over time",
            "How long a session has been waiting. The sessions above, the row about locks, and "
            "pg_blocking_pids() say for whom.",
            units.Seconds,
            series(or_zero(f"max without (datname) ({WAIT})")),
            alert="PostgresBlockedSessions",
            watched=["PostgresDeadlocks"],
        ),
        graph(
            "Longest idle in transaction over time",
            "A client that does nothing in an open transaction keeps its locks: a fault of the application.",
            units.Seconds,
            series(or_zero(f"max without (datname) ({IDLE})")),
            alert="PostgresIdleInTransactionLong",
        ),
    ]


def _performance() -> Panels:
    return [
        time_by_group(),
        p95_by_group(),
        stacked(
            "Statements at a time by user",
            "Time spent in statements, by time, all chosen servers together. Whoever grew is the cause, or "
            "waits for it.",
            units.Short,
            series(f"sum by (user) ({_rate('seconds')})", "{{user}}"),
        ).no_value("no pg_stat_statements"),
        stacked(
            "Calls by user",
            "Statements that have ended, all chosen servers together. A jump is a loop or a lost cache.",
            units.OpsPerSecond,
            series(f"sum by (user) ({_rate('calls')})", "{{user}}"),
        ).no_value("no pg_stat_statements"),
        _totals(),
        graph(
            "Mean duration by user",
            "Of the statements that have ended.",
            units.Seconds,
            series(
                f"sum without (datname) ({_rate('seconds')}) "
                f"/ (sum without (datname) ({_rate('calls')}) > 0)",
                f"{{{{user}}}} {WHO}",
            ),
            watched=["HighSlowQueryRate"],
        ).no_value("no pg_stat_statements"),
        graph(
            "Time that statements wait for blocks",
            "Reading and writing, by time: how many statements wait for the disk at once. 0 without "
            "track_io_timing.",
            units.Short,
            series(f"sum without (datname, user) ({_rate('block_read_seconds')})", f"reading {WHO}"),
            series(f"sum without (datname, user) ({_rate('block_write_seconds')})", f"writing {WHO}"),
        ).no_value("no pg_stat_statements"),
        stacked(
            "WAL by user",
            "Who writes. Much WAL fills the disk, delays replicas and makes checkpoints come early.",
            units.BytesPerSecondIEC,
            series(f"sum by (user) ({_rate('wal_bytes')})", "{{user}}"),
        ).no_value("no pg_stat_statements"),
        graph(
            "Temporary blocks",
            "Of sorts and hashes that did not fit into work_mem.",
            units.OpsPerSecond,
            series(f"sum without (datname, user) ({_rate('temp_blocks_written')})", f"written {WHO}"),
            series(f"sum without (datname, user) ({_rate('temp_blocks_read')})", f"read {WHO}"),
        ).no_value("no pg_stat_statements"),
    ]


def _totals() -> tables.Panel:
    hit, read = _rate("shared_blocks_hit"), _rate("shared_blocks_read")
    panel = table(
        "Databases and users",
        "What the statements of each user in each database cost. Click a database for its tables.",
        ["instance", "target", "datname", "user"],
        Column("at a time", _rate("seconds"), units.Short),
        Column("calls", _rate("calls"), units.OpsPerSecond),
        Column("mean duration", f"{_rate('seconds')} / ({_rate('calls')} > 0)", units.Seconds),
        Column("rows by call", f"{_rate('rows')} / ({_rate('calls')} > 0)", units.Short),
        Column("cache hits", f"{hit} / ({hit} + {read} > 0)", units.PercentUnit),
        Column("blocks read", read, units.IOOpsPerSecond),
        Column("temporary blocks", _rate("temp_blocks_written"), units.OpsPerSecond),
        Column("WAL", _rate("wal_bytes"), units.BytesPerSecondIEC),
    )
    panel.no_value("not measured")
    return cell_link(panel, "datname", "Tables", to("tables", "instance", "datname", row=True))


def _rate(of: str) -> str:
    return f"rate(pg_stat_statements_by_user_{of}_total{OF_USER}[$__rate_interval])"
