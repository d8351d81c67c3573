"""Loops against independent requests, in counts that chance makes."""

from __future__ import annotations

import random

import pytest

from exporter.analysis.dispersion import bound, dispersion, scatter


def _poisson(chance: random.Random, mean: float) -> int:
    """Arrivals at this rate; for more than thirty the normal distribution is near enough."""
    return max(1, round(chance.gauss(mean, mean**0.5)))


def _independent(chance: random.Random, intervals: int) -> float:
    """Two streams of requests whose rates go up and down together."""
    loads = [chance.uniform(50, 300) for _ in range(intervals)]
    parents = [_poisson(chance, load) for load in loads]
    return dispersion([_poisson(chance, 3 * load) for load in loads], parents)


def test_a_loop_has_none_and_independent_requests_have_one() -> None:
    chance = random.Random(7)
    loads = [_poisson(chance, 40 + 30 * (n % 5)) for n in range(20)]

    assert dispersion([25 * load for load in loads], loads) == pytest.approx(0)
    assert dispersion([25 * load + chance.randint(-20, 20) for load in loads], loads) < 0.2
    drawn = sorted(_independent(chance, 20) for _ in range(200))
    assert 0.9 < drawn[100] < 1.4


@pytest.mark.parametrize(("intervals", "pairs"), [(8, 1), (8, 100), (20, 1), (20, 400)])
def test_the_bound_lets_hardly_any_accident_pass(intervals: int, pairs: int) -> None:
    chance = random.Random(intervals * pairs)
    limit = bound(intervals, pairs, 0.35)
    drawn = [_independent(chance, intervals) for _ in range(1000)]

    assert sum(value <= limit for value in drawn) <= 3
    assert 0.1 < limit <= 0.35, "loops are at 0.14 and below"


def test_the_bound_falls_with_pairs_and_rises_with_intervals() -> None:
    assert bound(8, 100, 0.35) < bound(8, 1, 0.35) < bound(12, 1, 0.35) <= bound(40, 1, 0.35) == 0.35


def test_what_a_clock_starts_does_not_scatter() -> None:
    chance = random.Random(3)
    seconds = [30.0, 30.0, 60.0, 30.0]

    assert scatter([100, 100, 200, 100], seconds) == pytest.approx(0)
    assert scatter([_poisson(chance, 100) for _ in range(40)], [30.0] * 40) > 0.7
    assert scatter([], []) == 0


def test_without_counts_there_is_no_ratio() -> None:
    assert dispersion([0, 0], [5, 5]) == float("inf")
    assert dispersion([3], [1]) == float("inf")
