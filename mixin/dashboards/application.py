"""Applications: do they answer, without errors, in time, and what do they wait for."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import Panel

from mixin.dashboards._alerts import config
from mixin.dashboards._application_parts import database, files, instances
from mixin.dashboards._board import Board, Panels, Row
from mixin.dashboards._jobs import ERRORS as ERROR_RATES
from mixin.dashboards._jobs import JOB, compared, past_dashed, success_lines, success_steps
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import OUTCOMES, gauge, graph, limits, stat, tinted
from mixin.dashboards._queries import now, series
from mixin.dashboards._tables import Column, alert_list, cell_link, firing, table
from mixin.dashboards._variables import labels, target

HANDLER = '{job=~"$job", handler=~"$handler"}'
ERRORS = f"job:http_request_errors:ratio_rate5m{JOB}"
LOGINS = f"job:authentication_failures:ratio_rate5m{JOB}"
SLOWEST = f"topk(10, job_handler:http_request_duration_seconds:p95_rate5m{HANDLER})"
# While there is no error there is no series of errors.
NONE = 'label_replace(vector(0), "code", "none", "", "")'


def build() -> Board:
    """For whoever is paged for an application: do users get answers, and if not, what is in the way."""
    return Board(
        title="Application",
        about="Do the applications answer, without errors, in time, and what do they wait for.",
        service="application",
        variables=[
            *target("http_requests_total"),
            labels("handler", "http_requests_total{$target}", title="Handler"),
        ],
        rows=[
            Row("Health", _health()),
            Row("Problems", _problems()),
            Row("Performance", [*_requests(), *_behind()]),
            Row("Files and object store", files(), collapsed=True),
            Row("Database operations", database(), collapsed=True),
            Row("Instances", instances(), collapsed=True),
        ],
    )


def _health() -> Panels:
    return [
        firing("application"),
        alert_list("application"),
        gauge(
            "Instances up",
            "Part of the instances that answer Prometheus, of the job with the fewest. Below the limit what "
            "is left carries all requests.",
            units.PercentUnit,
            now(f"min(job:up:ratio{JOB})", ""),
            alert="ServiceDown",
        ).decimals(0),
        stat(
            "Success rate",
            "Requests that were not answered with 5xx, of the job with the fewest. Its colours change where "
            "the alerts on failed requests do. The dashboard Errors says which handlers fail.",
            units.PercentUnit,
            now(f"1 - max({ERRORS})", ""),
            watched=ERROR_RATES,
        )
        .thresholds(config(success_steps()))
        .color_mode(BigValueColorMode.BACKGROUND)
        .no_value("no requests"),
        stat(
            "Requests",
            "Requests of all chosen jobs. A sudden fall means that users, or what is in front of the "
            "application, do not get here.",
            units.RequestsPerSecond,
            now(f"sum(job:http_requests:rate5m{JOB})", ""),
        ),
        stat(
            "p99 of requests",
            "One in a hundred requests takes longer, in the slowest job.",
            units.Seconds,
            now(f"max(job:http_request_duration_seconds:p99_rate5m{JOB})", ""),
            alert="HighLatencyP99",
        ).no_value("no requests"),
        stat(
            "Failed database operations",
            "Part of the operations that end in an error, in the job with the most. When nearly all do, the "
            "database or the way to it is gone.",
            units.PercentUnit,
            now(f"max(job:db_client_operation_errors:ratio_rate2m{JOB})", ""),
            alert="DatabaseDown",
        ).no_value("none ran"),
        stat(
            "p95 of database operations",
            "One in twenty operations takes longer, in the slowest job. Requests wait for it.",
            units.Seconds,
            now(f"max(job:db_client_operation_duration_seconds:p95_rate5m{JOB})", ""),
            alert="HighDatabaseLatency",
        ).no_value("none ran"),
    ]


def _problems() -> Panels:
    return [
        gauge(
            "Requests in flight",
            "Of what the instance works on at most, the fullest one. At 100 % requests wait or are refused.",
            units.PercentUnit,
            now("max(http_requests_in_flight{$target} / (http_requests_in_flight_limit{$target} > 0))", ""),
        ).decimals(0),
        gauge(
            "Connection pool used",
            "Connections to the database in use, of the fullest pool. At 100 % requests wait and then fail. "
            "Slow operations fill any pool.",
            units.PercentUnit,
            now("max(pool:db_client_connections_used:ratio{$target})", ""),
            alert="DatabaseConnectionsHigh",
        ).decimals(0),
        stat(
            "Slow database operations",
            "Part of the operations that take longer than a second, in the job with the most. Each holds "
            "its connection all that time.",
            units.PercentUnit,
            now(f"max(job:db_client_operations_slow:ratio_rate5m{JOB})", ""),
            alert="HighSlowQueryRate",
        ).no_value("none ran"),
        stat(
            "Failed logins",
            "Part of the attempts that fail, in the job with the most. Either users are locked out or "
            "somebody tries passwords: Authentication below shows which.",
            units.PercentUnit,
            now(f"max({LOGINS})", ""),
            alert="AuthenticationFailures",
        ).no_value("none tried"),
        stat(
            "Failed transfers",
            "Uploads and downloads that failed, of all chosen jobs. Look at the object store, then at the "
            "disks.",
            units.PercentUnit,
            now(f"({_transfers('failure')} or vector(0)) / ({_transfers('.*')} > 0)", ""),
        ).no_value("none ran"),
        stat(
            "Failed object store requests",
            "Part of the requests to the object store that failed, of all chosen jobs.",
            units.PercentUnit,
            now(f"({_stored('error')} or vector(0)) / ({_stored('.*')} > 0)", ""),
        ).no_value("none ran"),
        past_dashed(
            limits(
                graph(
                    "Success rate now and before",
                    "Requests that were not answered with 5xx, of the job with the fewest, beside yesterday "
                    "and a week ago at this time. Below the lines the alerts on failed requests fire.",
                    units.PercentUnit,
                    *compared("job:http_request_errors:ratio_rate5m", "1 - max({})"),
                    watched=ERROR_RATES,
                    low=0.9,
                )
                .axis_soft_max(1)
                .max(1),
                success_lines(),
            )
        ).data_links([drill("Errors", to("errors"))]),
        graph(
            "Durations of requests",
            "Half of the requests, one in twenty and one in a hundred take longer. p99 alone: a few slow "
            "requests. All of them: the whole application, or its database.",
            units.Seconds,
            *(
                series(f"job:http_request_duration_seconds:{p}_rate5m{JOB}", f"{p} {{{{job}}}}")
                for p in ("p50", "p95", "p99")
            ),
            alert="HighLatencyP99",
        ),
    ]


def _transfers(result: str) -> str:
    """Both ways: an application may have only one of them."""
    ways = (
        f'sum(rate(file_{way}s_total{{$target, result=~"{result}"}}[$__rate_interval])) or vector(0)'
        for way in ("upload", "download")
    )
    return f"(({') + ('.join(ways)}))"


def _stored(outcome: str) -> str:
    return f'sum(rate(s3_request_duration_seconds_count{{$target, outcome=~"{outcome}"}}[$__rate_interval]))'


def _requests() -> Panels:
    codes = 'http_requests_total{$target, handler=~"$handler", code=~"[45].."}'
    by_code = f"sum by (code) (rate({codes}[$__rate_interval]))"
    return [
        past_dashed(
            graph(
                "Requests now and before",
                "Requests of all chosen jobs, beside those of yesterday and of a week ago at this time.",
                units.RequestsPerSecond,
                *compared("job:http_requests:rate5m"),
                watched=["AnomalousRequestRate"],
            )
        ),
        past_dashed(
            graph(
                "p95 of requests now and before",
                "One in twenty requests takes longer, in the slowest job, beside yesterday and a week ago "
                "at this time.",
                units.Seconds,
                *compared("job:http_request_duration_seconds:p95_rate5m", "max({})"),
                watched=["AnomalousLatencyOrQueries"],
            )
        ),
        tinted(
            graph(
                "4xx and 5xx",
                "Answers by status: 4xx are mistakes of clients, or an address that is gone; 5xx are ours. 0 "
                "where there are none.",
                units.RequestsPerSecond,
                series(f"{by_code} or on () {NONE}", "{{code}}"),
                watched=["ModerateErrorRate"],
            ),
            OUTCOMES,
        ).data_links([drill("Errors", to("errors"))]),
        graph(
            "Active connections",
            "Connections of clients, and requests that are worked on. Requests in flight that rise while "
            "requests do not: something that they wait for.",
            units.Short,
            series("sum by (job) (http_connections_active{$target})", "connections {{job}}"),
            series("sum by (job) (http_requests_in_flight{$target})", "in flight {{job}}"),
        ),
        _slowest(),
    ]


def _slowest() -> Builder[Panel]:
    these = f"and on (job, handler) {SLOWEST}"
    return cell_link(
        table(
            "Slowest endpoints",
            "The ten handlers with the highest p95, with how many they concern.",
            ["job", "handler"],
            Column("p95", SLOWEST, units.Seconds),
            Column("requests", f"job_handler:http_requests:rate5m{HANDLER} {these}", units.RequestsPerSecond),
            Column(
                "failed", f"job_handler:http_request_errors:ratio_rate5m{HANDLER} {these}", units.PercentUnit
            ),
        ),
        "handler",
        "Only this handler",
        to("application", "job", "handler", row=True),
    )


def _behind() -> Panels:
    return [
        graph(
            "p95 of database operations by type",
            "One in twenty operations of a type takes longer. One type alone: a statement or a lock. All of "
            "them: the server or the network.",
            units.Seconds,
            series(
                f"job_operation:db_client_operation_duration_seconds:p95_rate5m{JOB}",
                "{{db_operation_name}} {{job}}",
            ),
            watched=["HighDatabaseLatency", "HighSlowQueryRate"],
        ).span(8),
        graph(
            "Redis operations",
            "Commands of all Redis servers that are watched, whoever sends them. A rise without more "
            "requests is a lost cache.",
            units.OpsPerSecond,
            series("instance:redis_commands:rate5m"),
            watched=["AnomalousLatencyOrQueries"],
        )
        .span(8)
        .data_links([drill("Redis", to("redis", "instance"))]),
        tinted(
            graph(
                "Authentication",
                "Attempts to log in. When the successful ones fall as the failed ones rise, users are locked "
                "out.",
                units.RequestsPerSecond,
                series(
                    "sum by (result) (rate(authentication_attempts_total{$target}[$__rate_interval]))",
                    "{{result}}",
                ),
                watched=["AuthenticationFailures"],
            ),
            OUTCOMES,
        ).span(8),
    ]
