"""The rows of the dashboard of errors for what is below the applications."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import bars, graph
from mixin.dashboards._queries import WHO, now, series

DATABASE = f"{{{{datname}}}} {WHO}"
# Nobody works in the templates.
OF_USERS = '{$target, datname!~"template[01]"}'
NODE = f"{WHO} {{{{node}}}}"


def postgres() -> Panels:
    """Transactions that did not get through."""
    goes = drill("PostgreSQL", to("postgres", "instance"))
    return [
        graph(
            "Rollbacks by database",
            "Part of the transactions that were rolled back. The server's log has the error that repeats.",
            units.PercentUnit,
            series(f"database:pg_stat_database_xact_rollback:ratio_rate5m{OF_USERS}", DATABASE),
            alert="PostgresRollbackRatioHigh",
        )
        .span(8)
        .data_links([goes]),
        graph(
            "Deadlocks by database",
            "Transactions that were ended to resolve a deadlock, within ten minutes. The server's log names "
            "the statements.",
            units.Short,
            series(f"sum without (datid) (increase(pg_stat_database_deadlocks{OF_USERS}[10m]))", DATABASE),
            alert="PostgresDeadlocks",
        )
        .span(8)
        .data_links([goes]),
        graph(
            "Queries cancelled by recovery",
            "Queries on a standby that were cancelled because changes of the primary were in their way.",
            units.CountsPerSecond,
            series(
                "sum without (datid, datname) (rate(pg_stat_database_conflicts{$target}[$__rate_interval]))"
            ),
        ).span(8),
    ]


def redis() -> Panels:
    """Commands and connections that got an error."""
    goes = drill("Redis", to("redis", "instance"))
    return [
        graph(
            "Redis errors by kind",
            "Error replies by their first word. OOM: the memory is full. NOAUTH, WRONGPASS, NOPERM: a "
            "password or a right. LOADING, MASTERDOWN: it is not ready.",
            units.CountsPerSecond,
            series(
                "sum by (err) (rate(redis_errors_total{$target}[$__rate_interval])) "
                'or on () label_replace(vector(0), "err", "none", "", "")',
                "{{err}}",
            ),
        ).span(8),
        graph(
            "Redis commands that failed",
            "Commands that were refused before they ran, and those that failed while they ran.",
            units.OpsPerSecond,
            series(_calls("rejected"), f"refused {NODE}"),
            series(_calls("failed"), f"failed {NODE}"),
        )
        .span(8)
        .data_links([goes]),
        graph(
            "Redis connections refused in 5 minutes",
            "Clients that got an error because maxclients were connected.",
            units.Short,
            series("increase(redis_rejected_connections_total{$target}[5m])", NODE),
            alert="RedisRejectedConnections",
        )
        .span(8)
        .data_links([goes]),
    ]


def exporter() -> Panels:
    """What is not watched because its collector fails."""
    return [
        graph(
            "Failing collectors by family",
            "All collectors of a family at once: its server is down. A single one: rights, an extension or "
            "time.",
            units.Short,
            series(
                """
                count by (instance, target, family) (exporter_collector_success{$target} == 0)
                or 0 * count by (instance, target, family) (exporter_collector_success{$target})
                """,
                "{{family}} {{instance}} {{target}}",
            ),
            watched=["CollectorFailing"],
        )
        .span(16)
        .height(6)
        .data_links([drill("Exporter", to("exporter", "instance"))]),
        bars(
            "Failing collectors",
            "Which collectors fail. `datastack-exporter check` says why.",
            units.Short,
            now(
                "count by (family, collector) (exporter_collector_success{$target} == 0) "
                'or on () label_replace(vector(0), "family", "none", "", "")',
                "{{family}} {{collector}}",
            ),
            watched=["CollectorFailing"],
        )
        .span(8)
        .height(6),
    ]


def _calls(how: str) -> str:
    """Without the command: a server has hundreds."""
    return f"sum without (cmd) (rate(redis_commands_{how}_calls_total{{$target}}[$__rate_interval]))"
