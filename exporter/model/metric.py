"""What a metric is: name, kind, help, labels. A name stands once, in full, so that grep finds it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The TYPE of text format 0.0.4."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    UNTYPED = "untyped"


class Metric(NamedTuple):
    """One metric family.

    Attributes:
        name: full name as on the page. A part that only the target knows is written in angle
            brackets (`pg_settings_<name>`): such a metric stands for all that match, and only
            the catalogue shows it.
        kind: the TYPE on the page; upstream's where the name is upstream's.
        help: one sentence with its full stop; no line feed.
        labels: the names of its labels, in the order on the page. All that it can have: where some
            depend on the target, the help says which. `le` and `quantile` belong to the kind, and
            are left out.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def is_pattern(self) -> bool:
        """Whether the name has a part that only the target knows."""
        return "<" in self.name


def counter(name: str, help: str, labels: tuple[str, ...] = ()) -> Metric:
    """A metric that only grows until its source restarts."""
    return Metric(name, Kind.COUNTER, help, labels)


def gauge(name: str, help: str, labels: tuple[str, ...] = ()) -> Metric:
    """A metric that goes up and down."""
    return Metric(name, Kind.GAUGE, help, labels)


def untyped(name: str, help: str, labels: tuple[str, ...] = ()) -> Metric:
    """A metric whose kind the source does not say (node_exporter's vmstat and netstat)."""
    return Metric(name, Kind.UNTYPED, help, labels)
