"""One line of the tables in `_fields_*.py`: which INFO field a metric shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.model.metric import Kind, Metric
from exporter.model.table import Value
from exporter.sources.redis.info import Info, is_plain, number


@dataclass(frozen=True, slots=True)
class Field:
    """A metric without labels that shows one field of INFO.

    The field is found by its name, whatever section a server puts it into.

    Attributes:
        name: the field.
        metric: what it is on the page.
        divisor: what its number is divided by to get the metric's unit. A percent sign is left out.
        also: another name of the field, on a server that has its own.
        negative: whether a gauge below 0 is a figure (upstream's -1), and not "unknown".
    """

    name: str
    metric: Metric
    divisor: float = 1
    also: str = ""
    negative: bool = True

    def value(self, info: Info) -> Value:
        """The metric's value; None where the field is absent, is no number or, in a counter, below 0."""
        text = info.fields.get(self.name)
        if text is None:
            text = info.fields.get(self.also)
        if text is None or (self.divisor == 1 and is_plain(text)):
            return text  # most are whole numbers, which go onto the page as they stand
        value = number(text.removesuffix("%"))
        # Dragonfly writes -1 for counters that it does not keep; upstream's gauges say "none" with -1.
        if value is None or (value < 0 and (self.metric.kind is Kind.COUNTER or not self.negative)):
            return None
        return value if self.divisor == 1 else value / self.divisor


def values(fields: Iterable[Field], info: Info) -> Sequence[tuple[Metric, Value]]:
    """Those of the fields that the server has, as metric and value."""
    there = info.fields
    return [
        (field.metric, value)
        for field in fields
        if (field.name in there or field.also in there) and (value := field.value(info)) is not None
    ]
