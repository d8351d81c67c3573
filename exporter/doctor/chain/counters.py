"""What a server counts on its own page of metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.doctor.comparison.page import Family, read


@dataclass(frozen=True, slots=True)
class Counters:
    """A page's families by name."""

    families: Mapping[str, Family]

    @classmethod
    def of(cls, page: str) -> Counters:
        """The counters and gauges of a page; whatever it holds, nothing is raised."""
        return cls(read(page).families)

    def total(self, name: str) -> float | None:
        """The sum over all series of a metric; None if there is none."""
        family = self.families.get(name)
        return sum(value or 0.0 for value in family.series.values()) if family else None

    def by(self, label: str, name: str) -> Counter[str]:
        """The sums over the series of a metric that share the value of a label."""
        sums: Counter[str] = Counter()
        family = self.families.get(name)
        for labels, value in family.series.items() if family else ():
            sums[dict(labels).get(label, "")] += int(value or 0)
        return sums
