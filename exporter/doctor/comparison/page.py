"""A page of metrics as families of series, from text format 0.0.4; odd lines are counted and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Labels = frozenset[tuple[str, str]]
"""The labels of one series. A label without a value is the same as none, as for Prometheus."""

UNTYPED = "untyped"
SUFFIXES: Mapping[str, Sequence[str]] = {
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("_sum", "_count"),
    "counter": ("_total",),
}
"""TYPE -> what sample names have beyond the family's; counters only in OpenMetrics."""
PARTS = {"histogram": ("le",), "gaugehistogram": ("le",), "summary": ("quantile",)}
"""TYPE -> labels that belong to the type, and tell no series from another."""
CHUNK = 1000
ODD = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What the parser has raised for lines that are no samples."""


@dataclass(slots=True)
class Family:
    """One metric of a page.

    Attributes:
        name: as in its TYPE line, else as in its samples.
        kind: its TYPE in small letters.
        names: the names of its labels.
        series: labels -> value; NaN is unknown, None is more than one number (a histogram, a summary).
    """

    name: str
    kind: str
    names: set[str] = field(default_factory=set)
    series: dict[Labels, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says.

    Attributes:
        families: name -> family, in the page's order.
        invalid: how many lines could not be read.
    """

    families: Mapping[str, Family]
    invalid: int = 0

    @property
    def series(self) -> int:
        """How many series it has."""
        return sum(len(family.series) for family in self.families.values())


def read(text: str) -> Page:
    """Reads a page; whatever it holds, nothing is raised."""
    kinds: dict[str, str] = {}
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("#"):
            _type_line(stripped, kinds)
        elif stripped:
            lines.append(stripped)
    families: dict[str, Family] = {}
    valid = 0
    for sample in _samples(lines):
        valid += 1
        name, kind = _family(sample.name, kinds)
        _add(families.setdefault(name, Family(name, kind)), sample)
    return Page(families, len(lines) - valid)


def _type_line(line: str, kinds: dict[str, str]) -> None:
    words = line.split()
    if len(words) == 4 and words[1] == "TYPE":
        kind = words[3].lower()
        kinds[words[2].strip('"')] = UNTYPED if kind == "unknown" else kind


def _samples(lines: Sequence[str]) -> Iterator[Sample]:
    remaining = iter(lines)
    while chunk := list(islice(remaining, CHUNK)):
        yield from _parsed(chunk)


def _parsed(lines: Sequence[str]) -> Iterable[Sample]:
    """The samples of the lines that are ones: the parser gives up at one that is not, so halves are tried."""
    try:
        return [
            s for family in text_string_to_metric_families("\n".join(lines) + "\n") for s in family.samples
        ]
    except ODD:
        if len(lines) == 1:
            return ()
        middle = len(lines) // 2
        return (*_parsed(lines[:middle]), *_parsed(lines[middle:]))


def _family(sample: str, kinds: Mapping[str, str]) -> tuple[str, str]:
    """Name and TYPE of the family that a sample is of."""
    if sample in kinds:
        return sample, kinds[sample]
    for kind, suffixes in SUFFIXES.items():
        for suffix in suffixes:
            base = sample.removesuffix(suffix)
            if base != sample and kinds.get(base) == kind:
                # In OpenMetrics a counter's family goes without the suffix that its name has everywhere else.
                return (sample if kind == "counter" else base), kind
    return sample, UNTYPED


def _add(family: Family, sample: Sample) -> None:
    parts = PARTS.get(family.kind, ())
    labels = {name: value for name, value in sample.labels.items() if name not in parts}
    family.names.update(labels)
    key = frozenset((name, value) for name, value in labels.items() if value)
    family.series[key] = None if parts else _number(sample.value)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return inf
