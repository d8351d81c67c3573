"""Two pages side by side: which metrics, labels and series only one of them has, without an opinion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import NamedTuple

from exporter.doctor.comparison.page import UNTYPED, Family, Labels, Page

EXAMPLES = 3
"""How many series are shown of those that are missing."""
CLEARLY = 0.5
"""The part of the larger value by which two values have to differ: pages are moments apart."""
COUNTED = ("_total", "_count", "_sum")
"""How names of counters end that have no TYPE."""


class MissingMetric(NamedTuple):
    """A metric that only their page has."""

    name: str
    kind: str
    series: int


class OtherType(NamedTuple):
    """A metric with another TYPE on our page."""

    name: str
    theirs: str
    ours: str


class OtherLabels(NamedTuple):
    """A metric with other label names on our page: those that only one of them has, sorted."""

    name: str
    theirs: tuple[str, ...]
    ours: tuple[str, ...]


class MissingSeries(NamedTuple):
    """Series of a metric that only their page has, told apart by the labels that both have.

    Attributes:
        name: the metric.
        missing: their labels.
        of: how many series they have.
    """

    name: str
    missing: Sequence[Labels]
    of: int


class OtherValue(NamedTuple):
    """A series of both pages with clearly another value, or a fact with another text.

    Attributes:
        name: the metric.
        labels: those that both have; of a fact, none.
        theirs: the value, or `label="text"`.
        ours: the same of ours.
    """

    name: str
    labels: Labels
    theirs: str
    ours: str


class Comparison(NamedTuple):
    """What differs between two pages.

    Attributes:
        missing: metrics that only theirs has.
        types: metrics of both with another TYPE.
        labels: metrics of both with other label names.
        series: series that only theirs has, of metrics that both have.
        values: clearly other values of gauges and facts; never of counters.
        extra: the names of metrics that only ours has.
        unknown: their metrics all of whose values are NaN: they say nothing, and are not compared.
    """

    missing: Sequence[MissingMetric]
    types: Sequence[OtherType]
    labels: Sequence[OtherLabels]
    series: Sequence[MissingSeries]
    values: Sequence[OtherValue]
    extra: Sequence[str]
    unknown: Sequence[str]


def compare(theirs: Page, ours: Page) -> Comparison:
    """What differs, each part in the order of names."""
    known = {name: _known(family) for name, family in theirs.families.items()}
    there = sorted(name for name in known if known[name])
    both = [(theirs.families[name], ours.families[name]) for name in there if name in ours.families]
    return Comparison(
        missing=[
            MissingMetric(name, theirs.families[name].kind, len(known[name]))
            for name in there
            if name not in ours.families
        ],
        types=[OtherType(a.name, a.kind, b.kind) for a, b in both if a.kind != b.kind],
        labels=[other for a, b in both if (other := _labels(a, b)) is not None],
        series=[missing for a, b in both if (missing := _series(a, b)) is not None],
        values=[found for a, b in both for found in _values(a, b)],
        extra=sorted(ours.families.keys() - theirs.families.keys()),
        unknown=sorted(name for name in known if not known[name]),
    )


def _known(family: Family) -> Mapping[Labels, float | None]:
    """The series that have a value."""
    return {labels: v for labels, v in family.series.items() if v is None or not isnan(v)}


def _labels(theirs: Family, ours: Family) -> OtherLabels | None:
    only_theirs, only_ours = theirs.names - ours.names, ours.names - theirs.names
    if not only_theirs and not only_ours:
        return None
    return OtherLabels(theirs.name, tuple(sorted(only_theirs)), tuple(sorted(only_ours)))


def _series(theirs: Family, ours: Family) -> MissingSeries | None:
    if _facts(theirs, ours) is not None:
        return None
    common = theirs.names & ours.names
    wanted = {_reduced(labels, common) for labels in _known(theirs)}
    missing = wanted - {_reduced(labels, common) for labels in ours.series}
    return MissingSeries(theirs.name, sorted(missing, key=sorted), len(wanted)) if missing else None


def _reduced(labels: Labels, names: set[str]) -> Labels:
    return frozenset((name, value) for name, value in labels if name in names)


def _values(theirs: Family, ours: Family) -> Iterable[OtherValue]:
    facts = _facts(theirs, ours)
    if facts is not None:
        a, b = facts
        for name in sorted(theirs.names & ours.names):
            if a.get(name, "") != b.get(name, ""):
                yield OtherValue(theirs.name, frozenset(), _quoted(name, a), _quoted(name, b))
    elif _is_gauge(theirs, ours):
        common = theirs.names & ours.names
        own = _single(ours, common)
        for labels, value in sorted(_single(theirs, common).items(), key=lambda item: sorted(item[0])):
            if labels in own and _clearly_other(value, own[labels]):
                yield OtherValue(theirs.name, labels, f"{value:g}", f"{own[labels]:g}")


def _facts(theirs: Family, ours: Family) -> tuple[dict[str, str], dict[str, str]] | None:
    """The labels of a metric that is one series with the value 1 on both pages: facts as text, `x_info`."""
    if theirs.names and list(theirs.series.values()) == [1] and list(ours.series.values()) == [1]:
        (a,), (b,) = theirs.series, ours.series
        return dict(a), dict(b)
    return None


def _quoted(name: str, labels: Mapping[str, str]) -> str:
    return f'{name}="{labels.get(name, "")}"'


def _is_gauge(theirs: Family, ours: Family) -> bool:
    kinds = {theirs.kind, ours.kind}
    return "gauge" in kinds and kinds <= {"gauge", UNTYPED} and not theirs.name.endswith(COUNTED)


def _single(family: Family, names: set[str]) -> dict[Labels, float]:
    """The values by these labels, where that is one series and no sum of several."""
    found: dict[Labels, list[float]] = {}
    for labels, value in _known(family).items():
        if value is not None:
            found.setdefault(_reduced(labels, names), []).append(value)
    return {labels: values[0] for labels, values in found.items() if len(values) == 1}


def _clearly_other(a: float, b: float) -> bool:
    # Equal infinities differ by NaN, which is larger than nothing.
    return abs(a - b) > CLEARLY * max(abs(a), abs(b))
