"""Series of weeks from recorded shapes, one value a minute."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt

from tests.noise.shapes import QUANTILES, Shape
from tests.noise.week import KNOTS, Calendar, blend

Value = float | None
"""None where there is no sample."""

HISTOGRAM = ("_bucket", "_count")

NOTHING = (0.0, 0.0)
AT_NIGHT = ("nightly",)
"""Phases that were recorded under the load of their own hour."""

PIECES_A_MINUTE = 12
"""Rates were recorded in pieces of five seconds."""


@dataclass(slots=True)
class Series:
    """A series.

    Attributes:
        name: of the metric.
        labels: of the series.
        counter: whether `values` are increases, to be added up.
        values: of each minute.
        resets: minutes at which a counter begins again from 0.
    """

    name: str
    labels: Mapping[str, str]
    counter: bool
    values: list[Value]
    resets: set[int] = field(default_factory=set)

    def samples(self) -> list[Value]:
        """The samples as they are scraped: a counter's increases added up."""
        if not self.counter:
            return self.values
        total, found = 0.0, []
        for minute, value in enumerate(self.values):
            total = (0.0 if minute in self.resets else total) + (value or 0.0)
            found.append(None if value is None else total)
        return found


class Generator:
    """Makes series; the same seed makes the same ones.

    Args:
        calendar: load and phase of each minute.
        seed: of chance.
    """

    def __init__(self, calendar: Calendar, seed: int) -> None:
        self._calendar = calendar
        self._seed = seed
        # What lies on both sides of each minute's load, and how far between them it is.
        self._blends = [
            (calendar.phase(m), calendar.phase(m), 0.0) if calendar.phase(m) else blend(load)
            for m, load in enumerate(calendar.load)
        ]
        # Faults were recorded under the load of a day, and come at any hour.
        self._scales = [
            load if calendar.phase(m) not in ("", *AT_NIGHT) else 1.0 for m, load in enumerate(calendar.load)
        ]

    def series(self, shapes: Sequence[Shape]) -> Iterator[Series]:
        """All series: those of a histogram together, because its buckets must not contradict each other."""
        histograms: dict[tuple[str, frozenset[tuple[str, str]]], list[Shape]] = defaultdict(list)
        for shape in shapes:
            if shape.counter and shape.name.endswith(HISTOGRAM) and not shape.name.startswith("pg_"):
                root = shape.name.rpartition("_")[0]
                rest = frozenset((k, v) for k, v in shape.labels.items() if k != "le")
                histograms[root, rest].append(shape)
            elif shape.counter:
                yield Series(shape.name, shape.labels, counter=True, values=self._increases(shape))
            else:
                yield Series(shape.name, shape.labels, counter=False, values=self._levels(shape))
        for parts in histograms.values():
            yield from self._histogram(parts)

    def _random(self, *what: str) -> random.Random:
        return random.Random(f"{self._seed} {what}")  # a string: it seeds the same in each process

    def _rates(self, shape: Shape) -> list[tuple[float, float] | None]:
        """Rate and spread of each minute; None where it was not there."""
        numbers = {phase: b.numbers for phase, b in shape.phases.items()}
        scales = self._scales if _follows_load(shape) else [1.0] * self._calendar.minutes
        found: list[tuple[float, float] | None] = []
        for (below, above, share), scale in zip(self._blends, scales, strict=True):
            low, high = numbers.get(below), numbers.get(above)
            if low is None and high is None:
                found.append(None)
                continue
            low, high = low or NOTHING, high or NOTHING
            rate, spread = (a + (b - a) * share for a, b in zip(low, high, strict=True))
            found.append((max(rate, 0.0) * scale, spread))
        return found

    def _increases(self, shape: Shape) -> list[Value]:
        if not any(b.numbers[0] for b in shape.phases.values()):
            return self._constant(shape)
        rng = self._random(shape.name, str(sorted(shape.labels.items())))
        return self._kept(
            [
                None if rate is None else grown(rate[0] * 60, rate[1], rng, whole=shape.whole)
                for rate in self._rates(shape)
            ]
        )

    def _kept(self, increases: list[Value]) -> list[Value]:
        """A counter that has begun stays, unmoved where no load moved it; in a fault it may be gone."""
        begun = False
        for minute, value in enumerate(increases):
            if value is not None:
                begun = True
            elif begun and not self._calendar.phase(minute):
                increases[minute] = 0.0
        return increases

    def _constant(self, shape: Shape) -> list[Value]:
        """A counter that never grew: nothing, wherever it was."""
        there = {"", *shape.phases}
        return [0.0 if self._calendar.phase(m) in there else None for m in range(self._calendar.minutes)]

    def _histogram(self, parts: Sequence[Shape]) -> Iterator[Series]:
        bounds = sorted((p for p in parts if "le" in p.labels), key=lambda p: float(p.labels["le"]))
        counts = [p for p in parts if "le" not in p.labels]
        if not bounds:
            for part in counts:
                yield Series(part.name, part.labels, counter=True, values=self._increases(part))
            return
        rng = self._random(bounds[0].name, str(sorted(bounds[0].labels.items())))
        found: list[list[Value]] = [[] for _ in bounds]
        for rates in zip(*map(self._rates, bounds), strict=True):
            below, total = 0.0, 0.0
            for rate, values in zip(rates, found, strict=True):
                if rate and rate[0] > below:
                    total += grown((rate[0] - below) * 60, 0.0, rng, whole=True)
                    below = rate[0]
                values.append(None if rate is None else total)
        for part, values in zip([*bounds, *counts], [*found, *(found[-1] for _ in counts)], strict=True):
            yield Series(part.name, part.labels, counter=True, values=self._kept(list(values)))

    def _levels(self, shape: Shape) -> list[Value]:
        if constant := self._same_always(shape):
            return constant
        # What belongs to one thing goes up and down together: sessions that wait, and for how long.
        rng = self._random(str(sorted(shape.labels.items())))
        found: list[Value] = []
        wave = rng.random()
        for minute in range(self._calendar.minutes):
            wave = min(max(0.7 * wave + 0.3 * rng.random() + rng.gauss(0, 0.12), 0.0), 1.0)
            found.append(self._level(shape, minute, wave))
        return found

    def _same_always(self, shape: Shape) -> list[Value]:
        levels = {n for b in shape.phases.values() for n in b.numbers}
        if len(levels) > 1 or any(b.present < 0.5 for b in shape.phases.values()):
            return []
        (level,) = levels
        there = set(shape.phases) | ({""} if "day" in shape.phases or "quiet" in shape.phases else set())
        return [level if self._calendar.phase(m) in there else None for m in range(self._calendar.minutes)]

    def _level(self, shape: Shape, minute: int, wave: float) -> Value:
        lower, upper, share = self._blends[minute]
        below, above = shape.phases.get(lower), shape.phases.get(upper)
        present = [b.present if b else 0.0 for b in (below, above)]
        if present[0] + (present[1] - present[0]) * share < 0.5:
            return None
        below, above = below or above, above or below
        assert below
        assert above
        if below.age and self._calendar.phase(minute) and not _sawtooth(shape):
            return below.numbers[0] + self._calendar.seconds_into(minute)
        low, high = quantile(below.numbers, wave), quantile(above.numbers, wave)
        lowest = min(below.numbers[0], above.numbers[0])
        highest = max(below.numbers[-1], above.numbers[-1])
        value = min(max(low + (high - low) * share, lowest), highest)
        return float(round(value)) if shape.whole else value


def _follows_load(shape: Shape) -> bool:
    """Whether a counter is slower when there is less to do; the exporter's own statements are not."""
    quiet, day = (
        shape.phases[phase].numbers[0] if phase in shape.phases else 0.0 for phase in ("quiet", "day")
    )
    return quiet <= day / 2


def _sawtooth(shape: Shape) -> bool:
    """Whether it counts seconds on a good day too, and so begins again every now and then."""
    return any(shape.phases[phase].age for phase in KNOTS if phase in shape.phases)


def quantile(numbers: Sequence[float], share: float) -> float:
    """The value at a share of a distribution that is known at QUANTILES."""
    for (left, low), (right, high) in zip(
        zip(QUANTILES, numbers, strict=True), zip(QUANTILES[1:], numbers[1:], strict=False), strict=False
    ):
        if share <= right:
            return low + (high - low) * (share - left) / (right - left)
    return numbers[-1]


def grown(mean: float, spread: float, rng: random.Random, *, whole: bool) -> float:
    """By how much a counter grew in a minute in which it grows by `mean` on average.

    Whole numbers come by chance alone (Poisson) or spread more widely, if they did so when recorded.
    """
    if mean <= 0:
        return 0.0
    wide = mean * spread / sqrt(PIECES_A_MINUTE)
    if not whole:
        return max(rng.gauss(mean, wide), 0.0)
    if mean > 25:
        return float(max(round(rng.gauss(mean, max(wide, sqrt(mean)))), 0))
    return float(_poisson(mean, rng))


def _poisson(mean: float, rng: random.Random) -> int:
    floor, product, count = exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count
