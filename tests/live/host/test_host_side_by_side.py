"""Debian's node_exporter 1.5 and our daemon on the same machine: its series are on our page.

Whatever differs is a line of tests/compat/node_exceptions.tsv, with the reason; a line that nothing
needs any more is an error as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import Exporter, node_exporter, require

pytestmark = pytest.mark.live

EXCEPTIONS = Path(__file__).parents[2] / "compat" / "node_exceptions.tsv"
ROUNDS = 6
ROUNDING = 1e-9
"""Two ways to divide by 1000 differ in the last digit."""

LINE = re.compile(r"(?P<name>[a-zA-Z0-9_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Shown:
    """What a page says: kinds by name, values by series; an empty label is no label."""

    kinds: dict[str, str] = field(default_factory=dict)
    values: dict[Series, float] = field(default_factory=dict)

    @classmethod
    def on(cls, text: str) -> Shown:
        shown = cls()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                shown.kinds[name] = kind
            elif match := LINE.fullmatch(line):
                labels = tuple(sorted(pair for pair in LABEL.findall(match["labels"] or "") if pair[1]))
                shown.values[match["name"], labels] = float(match["value"])
        return shown


def written(series: Series) -> str:
    name, labels = series
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels) + "}"


class Exceptions:
    """The file's lines, and which of them were needed."""

    def __init__(self) -> None:
        rows = [line.split("\t") for line in EXCEPTIONS.read_text().splitlines()[1:]]
        self._patterns = [(what, re.compile(series)) for what, series, _reason in rows]
        self.needed: set[tuple[str, str]] = set()

    def cover(self, what: str, series: Series) -> bool:
        text = written(series)
        found = {(w, p.pattern) for w, p in self._patterns if w == what and p.fullmatch(text)}
        self.needed |= found
        return bool(found)

    def of(self, *kinds: str) -> set[tuple[str, str]]:
        return {(what, pattern.pattern) for what, pattern in self._patterns if what in kinds}


@pytest.fixture(scope="module")
def rounds() -> list[tuple[Shown, Shown, Shown]]:
    """Upstream's page, our daemon's, upstream's again; a few times. Both with their defaults."""
    with require(node_exporter) as upstream, Exporter() as ours:
        upstream.scrape(), ours.scrape()  # the first page of a process is its slowest
        return [
            (Shown.on(upstream.scrape()), Shown.on(ours.scrape()), Shown.on(upstream.scrape()))
            for _ in range(ROUNDS)
        ]


def test_its_series_are_ours(rounds):
    theirs, mine, _ = rounds[0]
    assert len(theirs.values) > 300
    exceptions = Exceptions()
    missing = [
        written(series)
        for series in theirs.values
        if series not in mine.values
        and not exceptions.cover("missing", series)
        and not (with_more_labels(series, mine.values) and exceptions.cover("labels", series))
    ]
    assert missing == []
    assert exceptions.needed == exceptions.of("missing", "labels")


def with_more_labels(series: Series, mine: Iterable[Series]) -> bool:
    name, labels = series
    return any(other == name and set(labels) < set(more) for other, more in mine)


def test_its_types_are_ours(rounds):
    theirs, mine, _ = rounds[0]
    names = {name for name, _ in theirs.values} & mine.kinds.keys()
    assert len(names) > 150
    assert {name: mine.kinds[name] for name in names} == {name: theirs.kinds[name] for name in names}


def test_our_counters_lie_between_two_of_its_scrapes(rounds):
    exact = ("counter",)
    exceptions = Exceptions()
    wrong = [
        f"{written(series)}: {before.values[series]} <= {mine.values[series]} <= {after.values[series]}"
        for before, mine, after in rounds
        for series in common(before.values, mine.values, after.values)
        if mine.kinds.get(series[0]) in exact
        and not between(before.values[series], mine.values[series], after.values[series])
        and not exceptions.cover("value", series)
    ]
    assert wrong == []


def between(low: float, value: float, high: float) -> bool:
    slack = ROUNDING * abs(high)
    return low - slack <= value <= high + slack


def test_our_gauges_are_comparable(rounds):
    """In one of the rounds at least: within a fifth of its two values, or a few units for small ones."""
    exceptions = Exceptions()
    left: dict[Series, str] = {}
    for number, (before, mine, after) in enumerate(rounds):
        for series in common(before.values, mine.values, after.values):
            pair = (before.values[series], after.values[series])
            slack = max(4.0, 0.2 * max(map(abs, pair)))
            near = between(min(pair) - slack, mine.values[series], max(pair) + slack)
            if near:
                left.pop(series, None)
            elif number == 0 or series in left:
                left[series] = f"{written(series)}: {mine.values[series]}, theirs {pair}"
    assert [text for series, text in left.items() if not exceptions.cover("value", series)] == []


def common(*pages: Mapping[Series, float]) -> set[Series]:
    return set.intersection(*(set(values) for values in pages))
