"""One line of the tables in `_fields_*.py`: which INFO field a metric shows."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.metric import Kind, Metric
from exporter.model.table import Value
from exporter.sources.redis.info import Info


@dataclass(frozen=True, slots=True)
class Field:
    """A metric without labels that shows one field of INFO.

    The field is found by its name, whatever section a server puts it into.

    Attributes:
        name: the field.
        metric: what it is on the page.
        divisor: what its number is divided by to get the metric's unit.
    """

    name: str
    metric: Metric
    divisor: float = 1

    def value(self, info: Info) -> Value:
        """The metric's value; None where the field is absent, is no number or, in a counter, below 0."""
        value = info.number(self.name)
        # Dragonfly writes -1 for counters that it does not keep; gauges say "none" with -1.
        if value is None or (value < 0 and self.metric.kind is Kind.COUNTER):
            return None
        return value if self.divisor == 1 else value / self.divisor
