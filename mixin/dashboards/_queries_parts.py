"""Statements: the closed rows on single ones, on waits and locks, on long commands and on functions."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from mixin.dashboards._board import Panels
from mixin.dashboards._links import to
from mixin.dashboards._panels import gauge, graph, stacked, tinted
from mixin.dashboards._queries import WHO, now, or_zero, series
from mixin.dashboards._tables import Column, cell_link, table
from mixin.dashboards._top import among

STATEMENT = '{$target, datname=~"$datname", user=~"$user", queryid=~"$queryid"}'
OFF = "off: --collector.stat-statements"
OF_DATABASE = '{$target, datname=~"$datname"}'
# A base backup is of no database, and is shown whichever is chosen.
OF_COMMAND = '{$target, datname=~"$datname|"}'
SESSIONS = '{$target, datname=~"$datname", usename=~"$user", backend_type="client backend"}'


def statements() -> Panels:
    """The 100 busiest statements one by one."""
    return [
        _busiest(),
        graph(
            "Calls of the chosen statements",
            "All statements that are chosen above together. Opt-in: `--collector.stat-statements`.",
            units.OpsPerSecond,
            series(_together("calls")),
        ).no_value(OFF),
        graph(
            "Mean duration of the chosen statements",
            "All statements that are chosen above together. A step up without more rows is a plan that "
            "changed: ANALYZE, or an index that is gone. Opt-in: `--collector.stat-statements`.",
            units.Seconds,
            series(f"{_together('seconds')} / ({_together('calls')} > 0)"),
        ).no_value(OFF),
        graph(
            "Rows by call of the chosen statements",
            "Rows returned or changed. Opt-in: `--collector.stat-statements`.",
            units.Short,
            series(f"{_together('rows')} / ({_together('calls')} > 0)"),
        ).no_value(OFF),
        graph(
            "Dropped statements",
            "How often a minute pg_stat_statements made room. Often: raise pg_stat_statements.max, or "
            "find who sends statements that are never the same twice.",
            units.Short,
            series("60 * rate(pg_stat_statements_dealloc_total{$target}[$__rate_interval])"),
        ).no_value("no pg_stat_statements"),
        gauge(
            "Statements remembered",
            "Of what pg_stat_statements can hold, on the fullest server. When it is full the rarest are "
            "dropped, which is normal where it happens seldom.",
            units.PercentUnit,
            now("max(pg_stat_statements_entries{$target} / pg_stat_statements_max_entries{$target})", ""),
        )
        .span(12)
        .height(8)
        .no_value("no pg_stat_statements"),
    ]


def _busiest() -> tables.Panel:
    most = f"topk(20, {_rate('seconds')})"
    panel = table(
        "Busiest statements",
        "The 20 that take most time. Click a queryid for that statement over time; its text: SELECT query "
        "FROM pg_stat_statements WHERE queryid = ... Opt-in: `--collector.stat-statements`.",
        ["instance", "target", "datname", "user", "queryid"],
        Column("at a time", most, units.Short),
        Column("calls", _of_most("calls", most), units.OpsPerSecond),
        Column("mean duration", _of_most("seconds", most, by="calls"), units.Seconds),
        Column("rows by call", _of_most("rows", most, by="calls"), units.Short),
        Column("time reading", _of_most("block_read_seconds", most), units.Short),
        watched=["HighSlowQueryRate"],
    )
    panel.no_value("not measured")
    address = to("queries", "instance", "datname", "queryid", row=True)
    return cell_link(panel, "queryid", "This statement over time", address)


def _rate(of: str) -> str:
    return f"rate(pg_stat_statements_{of}_total{STATEMENT}[$__rate_interval])"


def _together(of: str) -> str:
    return f"sum without (datname, user, queryid) ({_rate(of)})"


def _of_most(of: str, most: str, by: str = "") -> str:
    expr = f"{_rate(of)} / ({_rate(by)} > 0)" if by else _rate(of)
    return among(expr, most, "datname", "user", "queryid")


def waits() -> Panels:
    """Who waits for what, and who keeps it."""
    return [
        _waits_by_type(),
        table(
            "Wait events",
            "How many processes waited for what, on average over the last ten minutes.",
            ["instance", "target", "backend_type", "wait_event_type", "wait_event"],
            # An event that nobody waits for has no sample, so not the mean of those that there are.
            Column(
                "processes",
                "sum_over_time(pg_wait_event_processes{$target}[10m]) "
                "/ on (job, instance, target) group_left () count_over_time(pg_up{$target}[10m])",
                units.Short,
            ),
        )
        .span(12)
        .override_by_name("processes", [DynamicConfigValue("decimals", 2)]),
        _locks(),
        _blocked(),
        graph(
            "Deadlocks",
            "A minute, by server. The server's log has the statements.",
            units.Short,
            series(
                "60 * sum without (datid, datname) "
                f"(rate(pg_stat_database_deadlocks{OF_DATABASE}[$__rate_interval]))"
            ),
            watched=["PostgresDeadlocks"],
        ),
        graph(
            "What holds up VACUUM",
            "Transactions begun since the oldest one that a session, a slot or a prepared transaction still "
            "needs; rows that died since must stay.",
            units.Short,
            series(
                "pg_xmin_horizon_age_xids{$target} or on (job, instance, target) 0 * pg_up{$target}",
                f"{{{{holder}}}} {WHO}",
            ),
            watched=["PostgresLongRunningTransaction", "PostgresAutovacuumFallingBehind"],
        ),
    ]


def _waits_by_type() -> timeseries.Panel:
    panel = stacked(
        "Waits by type",
        "Processes that are not idle, all chosen servers together; none is running, not waiting. It is a "
        "look at the moment of each scrape. Lock: another session. LWLock, IO: see the events.",
        units.Short,
        series(
            "sum by (wait_event_type) (pg_wait_event_processes{$target}) "
            'or on () label_replace(vector(0), "wait_event_type", "none", "", "")',
            "{{wait_event_type}}",
        ),
        watched=["PostgresBlockedSessions"],
    )
    return tinted(panel, {"^none": "green", "^Lock": "red"})


def _locks() -> timeseries.Panel:
    panel = stacked(
        "Locks by mode",
        "Held or awaited, all chosen servers together. ACCESS EXCLUSIVE, of ALTER TABLE and the like, "
        "keeps everybody else from the table.",
        units.Short,
        series(f'sum by (mode) (pg_locks_count{OF_DATABASE[:-1]}, mode!="sireadlock"}})', "{{mode}}"),
        watched=["PostgresLocksNearLimit"],
    )
    return tinted(panel, {"^accessexclusivelock": "red"})


def _blocked() -> timeseries.Panel:
    panel = graph(
        "Blocked and blocking sessions",
        "Those that wait for a lock, and the heads of the queues, which wait for nobody: end one of "
        "those, not of the others.",
        units.Short,
        *(
            series(
                or_zero(f"sum without (datname) (pg_stat_activity_{what}_sessions{OF_DATABASE})"),
                f"{what} {WHO}",
            )
            for what in ("blocked", "blocking")
        ),
        watched=["PostgresBlockedSessions"],
    )
    return tinted(panel.axis_soft_max(4), {"^blocked": "orange", "^blocking": "red"})


def sessions() -> tables.Panel:
    """Who is connected, and what they do: idle in transaction is what others wait for."""
    keys = ["instance", "target", "datname", "usename", "application_name", "state"]
    others = "without (backend_type, wait_event_type, wait_event)"
    return table(
        "Sessions",
        "Of clients, by user, application and state, with the age of the oldest transaction. Those idle in "
        "transaction for long are a fault of the application.",
        keys,
        Column(
            "oldest transaction", f"max {others} (pg_stat_activity_max_tx_duration{SESSIONS})", units.Seconds
        ),
        Column("sessions", f"sum {others} (pg_stat_activity_count{SESSIONS})", units.Short),
        watched=["PostgresIdleInTransactionLong", "PostgresLongRunningTransaction"],
    )


def progress() -> Panels:
    """How far VACUUM and other long commands are."""
    keys = ["instance", "target", "datname", "relname"]
    return [
        table(
            "Running VACUUM",
            "Part of the table's blocks read and cleaned, and the times it has gone through the indexes: "
            "more than once is too little maintenance_work_mem. Empty while none runs.",
            keys,
            Column("size", f"pg_stat_progress_vacuum_heap_blks{OF_DATABASE} * 8192", units.BytesIEC),
            Column("read", _part("vacuum_heap_blks_scanned", "vacuum_heap_blks"), units.PercentUnit),
            Column("cleaned", _part("vacuum_heap_blks_vacuumed", "vacuum_heap_blks"), units.PercentUnit),
            Column("index passes", f"pg_stat_progress_vacuum_index_vacuums{OF_DATABASE}", units.Short),
            watched=["PostgresAutovacuumFallingBehind"],
        )
        .height(5)
        .no_value("none"),
        table(
            "Other long commands",
            "CREATE INDEX, ANALYZE, CLUSTER, COPY, base backups: the part that is done of what the phase has "
            "to do. Empty while none runs.",
            [*keys, "command", "phase"],
            Column("commands", f"pg_stat_progress_commands{OF_COMMAND}", units.Short),
            Column("blocks", _part("done_blocks", "blocks"), units.PercentUnit),
            Column("rows", _part("done_tuples", "tuples"), units.PercentUnit),
            Column("bytes", _part("done_bytes", "bytes"), units.PercentUnit),
            Column("lockers waited for", _part("done_lockers", "lockers"), units.PercentUnit),
            watched=["PostgresInvalidIndex"],
        )
        .height(5)
        .no_value("none"),
    ]


def _part(done: str, whole: str) -> str:
    return f"pg_stat_progress_{done}{OF_COMMAND} / (pg_stat_progress_{whole}{OF_COMMAND} > 0)"


def functions() -> Panels:
    """The functions that take most time."""
    calls, total, own = (
        f"rate(pg_stat_user_functions_{of}_total{OF_DATABASE}[$__rate_interval])"
        for of in ("calls", "total_time_seconds", "self_time_seconds")
    )
    most = f"topk(20, {own})"
    names = ("datname", "schemaname", "funcname")
    return [
        table(
            "Functions by their own time",
            "The 20 that take most time themselves, without what they call. Counted with track_functions "
            "only. Opt-in: `--collector.stat-user-functions`.",
            ["instance", "target", *names],
            Column("own time", most, units.PercentUnit),
            Column("with others", among(total, most, *names), units.PercentUnit),
            Column("calls", among(calls, most, *names), units.OpsPerSecond),
            Column("mean duration", among(f"{total} / ({calls} > 0)", most, *names), units.Seconds),
        ).no_value("not measured"),
    ]
