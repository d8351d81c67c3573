"""PostgreSQL: is it there, has it room, who waits, how busy is it, is it looked after."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import UP, gauge, graph, stacked, stat, state, timeline, tinted
from mixin.dashboards._postgres_facts import IDLE, RESTARTS, STATEMENT, TRANSACTION, WAIT
from mixin.dashboards._postgres_upkeep import databases, wal
from mixin.dashboards._queries import WHO, now, or_zero, past_and_soon, series
from mixin.dashboards._tables import alert_list, firing
from mixin.dashboards._variables import labels, target

# An axis of few sessions that ends here has whole numbers only.
WHOLE = 4
CONNECTIONS = "instance:pg_connections_used:ratio{$target}"
CACHE = "instance:pg_stat_database_blks_hit:ratio_rate5m{$target}"
LOCKS = "instance:pg_locks_count:ratio{$target}"
ROLLBACKS = 'database:pg_stat_database_xact_rollback:ratio_rate5m{$target, datname=~"$datname"}'
DEADLOCKS = 'sum without (datid) (increase(pg_stat_database_deadlocks{$target, datname=~"$datname"}[10m]))'
# A state without sessions is there with a count of 0 and an empty type of backend.
SESSIONS = 'pg_stat_activity_count{$target, datname=~"$datname", backend_type=~"client backend|"}'
ACTIVE = """
    label_replace(
      pg_stat_activity_count{$target, datname=~"$datname", backend_type=~"client backend|", state="active"},
      "wait_event_type", "running", "wait_event_type", ""
    )
"""


def build() -> Board:
    """For whoever is paged for PostgreSQL: what is wrong on the first screen, the cause below."""
    return Board(
        title="PostgreSQL",
        about="Is PostgreSQL there, has it room, who waits for whom, how busy is it, is it looked after.",
        service="postgres",
        variables=[
            *target("pg_up"),
            labels("datname", "pg_stat_database_numbackends{$target}", title="Database"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", _performance()),
            Row("Maintenance", databases(), collapsed=True),
            Row("Checkpoints, WAL and archive", wal(), collapsed=True),
        ],
        restarts=RESTARTS,
    )


def _health() -> Panels:
    return [
        firing("postgres"),
        alert_list("postgres"),
        state(
            "Up",
            "Whether every chosen server answered the last scrape's query. DOWN also when the login was "
            "refused: `datastack-exporter check` says why.",
            UP,
            now("min(pg_up{$target})", ""),
            alert="PostgresDown",
        ),
        gauge(
            "Connections used",
            "Of what ordinary roles can have, on the fullest server. At 100 % new sessions are refused.",
            units.PercentUnit,
            now(f"max({CONNECTIONS})", ""),
            alert="PostgresConnectionsHigh",
        ),
        stat(
            "Transactions",
            "Commits and rollbacks of all chosen servers. A sudden fall means that requests do not get here.",
            units.OpsPerSecond,
            series("sum(instance:pg_transactions:rate5m{$target})", ""),
        ),
        stat(
            "Cache hit ratio",
            "Blocks found in shared buffers, on the server with the fewest; 100 % where nothing was read.",
            units.PercentUnit,
            series(f"min({CACHE}) or vector(1)", ""),
            alert="PostgresCacheHitRatioLow",
        ),
        timeline(
            "Up over time",
            "When each server answered. Short gaps that come back are a network or a connection limit.",
            UP,
            series("pg_up{$target}"),
            alert="PostgresDown",
            watched=["PostgresRestarted"],
        ).span(8),
    ]


def _problems() -> Panels:
    return [
        stat(
            "Longest wait for a lock",
            "How long a session has been waiting for a lock. Others queue up behind it: find the blocker "
            "with pg_blocking_pids().",
            units.Seconds,
            series(f"max({WAIT}) or vector(0)", ""),
            alert="PostgresBlockedSessions",
        ),
        stat(
            "Longest idle in transaction",
            "A client that keeps a transaction open and does nothing keeps its locks and holds up VACUUM.",
            units.Seconds,
            series(f"max({IDLE}) or vector(0)", ""),
            alert="PostgresIdleInTransactionLong",
        ),
        stat(
            "Longest transaction",
            "Age of the oldest open transaction of a client, dumps left out. VACUUM cannot remove rows that "
            "died since.",
            units.Seconds,
            series(f"max({TRANSACTION}) or vector(0)", ""),
            alert="PostgresLongRunningTransaction",
        ),
        stat(
            "Deadlocks in 10 minutes",
            "Transactions that PostgreSQL ended to resolve a deadlock, in the database with the most. The "
            "server's log names the statements.",
            units.Short,
            series(f"max({DEADLOCKS})", ""),
            alert="PostgresDeadlocks",
        ).decimals(0),
        stat(
            "Rollback ratio",
            "Part of the transactions that were rolled back, in the database with the most; 0 where none "
            "ran. The server's log has the error that repeats.",
            units.PercentUnit,
            series(f"max({ROLLBACKS}) or vector(0)", ""),
            alert="PostgresRollbackRatioHigh",
        ),
        gauge(
            "Lock table used",
            "When it is full, any statement can fail with `out of shared memory`.",
            units.PercentUnit,
            now(f"max({LOCKS})", ""),
            alert="PostgresLocksNearLimit",
        ),
        _blocked(),
        graph(
            "Connections used over time",
            "Sessions in relation to what ordinary roles can have. A steady climb is a leak in a pool; a "
            "jump is a lock or a slow statement behind which requests pile up.",
            units.PercentUnit,
            series(CONNECTIONS),
            alert="PostgresConnectionsHigh",
        ).max(1),
    ]


def _blocked() -> timeseries.Panel:
    panel = graph(
        "Sessions that wait for a lock",
        "Sessions blocked by another one, and those that block and wait for nobody: the heads of the queues. "
        "Click for the sessions.",
        units.Short,
        series(_summed("blocked_sessions"), f"blocked {WHO}"),
        series(_summed("blocking_sessions"), f"blocking {WHO}"),
        watched=["PostgresBlockedSessions"],
    )
    panel.data_links([drill("Statements and sessions", to("queries", "instance"))])
    return tinted(panel.axis_soft_max(WHOLE), {"^blocked": "orange", "^blocking": "red"})


def _performance() -> Panels:
    host = drill("Host", to("host", "instance"))
    queries = drill("Queries", to("queries", "instance"))
    return [
        graph(
            "Transactions per second",
            "Commits and rollbacks. Rollbacks that rise while commits stay mean that statements fail.",
            units.OpsPerSecond,
            series("instance:pg_stat_database_xact_commit:rate5m{$target}", f"commit {WHO}"),
            series("instance:pg_stat_database_xact_rollback:rate5m{$target}", f"rollback {WHO}"),
            watched=["PostgresRollbackRatioHigh"],
        ),
        *_sessions(),
        graph(
            "Ages of transactions and statements",
            "The oldest of each kind. Those that only ever rise belong to a session that has to be ended.",
            units.Seconds,
            series(_oldest(TRANSACTION), f"transaction {WHO}"),
            series(_oldest(IDLE), f"idle in transaction {WHO}"),
            series(_oldest(STATEMENT), f"statement {WHO}"),
            watched=["PostgresLongRunningTransaction", "PostgresIdleInTransactionLong"],
        ).data_links([queries]),
        graph(
            "Cache hit ratio over time",
            "Blocks found in shared buffers. A fall with more reads is a new statement without its index, "
            "or a restart.",
            units.PercentUnit,
            series(CACHE),
            *past_and_soon("instance:pg_stat_database_blks_hit:ratio", WHO),
            alert="PostgresCacheHitRatioLow",
            low=0.8,
        ).max(1),
        graph(
            "Blocks read",
            "Blocks that were not in shared buffers, so read from the operating system, which may ask the "
            "disk.",
            units.IOOpsPerSecond,
            series("instance:pg_stat_database_blks_read:rate5m{$target}"),
            watched=["PostgresCacheHitRatioLow"],
        ).data_links([host, queries]),
        graph(
            "Rows",
            "Rows read and changed, all chosen servers together. Far more returned than fetched are "
            "sequential scans.",
            units.RowsPerSecond,
            *(
                series(
                    f"sum(rate(pg_stat_database_tup_{kind}{{$target, "
                    f'datname=~"$datname"}}[$__rate_interval]))',
                    kind,
                )
                for kind in ("returned", "fetched", "inserted", "updated", "deleted")
            ),
        ),
        graph(
            "Temporary files",
            "Bytes that sorts and hashes wrote to disk because work_mem was too small for them.",
            units.BytesPerSecondIEC,
            series(
                "sum without (datid, datname) (rate(pg_stat_database_temp_bytes{$target, "
                'datname=~"$datname"}[$__rate_interval]))'
            ),
        ).data_links([host, queries]),
    ]


def _sessions() -> Panels:
    states = stacked(
        "Sessions by state",
        "What the sessions of clients do, all chosen servers together. Many that are idle in "
        "transaction point to an application, many active ones to slow statements or locks.",
        units.Short,
        series(f"sum by (state) ({SESSIONS})", "{{state}}"),
        watched=["PostgresIdleInTransactionLong"],
    )
    waits = stacked(
        "What active sessions wait for",
        "Active sessions of clients by type of wait, all chosen servers together; those running "
        "use the CPU. Lock: see Problems. IO: see the cache. LWLock: too many at once.",
        units.Short,
        series(f"sum by (wait_event_type) ({ACTIVE})", "{{wait_event_type}}"),
    )
    return [
        tinted(states, {"^active": "green", "^idle$": "blue", "^idle in transaction": "orange"}),
        tinted(waits.axis_soft_max(WHOLE), {"^running": "green", "^Lock": "red"}),
    ]


def _summed(what: str) -> str:
    """Of the databases that clients are connected to: others have no series."""
    return or_zero(f'sum without (datname) (pg_stat_activity_{what}{{$target, datname=~"$datname"}})')


def _oldest(age: str) -> str:
    return or_zero(f"max without (datname) ({age})")
