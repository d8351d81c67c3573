"""Whether a value is unusual for this time of day, from the last seven days. No I/O.

The baseline is the median of what the same time of day had on each of the last days, give or take fifteen
minutes: a nightly job is usual at night, traffic is usual at noon. A value is unusual only if it is so
relatively, in comparison with how much values differ there anyway, and absolutely. Until there are three such
days, the last day as a whole is the baseline, with its quartiles; until there are twelve hours, nothing is
said.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isnan, nan
from typing import NamedTuple

BUCKET_SECONDS = 300
DAY = 86_400 // BUCKET_SECONDS
DAYS = 7
AROUND = 3
"""Buckets before and after the same time of day: a quarter of an hour each."""
LENGTH = DAYS * DAY + AROUND + 1
"""Buckets that are kept."""
ENOUGH_DAYS = 3
ENOUGH_BUCKETS = DAY // 2
RECENT = 6
"""Buckets just before, half an hour, which are left out of the last day: they may already be unusual."""

RELATIVE = 1.5
"""How many times the median is unusual at least."""
DEVIATIONS = 4.0
"""How many standard deviations, estimated from the median deviation or the quartiles, are."""
MAD = 1.4826
"""Times the median of the absolute deviations is the standard deviation of a normal distribution."""
QUARTILES = 1.349
"""What lies between its quartiles, in standard deviations."""
FLOOR_MS = 2.0
"""How many milliseconds more than the median are."""


class Baseline(NamedTuple):
    """What is usual.

    Attributes:
        usual: the median.
        unusual: from which value on it is unusual.
    """

    usual: float
    unusual: float

    def score(self, value: float) -> float:
        """0 for what is usual or less, 1 at the threshold, 2 as far beyond it."""
        return max(0.0, (value - self.usual) / (self.unusual - self.usual))


def empty() -> array[float]:
    """A ring without values: what bucket n had is at n modulo `LENGTH`; nan for nothing. 8 kB."""
    return array("f", [nan]) * LENGTH


def baseline(ring: Sequence[float], bucket: int) -> Baseline | None:
    """What is usual in a bucket, which is the newest of the ring; None while that is not known."""
    days = [
        [
            value
            for place in range(bucket - day * DAY - AROUND, bucket - day * DAY + AROUND + 1)
            if not isnan(value := ring[place % LENGTH])
        ]
        for day in range(1, DAYS + 1)
    ]
    if sum(map(bool, days)) >= ENOUGH_DAYS:
        values = [value for day in days for value in day]
        usual = quantile(values, 0.5)
        return _baseline(usual, MAD * quantile([abs(value - usual) for value in values], 0.5))
    places = range(bucket - DAY, bucket - RECENT)
    values = [value for place in places if not isnan(value := ring[place % LENGTH])]
    if len(values) < ENOUGH_BUCKETS:
        return None
    spread = (quantile(values, 0.75) - quantile(values, 0.25)) / QUARTILES
    return _baseline(quantile(values, 0.5), spread)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies, between two where it must be."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _baseline(usual: float, deviation: float) -> Baseline:
    return Baseline(usual, max(RELATIVE * usual, usual + DEVIATIONS * deviation, usual + FLOOR_MS))
