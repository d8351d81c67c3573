"""A shop that nobody visits: it exports what applications do, and makes up what happened between two looks.

Run by `application.py` as a program of its own. All metrics come from mixin/application_metrics.tsv, so there
is none that the rules don't know, and none that is missing. GET /metrics is the page; POST /knobs?name=value
turns a knob.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

TABLE = Path(__file__).parents[2] / "mixin" / "application_metrics.tsv"
TYPES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
HTTP_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
DATABASE_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

HANDLERS = {("GET", "/"): 20, ("GET", "/products/{id}"): 15, ("GET", "/search"): 5, ("POST", "/checkout"): 2}
"""Requests a second."""

OPERATIONS = {"SELECT": 60, "INSERT": 6, "UPDATE": 4}
"""Database operations a second."""

POOL = 20
LONGEST_GAP = 60.0
"""Seconds: of a longer time without a look only the last minute has happened."""


@dataclass
class Knobs:
    """What can be turned while it runs.

    Attributes:
        traffic: times the usual number of requests, and of all that follows from them.
        errors: share of the requests that are answered with 500.
        latency: times the usual time of requests and database operations.
        database_fails: 1 if every database operation fails, and every request with it.
        orders: times the usual number of orders.
        refused_logins: share of the logins that fail.
        pool_used: share of the pool's connections that are in use.
    """

    traffic: float = 1
    errors: float = 0.0005
    latency: float = 1
    database_fails: float = 0
    orders: float = 1
    refused_logins: float = 0.05
    pool_used: float = 0.3

    def turn(self, wanted: Mapping[str, str]) -> None:
        """Sets knobs by name.

        Raises:
            ValueError: there is no such knob, or its value is not a number.
        """
        if strange := set(wanted) - {field.name for field in fields(self)}:
            raise ValueError(f"no knob {', '.join(sorted(strange))}")
        for name, value in wanted.items():
            setattr(self, name, float(value))


class Shop:
    """The metrics, and the time that passes."""

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.registry = CollectorRegistry()
        self.metrics = metrics(self.registry)
        self.random = random.Random(1)
        self.looked = monotonic()
        self.owed: dict[object, float] = {}
        self.lock = Lock()

    def turn(self, wanted: Mapping[str, str]) -> None:
        """Turns knobs from now on."""
        with self.lock:
            self._catch_up()
            self.knobs.turn(wanted)

    def page(self) -> bytes:
        """The metrics as of now."""
        with self.lock:
            self._catch_up()
            return generate_latest(self.registry)

    def _catch_up(self) -> None:
        now = monotonic()
        seconds = min(now - self.looked, LONGEST_GAP)
        self.looked = now
        self._requests(seconds)
        self._database(seconds)
        self._files(seconds)
        self._business(seconds)
        self._now()

    def _times(self, what: object, rate: float, seconds: float) -> Iterator[int]:
        """As many turns as came due; fractions are kept for the next time."""
        due = self.owed.get(what, 0) + rate * seconds
        self.owed[what] = due - int(due)
        yield from range(int(due))

    def _took(self, usual: float) -> float:
        return usual * self.knobs.latency * self.random.lognormvariate(0, 0.5)

    def _requests(self, seconds: float) -> None:
        errors = 1 if self.knobs.database_fails else self.knobs.errors
        for (method, handler), rate in HANDLERS.items():
            for _ in self._times(handler, rate * self.knobs.traffic, seconds):
                code = "500" if self.random.random() < errors else "404" if handler == "/search" else "200"
                self.metrics["http_requests_total"].labels(method, handler, code).inc()
                self.metrics["http_request_duration_seconds"].labels(method, handler).observe(
                    self._took(0.04)
                )
        for _ in self._times("logins", 2 * self.knobs.traffic, seconds):
            result = "failure" if self.random.random() < self.knobs.refused_logins else "success"
            self.metrics["authentication_attempts_total"].labels("password", result).inc()

    def _database(self, seconds: float) -> None:
        error = "ConnectionError" if self.knobs.database_fails else ""
        duration = self.metrics["db_client_operation_duration_seconds"]
        wait = self.metrics["db_client_connection_wait_time_seconds"].labels("main")
        timeouts = self.metrics["db_client_connection_timeouts_total"].labels("main")
        for operation, rate in OPERATIONS.items():
            for _ in self._times(operation, rate * self.knobs.traffic, seconds):
                duration.labels(operation, error).observe(self._took(0.004))
                wait.observe(0.0002)
                timeouts.inc(1 if self.knobs.pool_used >= 1 else 0)

    def _files(self, seconds: float) -> None:
        for direction, name, rate in (
            ("upload", "file_uploads_total", 1),
            ("download", "file_downloads_total", 3),
        ):
            for _ in self._times(direction, rate * self.knobs.traffic, seconds):
                self.metrics[name].labels("failure" if self.random.random() < 0.02 else "success").inc()
                self.metrics["file_transfer_bytes_total"].labels(direction).inc(250_000)
                self.metrics["file_chunk_duration_seconds"].labels(direction).observe(self._took(0.02))
                operation = {"upload": "PutObject", "download": "GetObject"}[direction]
                self.metrics["s3_request_duration_seconds"].labels(operation, "success").observe(
                    self._took(0.06)
                )

    def _business(self, seconds: float) -> None:
        traffic = self.knobs.traffic
        for _ in self._times("checkouts", 1.5 * traffic, seconds):
            self.metrics["checkouts_started_total"].inc()
        for _ in self._times("orders", traffic * self.knobs.orders, seconds):
            completed = not self.knobs.database_fails and self.random.random() < 0.98
            self.metrics["orders_total"].labels("completed" if completed else "failed").inc()
            self.metrics["order_revenue_total"].labels("EUR").inc(30 if completed else 0)
        for _ in self._times("registrations", 0.05 * traffic, seconds):
            self.metrics["users_registered_total"].inc()

    def _now(self) -> None:
        used = round(POOL * min(self.knobs.pool_used, 1))
        connections = self.metrics["db_client_connection_count"]
        connections.labels("main", "used").set(used)
        connections.labels("main", "idle").set(POOL - used)
        self.metrics["db_client_connection_max"].labels("main").set(POOL)
        self.metrics["db_client_connection_pending_requests"].labels("main").set(5 if used == POOL else 0)
        self.metrics["http_requests_in_flight"].set(round(2 * self.knobs.traffic * self.knobs.latency))
        self.metrics["http_requests_in_flight_limit"].set(100)
        self.metrics["http_connections_active"].set(round(50 * self.knobs.traffic))
        self.metrics["users_active"].set(round(120 * self.knobs.traffic))


def metrics(registry: CollectorRegistry) -> dict[str, Any]:
    """The metrics of the table by their names."""
    with TABLE.open(newline="") as lines:
        return {row["name"]: _metric(row, registry) for row in csv.DictReader(lines, delimiter="\t")}


def _metric(row: Mapping[str, str], registry: CollectorRegistry) -> Any:
    labels = [label for label in row["labels"].split(",") if label]
    if row["type"] != "histogram":
        return TYPES[row["type"]](row["name"], row["help"], labels, registry=registry)
    bounds = DATABASE_BOUNDS if row["name"].startswith("db_") else HTTP_BOUNDS
    return Histogram(row["name"], row["help"], labels, registry=registry, buckets=bounds)


def serve(port: int) -> None:
    """Serves the shop on 127.0.0.1 until it is ended."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, shop.page()) if self.path == "/metrics" else self._say(404, b"")

        def do_POST(self) -> None:
            try:
                shop.turn(dict(parse_qsl(urlsplit(self.path).query)))
            except ValueError as wrong:
                self._say(400, str(wrong).encode())
            else:
                self._say(200, b"")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the log is for what goes wrong."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
