"""The process's own metrics, by prometheus_client: memory, CPU, descriptors, scrapes, reloads."""

from __future__ import annotations

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from exporter import __version__
from exporter.model.metric import Kind, Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
