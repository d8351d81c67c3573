"""Errors: what fails, of the application and of everything below it, on one time axis."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel

from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._errors_below import exporter, postgres, redis
from mixin.dashboards._jobs import ERRORS, JOB, compared, past_dashed
from mixin.dashboards._links import to
from mixin.dashboards._panels import count, graph, stat
from mixin.dashboards._queries import now, series
from mixin.dashboards._tables import Column, alert_list, cell_link, firing, table
from mixin.dashboards._variables import labels, target

SERVICES = "application|postgres|redis|exporter"
REQUESTS = 'http_requests_total{$target, handler=~"$handler"%s}'
HANDLER = '{job=~"$job", handler=~"$handler"}'
FAILED = f"job_handler:http_request_errors:ratio_rate5m{HANDLER}"
OPERATIONS = f"job:db_client_operation_errors:ratio_rate2m{JOB}"
LOGINS = f"job:authentication_failures:ratio_rate5m{JOB}"
# With the alert's guard: two of four transactions are a ratio that says nothing.
ROLLBACKS = """
    database:pg_stat_database_xact_rollback:ratio_rate5m{$target}
    and database:pg_transactions:rate5m{$target} > 1
"""
DEADLOCKS = "increase(pg_stat_database_deadlocks{$target}[10m])"
FAILING = "count(exporter_collector_success{$target} == 0) or 0 * max(exporter_build_info{$target})"
NOBODY = "not chosen"


def build() -> Board:
    """For whoever knows that something fails, and looks for what failed first."""
    return Board(
        title="Errors",
        about="What fails, of the applications and of everything below them, on one time axis.",
        service=SERVICES,
        variables=[*target("up"), labels("handler", "http_requests_total{$target}", title="Handler")],
        rows=[
            Row("Health", _health()),
            Row("Problems", _requests()),
            Row("PostgreSQL", postgres()),
            Row("Redis", redis()),
            Row("Exporter", exporter()),
        ],
    )


def _health() -> Panels:
    return [
        firing(SERVICES),
        alert_list(SERVICES),
        stat(
            "Failed requests",
            "Part of the requests answered with 5xx, in the job with the most.",
            units.PercentUnit,
            now(f"max(job:http_request_errors:ratio_rate5m{JOB})", ""),
            alert=ERRORS,
        )
        .decimals(2)
        .no_value(NOBODY),
        stat(
            "Failed database operations",
            "Part of the operations that end in an error, as the application sees them, in the job with the "
            "most.",
            units.PercentUnit,
            now(f"max({OPERATIONS})", ""),
            alert="DatabaseDown",
        ).no_value(NOBODY),
        stat(
            "Failed logins",
            "Part of the attempts to log in that fail, in the job with the most. Either users are locked "
            "out, or somebody tries passwords.",
            units.PercentUnit,
            now(f"max({LOGINS})", ""),
            alert="AuthenticationFailures",
        ).no_value(NOBODY),
        stat(
            "Rollbacks",
            "Part of the transactions that were rolled back, in the database with the most.",
            units.PercentUnit,
            now(f"max({ROLLBACKS}) or 0 * max(pg_up{{$target}})", ""),
            alert="PostgresRollbackRatioHigh",
        ).no_value(NOBODY),
        stat(
            "Deadlocks in 10 minutes",
            "Transactions that PostgreSQL ended to resolve a deadlock, in the database with the most.",
            units.Short,
            now(f"max({DEADLOCKS})", ""),
            alert="PostgresDeadlocks",
        ).no_value(NOBODY),
        count(
            "Collectors that fail",
            "Collectors of the exporter that gave nothing or not all they should. What they export is not "
            "watched now.",
            now(FAILING, ""),
            alert="CollectorFailing",
        ).no_value(NOBODY),
    ]


def _requests() -> Panels:
    return [
        past_dashed(
            graph(
                "Failed requests now and before",
                "Part of the requests answered with 5xx, in the job with the most, beside yesterday and a "
                "week ago at this time.",
                units.PercentUnit,
                *compared("job:http_request_errors:ratio_rate5m", "max({})"),
                alert=ERRORS,
            )
        ),
        _by_handler(
            "5xx by handler", "5..", "One handler alone: its code. All: what they share, so look below."
        ),
        _by_handler(
            "4xx by handler", "4..", "Mistakes of clients. A jump after a release is ours all the same."
        ),
        graph(
            "Database operations by error",
            "Operations that failed, by type of error, as the application sees them. They begin before the "
            "requests fail if the database is the cause.",
            units.OpsPerSecond,
            series(
                _some("error_type", 'db_client_operation_duration_seconds_count{$target, error_type!=""}'),
                "{{error_type}}",
            ),
            watched=["DatabaseDown"],
        ),
        _worst_handlers(),
        graph(
            "Failed logins by method",
            "Attempts to log in that failed. One method alone: its provider. All of them: the users' table, "
            "or somebody who tries passwords.",
            units.RequestsPerSecond,
            series(_some("method", 'authentication_attempts_total{$target, result="failure"}'), "{{method}}"),
            watched=["AuthenticationFailures"],
        ),
        graph(
            "Failed transfers and object store requests",
            "Uploads, downloads and requests to the object store that failed.",
            units.CountsPerSecond,
            series(_sum('file_uploads_total{$target, result="failure"}'), "uploads"),
            series(_sum('file_downloads_total{$target, result="failure"}'), "downloads"),
            series(_sum('s3_request_duration_seconds_count{$target, outcome="error"}'), "object store"),
        ),
    ]


def _by_handler(title: str, code: str, about: str) -> timeseries.Panel:
    selector = REQUESTS % f', code=~"{code}"'
    query = series(_some("handler", selector), "{{handler}}")
    return graph(title, about, units.RequestsPerSecond, query, watched=["ModerateErrorRate"])


def _worst_handlers() -> Builder[Panel]:
    worst = f"topk(10, {FAILED})"
    these = f"and on (job, handler) {worst}"
    panel = table(
        "Handlers that fail most",
        "The ten handlers with the largest part of failed requests, with how many they concern.",
        ["job", "handler"],
        Column("failed", worst, units.PercentUnit),
        Column("requests", f"job_handler:http_requests:rate5m{HANDLER} {these}", units.RequestsPerSecond),
        Column(
            "p95", f"job_handler:http_request_duration_seconds:p95_rate5m{HANDLER} {these}", units.Seconds
        ),
        watched=["HighErrorRate"],
    )
    return cell_link(panel, "handler", "Application", to("application", "job", "handler", row=True))


def _some(by: str, selector: str) -> str:
    """Those that there are any of; while there is none, a line at 0 with the name `none`."""
    none = f'label_replace(vector(0), "{by}", "none", "", "")'
    return f"sum by ({by}) (rate({selector}[$__rate_interval])) > 0 or on () {none}"


def _sum(selector: str) -> str:
    return f"sum(rate({selector}[$__rate_interval])) or vector(0)"
