"""Which names users' files may not have: those of the page's own metrics."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.collectors import discover
from exporter.collectors.user_queries.names import Names
from exporter.model.metric import Metric


class InUse:
    """The names of all collectors' metrics, and of the files' so far."""

    def __init__(self) -> None:
        self._builtin = Names(metric for named in discover().values() for metric in named.spec.metrics)
        self._claimed: dict[str, Metric] = {}

    def claim(self, families: Mapping[str, Metric]) -> str:
        """Takes the names of a file; says why not where one of them is another metric's.

        Two files may have the same metric with other labels, as long as its type is the same.
        """
        for name, metric in families.items():
            other = self._claimed.get(name)
            if other is not None and other.kind != metric.kind:
                return f"{name} is a {metric.kind} here and a {other.kind} in another file"
            refused = self._builtin.claim(metric) if other is None else None
            if refused:
                return refused
        self._claimed |= families
        return ""
