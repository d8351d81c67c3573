"""The closed rows of the dashboard of applications: files, database operations, instances."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import units

from mixin.dashboards._board import Panels
from mixin.dashboards._jobs import JOB
from mixin.dashboards._panels import OUTCOMES, UP, graph, heat, stacked, timeline, tinted
from mixin.dashboards._queries import Query, buckets, series

POOL = "{{db_client_connection_pool_name}} {{instance}}"
HANDLER = '{$target, handler=~"$handler"}'


def files() -> Panels:
    """Uploads, downloads, and the object store behind them."""
    return [
        _ended("Uploads", "file_uploads_total"),
        _ended("Downloads", "file_downloads_total"),
        graph(
            "Bytes of files",
            "What came in and what went out. Many bytes with few files are large files, which need longer.",
            units.BytesPerSecondIEC,
            series(_rate("direction", "file_transfer_bytes_total{$target}"), "{{direction}}"),
        ),
        graph(
            "p95 of chunks",
            "One in twenty chunks of a file takes longer. It rises with slow clients as well as with a slow "
            "object store: compare with its requests.",
            units.Seconds,
            _p95("direction", "file_chunk_duration_seconds"),
        ),
        graph(
            "p95 of object store requests",
            "One in twenty requests to the object store takes longer, by operation.",
            units.Seconds,
            _p95("operation", "s3_request_duration_seconds"),
        ),
        tinted(
            graph(
                "Object store requests",
                "Requests to the object store by how they ended.",
                units.RequestsPerSecond,
                series(
                    _rate("operation, outcome", "s3_request_duration_seconds_count{$target}"),
                    "{{operation}} {{outcome}}",
                ),
            ),
            OUTCOMES,
        ),
    ]


def database() -> Panels:
    """Operations as the application sees them, and its pool of connections."""
    return [
        stacked(
            "Database operations by type",
            "Operations by type. More of them for the same requests: a lost cache, or a loop of statements.",
            units.OpsPerSecond,
            series(
                _rate("db_operation_name", "db_client_operation_duration_seconds_count{$target}"),
                "{{db_operation_name}}",
            ),
        ),
        graph(
            "Slow database operations by job",
            "Part of the operations that take longer than a second.",
            units.PercentUnit,
            series(f"job:db_client_operations_slow:ratio_rate5m{JOB}", "{{job}}"),
            alert="HighSlowQueryRate",
        ),
        stacked(
            "Connections of the pool",
            "Connections by state, all chosen instances together.",
            units.Short,
            series(
                "sum by (db_client_connection_pool_name, db_client_connection_state) "
                "(db_client_connection_count{$target})",
                "{{db_client_connection_state}} {{db_client_connection_pool_name}}",
            ),
            watched=["DatabaseConnectionsHigh"],
        ),
        graph(
            "Requests that wait for a connection",
            "Requests that wait now, and those a second that got none in time. Any of them is too many.",
            units.Short,
            series("db_client_connection_pending_requests{$target}", f"waiting {POOL}"),
            series(
                "rate(db_client_connection_timeouts_total{$target}[$__rate_interval])", f"timed out {POOL}"
            ),
        ),
        graph(
            "p95 of waiting for a connection",
            "One in twenty operations waits longer before it even begins.",
            units.Seconds,
            _p95("db_client_connection_pool_name", "db_client_connection_wait_time_seconds"),
        ),
        graph(
            "Connection pool used over time",
            "Connections in use of what the pool may have. A steady climb is a leak, a jump is something "
            "slow.",
            units.PercentUnit,
            series("pool:db_client_connections_used:ratio{$target}", POOL),
            alert="DatabaseConnectionsHigh",
        ).max(1),
    ]


def instances() -> Panels:
    """Whether one instance differs from the others."""
    return [
        timeline(
            "Instances over time",
            "Whether Prometheus got a page of each instance. One that comes and goes restarts.",
            UP,
            series(f"up{{$target}} and on (job) job:up:ratio{JOB}", "{{instance}}"),
            alert="ServiceDown",
        ).span(24),
        graph(
            "Requests by instance",
            "An instance with far fewer than the others is out of the load balancer, or stuck.",
            units.RequestsPerSecond,
            series(
                f"sum by (instance) (rate(http_requests_total{HANDLER}[$__rate_interval]))", "{{instance}}"
            ),
        ),
        heat(
            "Requests by duration",
            "Two bands are two kinds of requests: those that find what they need, and those that wait.",
            units.Seconds,
            buckets(
                f"sum by (le) (increase(http_request_duration_seconds_bucket{HANDLER}[$__rate_interval]))"
            ),
        ),
    ]


def _ended(title: str, metric: str) -> timeseries.Panel:
    about = f"{title} by how they ended. Failures of both kinds at once point to the object store."
    query = series(_rate("result", f"{metric}{{$target}}"), "{{result}}")
    return tinted(graph(title, about, units.CountsPerSecond, query), OUTCOMES)


def _rate(by: str, selector: str) -> str:
    return f"sum by ({by}) (rate({selector}[$__rate_interval]))"


def _p95(by: str, metric: str) -> Query:
    rate = _rate(f"{by}, le", f"{metric}_bucket{{$target}}")
    return series(f"histogram_quantile(0.95, {rate}) >= 0", f"{{{{{by}}}}}")
