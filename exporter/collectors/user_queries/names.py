"""Which metric names are taken: a name has one type and one set of labels on a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from exporter.model.metric import Kind, Metric

OWN = ("exporter_", "process_", "python_", "pg_scrape_collector_", "node_scrape_collector_")
"""How names begin that the exporter has for what it says of itself."""

_PARTS = {Kind.HISTOGRAM: ("", "_bucket", "_sum", "_count"), Kind.SUMMARY: ("", "_sum", "_count")}


class Names:
    """The names that are taken, and by which metric.

    Args:
        taken: the metrics of the collectors that run.
    """

    def __init__(self, taken: Iterable[Metric]) -> None:
        self._metrics: dict[str, Metric] = {}
        self._patterns: list[tuple[re.Pattern[str], Metric]] = []
        self._builtin: set[str] = set()
        for metric in taken:
            if metric.is_pattern:
                self._patterns.append((re.compile(re.sub(r"<\w+>", r"\\w+", metric.name)), metric))
            self._metrics.update(dict.fromkeys(_samples(metric), metric))
            self._builtin.update(_samples(metric))

    def claim(self, metric: Metric) -> str | None:
        """Takes a metric's names; says why not where one is another metric's, with the remedy.

        A metric of the same name, type and labels is the same one: its samples stand together.
        """
        if metric.name.startswith(OWN):
            return f"{metric.name} begins like the exporter's own metrics: rename it"
        if metric.kind is Kind.HISTOGRAM and "le" in metric.labels:
            return f"{metric.name}: le is the label of a histogram's buckets: rename the column"
        for name in _samples(metric):
            other = self._metrics.get(name) or self._pattern(name)
            if other is not None and not _same(metric, other):
                whose = "a built-in metric" if self._is_builtin(name) else "another query's metric"
                return (
                    f"{metric.name} would be {_shape(metric)}, but {other.name} is {whose}, {_shape(other)}:"
                    f" rename it{', or switch that collector off' if self._is_builtin(name) else ''}"
                )
        self._metrics.update(dict.fromkeys(_samples(metric), metric))
        return None

    def _pattern(self, name: str) -> Metric | None:
        return next((metric for pattern, metric in self._patterns if pattern.fullmatch(name)), None)

    def _is_builtin(self, name: str) -> bool:
        return name in self._builtin or self._pattern(name) is not None


def _samples(metric: Metric) -> Iterator[str]:
    """The names of its samples."""
    return (metric.name + part for part in _PARTS.get(metric.kind, ("",)))


def _same(metric: Metric, other: Metric) -> bool:
    same_name = metric.name == other.name or other.is_pattern
    return same_name and metric.kind == other.kind and set(metric.labels) == set(other.labels)


def _shape(metric: Metric) -> str:
    labels = ", ".join(metric.labels)
    return f"{metric.kind} {f'by {labels}' if labels else 'without labels'}"
