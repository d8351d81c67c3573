"""How the fault tests look at a page: how long it took, what was up, whose collectors failed."""

from __future__ import annotations

from time import monotonic

from tests.servers import Exporter
from tests.servers.page import Labels, samples_of

TIMEOUT = 3.0
"""The scrape timeout that the tests announce, as Prometheus would."""

HANGING = 1.5
"""The same where something hangs, and the page takes all the time that it has."""

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


def reasons(samples: Samples) -> set[tuple[str, str]]:
    """Collector and reason of all that gave nothing, or not all."""
    found = map(dict, samples.get("exporter_collector_skipped", {}))
    return {(labels["collector"], labels["reason"]) for labels in found}


def succeeded(samples: Samples, family: str) -> set[str]:
    """The collectors of a family whose `exporter_collector_success` is 1."""
    return {
        dict(labels)["collector"]
        for labels, success in samples["exporter_collector_success"].items()
        if success == 1 and dict(labels)["family"] == family
    }


def others_whole(samples: Samples, *but: str) -> None:
    """Every family is whole, but for those named: up, no failed collector, something to see."""
    signs = {"postgres": "pg_up", "redis": "redis_up", "pool": "pgbouncer_up", "host": None}
    for family, up in signs.items():
        if family not in but:
            assert failed(samples, family) == set(), sorted(reasons(samples))
            assert len(succeeded(samples, family)) > 3, family
            assert up is None or value(samples, up) == 1
    assert "host" in but or "node_load1" in samples


def count_lines(log: str, event: str, target: str) -> int:
    """How many lines of a log say this event of a target: `target is down`, `redis at`."""
    return sum(f'event="{event}"' in line and target in line for line in log.splitlines())
