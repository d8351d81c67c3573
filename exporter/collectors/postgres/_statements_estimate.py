"""Percentiles of what only its mean and standard deviation are known of: an estimate. No I/O.

Durations of one statement are taken for log-normal: never negative, with a long tail. Those of several
statements are a mixture of such distributions, each as heavy as it has calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from math import erfc, exp, log, sqrt
from typing import NamedTuple

PARTS = 100
"""Distributions that are looked at, those with most calls."""
STEPS = 40
"""Halvings of the interval in which the percentile lies."""
EXACT = 1e-3
"""The interval, on a logarithmic scale, that is small enough: a thousandth."""
FARTHEST = 6.0
"""Standard deviations from the mean, beyond which there is nothing."""


class Moments(NamedTuple):
    """What some calls of a statement took.

    Attributes:
        calls: how many.
        total: their sum.
        square: the sum of their squares.
    """

    calls: float
    total: float
    square: float


class _Part(NamedTuple):
    """One log-normal distribution: how many calls, and mean and standard deviation of the logarithm."""

    calls: float
    mean: float
    deviation: float


def percentile(moments: Iterable[Moments], share: float) -> float | None:
    """The value below which this share of the calls lies, in the unit of the moments; None without calls."""
    parts = [_part(one) for one in nlargest(PARTS, moments) if one.calls > 0 and one.total > 0]
    if not parts:
        return None
    above = (1 - share) * sum(part.calls for part in parts)
    low = min(part.mean - FARTHEST * part.deviation for part in parts)
    high = max(part.mean + FARTHEST * part.deviation for part in parts)
    for _ in range(STEPS):
        if high - low < EXACT:
            break
        middle = (low + high) / 2
        if _above(parts, middle) > above:
            low = middle
        else:
            high = middle
    return exp((low + high) / 2)


def _part(moments: Moments) -> _Part:
    mean = moments.total / moments.calls
    variance = max(0.0, moments.square / moments.calls - mean**2)
    spread = log(1 + variance / mean**2)
    return _Part(moments.calls, log(mean) - spread / 2, sqrt(spread))


def _above(parts: Sequence[_Part], logarithm: float) -> float:
    """How many calls took longer."""
    return sum(
        part.calls * 0.5 * erfc((logarithm - part.mean) / (part.deviation * sqrt(2)))
        if part.deviation > 0
        else part.calls * (part.mean > logarithm)
        for part in parts
    )
