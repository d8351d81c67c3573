"""A week that a Prometheus remembers from before its start, for what compares now with then.

Nothing of it happened: these are the figures of a shop that was steady, written into blocks by promtool as a
backfill is. They lie before the first scrape, so all that is shown of now is measured.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from tests.servers import folders
from tests.servers.catalogue import debian_program

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WEEK = 7 * DAY + HOUR

# Requests and orders a second are those of application_process.py. The others depend on the machine.
USUAL: Mapping[str, float] = {
    "job:http_requests:rate5m": 42,
    "job:http_request_errors:ratio_rate5m": 0.0005,
    "job:http_request_duration_seconds:p95_rate5m": 0.1,
    "job:orders:rate30m": 0.98,
    "job:order_revenue:rate30m": 30,
    "instance:pg_transactions:rate5m": 80,
    "instance:redis_commands:rate5m": 30,
    "instance:pg_stat_database_blks_hit:ratio_rate5m": 0.97,
    "instance:redis_keyspace_hits:ratio_rate5m": 0.8,
}
SIGNALS: Mapping[str, str] = {
    "requests": "job:http_requests:rate5m",
    "orders": "job:orders:rate30m",
    "latency": "job:http_request_duration_seconds:p95_rate5m",
    "transactions": "instance:pg_transactions:rate5m",
    "redis_commands": "instance:redis_commands:rate5m",
}
FAILED: Mapping[str, float] = {"availability": 0.0004, "latency": 0.001}
"""Shares of the requests that objectives count as failed: less than half of what they allow."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series of the past.

    Attributes:
        name: its name.
        labels: its labels.
        value: the middle of a gauge, or what a counter grows by in a second.
        since: seconds before now at which it begins.
        until: seconds before now at which it ends.
        step: seconds from one sample to the next.
        counter: whether it grows.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float = 0
    since: float = WEEK
    until: float = 0
    step: float = 5 * MINUTE
    counter: bool = False

    def samples(self, now: float) -> Iterator[tuple[float, float]]:
        """Time and value: a gauge goes up and down by a fiftieth with the time of day."""
        for number in range(int((self.since - self.until) / self.step) + 1):
            passed = number * self.step
            at = now - self.since + passed
            wave = 1 + 0.02 * math.sin(2 * math.pi * at / DAY)
            yield at, self.value * (passed if self.counter else wave)


def lines(application: str, exporter: str) -> Iterator[Line]:
    """The past of an application and of the servers beside one exporter.

    Args:
        application: the label `instance` of the application.
        exporter: that of the exporter.
    """
    for name, value in USUAL.items():
        yield Line(name, _labels(name, exporter), value)
    for signal, name in SIGNALS.items():
        labels = {**_labels(name, exporter), "signal": signal}
        yield Line("anomaly:signal", labels, USUAL[name])
        # As far as from nothing to all: the first minutes of a rate over five are no anomaly then.
        yield Line("anomaly:same_time_deviation:abs", labels, USUAL[name])
    for slo, failed in FAILED.items():
        requests = USUAL["job:http_requests:rate5m"]
        for span, seconds in (("5m", 5 * MINUTE), ("1h", HOUR)):
            labels = {"job": "app", "slo": slo}
            yield Line(f"slo:requests:increase{span}", labels, requests * seconds)
            yield Line(f"slo:errors:increase{span}", labels, requests * seconds * failed)
    shop = {"job": "app", "instance": application}
    yield from _sold(shop)
    yield from _sizes({"job": "postgres", "instance": exporter, "datname": "shop"})


def _labels(name: str, exporter: str) -> dict[str, str]:
    if name.startswith("job:"):
        return {"job": "app", **({"currency": "EUR"} if "revenue" in name else {})}
    return {"job": "postgres" if "pg_" in name else "redis", "instance": exporter}


def _sold(shop: Mapping[str, str]) -> Iterator[Line]:
    """An hour of what is rated over half an hour: without it there were fewer orders than usual."""
    for name, label, usual in (
        ("orders_total", {"result": "completed"}, "job:orders:rate30m"),
        ("order_revenue_total", {"currency": "EUR"}, "job:order_revenue:rate30m"),
    ):
        yield Line(name, {**shop, **label}, USUAL[usual], since=HOUR, step=15, counter=True)


def _sizes(shop: Mapping[str, str]) -> Iterator[Line]:
    """Yesterday at this time, which is all that a growth by day looks at."""
    table = {**shop, "schemaname": "public", "relname": "orders"}
    for name, labels, size in (
        ("pg_database_size_bytes", shop, 10e6),
        ("pg_stat_user_tables_table_size_bytes", table, 3e6),
    ):
        yield Line(name, labels, size, since=DAY + HOUR, until=DAY - HOUR)


def write(into: Path, past: Iterator[Line]) -> None:
    """Makes blocks of it in the data folder of a Prometheus that does not run yet.

    Raises:
        Missing: Prometheus is not on the machine.
        subprocess.SubprocessError: promtool failed, or took longer than half a minute.
    """
    now = time()
    file = folders.new("history") / "history.om"
    with file.open("w") as out:
        for line in past:
            labels = ",".join(f'{key}="{value}"' for key, value in line.labels.items())
            out.writelines(f"{line.name}{{{labels}}} {v:.6g} {at:.0f}\n" for at, v in line.samples(now))
        out.write("# EOF\n")
    promtool = debian_program("prometheus").parent / "promtool"
    # One block instead of one for every two hours of the week.
    command: list[str | Path] = [
        promtool,
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=192h",
        "-q",
        "openmetrics",
    ]
    subprocess.run([*command, file, into], check=True, timeout=30, capture_output=True)
