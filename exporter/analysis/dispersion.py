"""How regularly one count follows another, from pairs of counts. Pure.

Requests that come independently of each other scatter as Poisson's counts do: the ratio of two of them has a
coefficient of variation that falls with the root of the count, whatever the traffic. A loop inside one
request gives the same ratio always. So the coefficient times that root tells both apart at any load.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, inf, lgamma, log, sqrt
from statistics import fmean, pstdev

CHANCE = 1e-3
"""How likely it may be that any pair of independent counts passes for a loop."""


def dispersion(children: Sequence[float], parents: Sequence[float]) -> float:
    """Coefficient of variation of children/parents times the root of the mean of parents.

    About 1 or more for independent requests, near 0 for a loop. Infinite without counts.

    Args:
        children: counts of each interval.
        parents: the same, each above 0.
    """
    if len(parents) < 2 or not sum(children):
        return inf
    ratios = [child / parent for child, parent in zip(children, parents, strict=True)]
    return pstdev(ratios) / fmean(ratios) * sqrt(fmean(parents))


def scatter(counts: Sequence[float], seconds: Sequence[float]) -> float:
    """The same of one count against time: about 1 or more for users, near 0 for what a clock starts.

    Args:
        counts: of each interval.
        seconds: how long each was.
    """
    if len(counts) < 2 or not sum(counts):
        return 0.0
    rates = [count / duration for count, duration in zip(counts, seconds, strict=True)]
    return pstdev(rates) / fmean(rates) * sqrt(fmean(counts))


@lru_cache(maxsize=256)
def bound(intervals: int, pairs: int, most: float) -> float:
    """The dispersion up to which a pair is no accident.

    Of `intervals` ratios of independent counts, the squared dispersion times their number is distributed as
    chi squared with one degree of freedom less, or above that. Few intervals and many pairs make accidents
    likely, so the bound is lower there (Bonferroni's correction).

    Args:
        intervals: that were compared, 2 or more.
        pairs: that are compared.
        most: what it never is above.
    """
    chance, freedom = CHANCE / max(1, pairs), intervals - 1
    low, high = 0.0, most
    if _chi_squared_below(most**2 * intervals, freedom) <= chance:
        return most
    for _ in range(40):
        middle = (low + high) / 2
        if _chi_squared_below(middle**2 * intervals, freedom) <= chance:
            low = middle
        else:
            high = middle
    return low


def _chi_squared_below(value: float, freedom: int) -> float:
    """The probability of a value below this one, by the series of the incomplete gamma function."""
    shape, half = freedom / 2, value / 2
    if half <= 0:
        return 0.0
    term = total = 1.0
    step = shape
    while term > total * 1e-12:
        step += 1
        term *= half / step
        total += term
    return min(1.0, total * exp(shape * log(half) - half - lgamma(shape + 1)))
