"""Shapes: how each series that rules read behaves in a phase of the recording."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

FILE = Path(__file__).parents[1] / "recorded" / "noise" / "shapes.json.gz"

Sample = tuple[float, float]
"""Seconds and value."""

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
PIECE = 5.0
"""Seconds over which a rate is taken, to see how it spreads."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a series did in one phase.

    Attributes:
        present: the share of the phase in which it was there.
        numbers: of a counter its rate a second and its spread, as a share of it; of a gauge its QUANTILES.
        age: a gauge that counted the seconds of the phase.
    """

    present: float
    numbers: Sequence[float]
    age: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A series.

    Attributes:
        name: of the metric.
        labels: with `job` and `instance`.
        counter: whether it only grows.
        whole: whether all of its values were whole numbers.
        phases: phase -> what it did there.
    """

    name: str
    labels: Mapping[str, str]
    counter: bool
    whole: bool
    phases: Mapping[str, Behaviour]


def counter_in(samples: Sequence[Sample], expected: int) -> Behaviour:
    """A counter in one phase, from its samples; `expected` is how many there would be of one always there."""
    (start, first), (end, last) = samples[0], samples[-1]
    grown = sum(max(after - before, 0) for (_, before), (_, after) in pairwise(samples))
    rate = grown / (end - start) if end > start else 0.0
    spread = 0.0
    if rate > 0 and last > first:
        pieces = _rates(samples)
        spread = pstdev(pieces) / fmean(pieces) if len(pieces) > 2 and fmean(pieces) > 0 else 0.0
    return Behaviour(min(len(samples) / expected, 1.0), (_short(rate), _short(spread)))


def _rates(samples: Sequence[Sample]) -> list[float]:
    rates, (start, before) = [], samples[0]
    for at, value in samples:
        if at - start >= PIECE:
            rates.append(max(value - before, 0.0) / (at - start))
            start, before = at, value
    return rates


def gauge_in(samples: Sequence[Sample], expected: int) -> Behaviour:
    """A gauge in one phase. An age grew by about a second each second."""
    values = sorted(value for _, value in samples)
    quantiles = [values[round(q * (len(values) - 1))] for q in QUANTILES]
    (start, first), (end, last) = samples[0], samples[-1]
    grows = (last - first) / (end - start) if end > start else 0.0
    ever = all(after[1] >= before[1] for before, after in pairwise(samples))
    age = end - start > 5 and ever and 0.85 < grows < 1.15
    return Behaviour(min(len(samples) / expected, 1.0), tuple(map(_short, quantiles)), age=age)


def save(shapes: Iterable[Shape], file: Path = FILE) -> None:
    """Writes them, always the same bytes for the same shapes."""
    lines = [
        json.dumps(
            {
                "name": shape.name,
                "labels": dict(sorted(shape.labels.items())),
                "counter": shape.counter,
                "whole": shape.whole,
                "phases": {
                    phase: [round(b.present, 2), list(b.numbers), b.age] for phase, b in shape.phases.items()
                },
            },
            separators=(",", ":"),
        )
        for shape in sorted(shapes, key=lambda s: (s.name, sorted(s.labels.items())))
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def load(file: Path = FILE) -> list[Shape]:
    """Reads what `save` has written."""
    return [_shape(json.loads(line)) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]


def _shape(read: Mapping[str, Any]) -> Shape:
    phases = {
        phase: Behaviour(present, tuple(numbers), age=age)
        for phase, (present, numbers, age) in read["phases"].items()
    }
    return Shape(read["name"], read["labels"], read["counter"], read["whole"], phases)


def _short(value: float) -> float:
    return float(f"{value:.6g}") if abs(value) < 1e9 else value
