"""How the fault tests look at a page: how long it took, what was up, whose collectors failed."""

from __future__ import annotations

from time import monotonic

from tests.servers import Exporter
from tests.servers.page import Labels, samples_of

TIMEOUT = 3.0
"""The scrape timeout that the tests announce, as Prometheus would."""

Samples = dict[str, dict[Labels, float]]


def timed_scrape(exporter: Exporter, timeout: float = TIMEOUT) -> Samples:
    """The page as samples; fails if it was not there within the announced timeout."""
    started = monotonic()
    text = exporter.scrape(timeout_header=timeout)
    took = monotonic() - started

    assert took < timeout, f"the page took {took:.2f} s of {timeout} s"
    return samples_of(text)


def value(samples: Samples, name: str) -> float | None:
    """The value of a metric without labels; None when it is not on the page."""
    return samples.get(name, {}).get(frozenset())


def failed(samples: Samples, family: str | None = None) -> set[str]:
    """The collectors whose `exporter_collector_success` is 0."""
    return {
        dict(labels)["collector"]
        for labels, success in samples.get("exporter_collector_success", {}).items()
        if success == 0 and (family is None or dict(labels)["family"] == family)
    }


def succeeded(samples: Samples, family: str) -> set[str]:
    """The collectors of a family whose `exporter_collector_success` is 1."""
    return {
        dict(labels)["collector"]
        for labels, success in samples["exporter_collector_success"].items()
        if success == 1 and dict(labels)["family"] == family
    }
