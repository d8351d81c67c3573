"""What of a comparison is a loss, with the reason and the remedy of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.doctor.comparison.catalogue import Why
from exporter.doctor.comparison.compare import (
    EXAMPLES,
    MissingMetric,
    MissingSeries,
    OtherLabels,
    OtherType,
    OtherValue,
    compare,
)
from exporter.doctor.comparison.known import OWN, label_reason, series_reason
from exporter.doctor.comparison.page import Labels, Page

WhyMissing = Callable[[str], Why]
"""From the name of a metric that our page does not have to the reason."""
_Excused = dict[tuple[str, str], list[tuple[str, int]]]
"""What is left out (`server`, `device="zram0"`), and why -> metrics, each with how many series."""


@dataclass(frozen=True, slots=True)
class LostMetric:
    """A metric that a switch would lose; `why` and `today` are those of `Why`."""

    name: str
    kind: str
    series: int
    why: str
    today: str


@dataclass(frozen=True, slots=True)
class LostSeries:
    """Series that a switch would lose, of a metric that stays; with some of them as examples."""

    name: str
    series: int
    of: int
    examples: Sequence[Labels]


@dataclass(frozen=True, slots=True)
class LostLabel:
    """A label that some metrics would lose."""

    label: str
    metrics: Sequence[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What ours leaves out on purpose.

    Attributes:
        what: a label, `server`; or one with its value, `device="zram0"`, for the series that have it.
        metrics: the metrics that it is left out of.
        series: how many series are left out with it.
        reason: why nothing is lost.
    """

    what: str
    metrics: Sequence[str]
    series: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a switch would lose, and what would be otherwise.

    Attributes:
        theirs: the other exporter's page.
        ours: our page.
        metrics: lost metrics.
        series: lost series of metrics that stay.
        labels: lost labels of metrics that stay.
        left_out: what is not a loss, with the reason.
        types: metrics with another TYPE: no loss, and rules with `rate()` deserve a look.
        more_labels: metrics that have labels here that they don't have there.
        values: clearly other values, as advice.
        extra: the names of metrics that only ours has.
        own: their metrics about the exporter itself, which are not compared.
        unknown: their metrics without a value (NaN), which are not compared.
    """

    theirs: Page
    ours: Page
    metrics: Sequence[LostMetric]
    series: Sequence[LostSeries]
    labels: Sequence[LostLabel]
    left_out: Sequence[LeftOut]
    types: Sequence[OtherType]
    more_labels: Sequence[OtherLabels]
    values: Sequence[OtherValue]
    extra: Sequence[str]
    own: Sequence[str]
    unknown: Sequence[str]

    @property
    def complete(self) -> bool:
        """Whether a switch would lose nothing."""
        return not (self.metrics or self.series or self.labels)


def judge(theirs: Page, ours: Page, why: WhyMissing) -> Verdict:
    """What a switch from their page to ours would lose."""
    found = compare(_of_targets(theirs), _of_targets(ours))
    left_out: _Excused = {}
    labels = _labels(found.labels, left_out)
    series = [lost for missing in found.series if (lost := _series(missing, left_out)) is not None]
    return Verdict(
        theirs,
        ours,
        [_metric(missing, why) for missing in found.missing],
        series,
        labels,
        [
            LeftOut(what, [name for name, _ in of], sum(count for _, count in of), reason)
            for (what, reason), of in left_out.items()
        ],
        found.types,
        [other for other in found.labels if other.ours],
        found.values,
        found.extra,
        sorted(filter(OWN.fullmatch, theirs.families)),
        found.unknown,
    )


def _of_targets(page: Page) -> Page:
    """The page without what its exporter says of itself."""
    return Page({name: family for name, family in page.families.items() if not OWN.fullmatch(name)})


def _metric(missing: MissingMetric, why: WhyMissing) -> LostMetric:
    return LostMetric(missing.name, missing.kind, missing.series, *why(missing.name))


def _labels(others: Sequence[OtherLabels], left_out: _Excused) -> list[LostLabel]:
    lost: dict[str, list[str]] = {}
    for other in others:
        for label in other.theirs:
            if reason := label_reason(other.name, label):
                left_out.setdefault((label, reason), []).append((other.name, 0))
            else:
                lost.setdefault(label, []).append(other.name)
    return [LostLabel(label, names) for label, names in lost.items()]


def _series(missing: MissingSeries, left_out: _Excused) -> LostSeries | None:
    lost = []
    for labels in missing.missing:
        if known := series_reason(missing.name, dict(labels)):
            left_out.setdefault(known, []).append((missing.name, 1))
        else:
            lost.append(labels)
    return LostSeries(missing.name, len(lost), missing.of, lost[:EXAMPLES]) if lost else None
