"""The process's own metrics, by prometheus_client: memory, CPU, descriptors, scrapes, reloads."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.model.metric import Kind, Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


CLOSED = ("full", "slow", "handshake")
"""Why a connection was closed that its client had not ended: see `places.py`, `protocol.py`, `door.py`."""


class OfWebFile(Collector):
    """What is said of the web file: nothing where there is none."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def loaded(self, time: float, not_after: float | None) -> None:
        """It was read with success at this Unix time; its certificate ends at the other."""
        self._values = {"reload_successful": 1, "reload_time": time}
        if not_after is not None:
            self._values["not_after"] = not_after

    def failed(self) -> None:
        """The newest attempt to read it failed."""
        self._values["reload_successful"] = 0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Its metrics."""
        for key, name, sentence in (
            (
                "reload_successful",
                "exporter_web_config_last_reload_successful",
                "1 if the newest attempt to read the web file, its certificate and key succeeded.",
            ),
            (
                "reload_time",
                "exporter_web_config_last_reload_success_timestamp_seconds",
                "Unix time at which the web file was last read with success.",
            ),
            (
                "not_after",
                "exporter_web_certificate_not_after_timestamp_seconds",
                "Unix time at which the first certificate of the chain in use for TLS ends.",
            ),
        ):
            yield GaugeMetricFamily(name, sentence, self._values.get(key))


class OwnMetrics:
    """What the daemon says of itself, beside the collectors' outcomes."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Gauge(
            "exporter_build_info",
            "1, with the version of the exporter and of its Python as labels.",
            ("version", "python_version"),
            registry=registry,
        )
        build.labels(__version__, platform.python_version()).set(1)
        self.scrape_seconds = Histogram(
            "exporter_scrape_duration_seconds",
            "How long the answers to scrapes took, from the request to the last byte handed over.",
            buckets=BUCKETS,
            registry=registry,
        )
        self.duplicates = Counter(
            "exporter_duplicate_series_merged_total",
            "Samples merged because their labels were on the page already.",
            registry=registry,
        )
        self.reload_successful = Gauge(
            "exporter_config_last_reload_successful",
            "1 if the newest attempt to read the configuration succeeded.",
            registry=registry,
        )
        self.reload_time = Gauge(
            "exporter_config_last_reload_success_timestamp_seconds",
            "Unix time at which the configuration was last read with success.",
            registry=registry,
        )
        self.rejected = Counter(
            "exporter_requests_rejected_total",
            "Requests answered with an error because they asked for something that is not there.",
            registry=registry,
        )
        self.web = OfWebFile()
        registry.register(self.web)
        self.unauthorized = Counter(
            "exporter_web_unauthorized_requests_total",
            "Requests without the right user and password of the web file.",
            registry=registry,
        )
        self._connections = Gauge(
            "exporter_web_connections", "Open connections to the web side.", registry=registry
        )
        self._closed = Counter(
            "exporter_web_connections_closed_total",
            "Connections that were closed on a client: full for another one's place, slow for taking"
            " too long, handshake for TLS that failed.",
            ("reason",),
            registry=registry,
        )
        for reason in CLOSED:
            self._closed.labels(reason)

    def count_connections(self, count: Callable[[], int]) -> None:
        """Has open connections counted by this."""
        self._connections.set_function(count)

    def closed(self, reason: str) -> None:
        """Counts a connection that was closed on its client."""
        self._closed.labels(reason).inc()

    def metrics(self) -> list[tuple[Metric, tuple[str, ...]]]:
        """Each metric under its name on the page, with its labels."""
        found = []
        for family in self.registry.collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found.append((Metric(name, Kind(family.type), family.documentation), tuple(sorted(labels))))
        return found

    def text(self) -> bytes:
        """The metrics in text format 0.0.4."""
        return generate_latest(self.registry)
