"""Percentiles from moments, beside those of real samples."""

from __future__ import annotations

from random import Random

import pytest

from exporter.collectors.postgres._statements_estimate import Moments, percentile


def moments(samples: list[float]) -> Moments:
    return Moments(len(samples), sum(samples), sum(value**2 for value in samples))


def real(samples: list[float]) -> float:
    return sorted(samples)[int(0.95 * len(samples))]


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
def test_of_one_statement_it_is_close_to_the_real_one(sigma: float) -> None:
    random = Random(1)
    samples = [random.lognormvariate(1, sigma) for _ in range(20_000)]

    assert percentile([moments(samples)], 0.95) == pytest.approx(real(samples), rel=0.1)


def test_of_a_mixture_it_is_that_of_all_calls_together() -> None:
    random = Random(2)
    fast = [random.lognormvariate(0, 0.3) for _ in range(9_000)]
    slow = [random.lognormvariate(4, 0.3) for _ in range(1_000)]

    found = percentile([moments(fast), moments(slow)], 0.95)
    assert found == pytest.approx(real(fast + slow), rel=0.1)
    assert found != pytest.approx(real(fast), rel=5), "the slow tenth decides"


@pytest.mark.parametrize(
    "durations",
    [
        lambda random: random.uniform(1, 3),
        lambda random: random.expovariate(0.5),
        lambda random: random.gauss(10, 1),
        lambda _random: 5.0,
    ],
    ids=["uniform", "exponential", "normal", "constant"],
)
def test_of_durations_that_are_not_log_normal_it_is_a_quarter_off_at_most(durations: object) -> None:
    random = Random(3)
    samples = [durations(random) for _ in range(20_000)]  # type: ignore[operator]

    assert percentile([moments(samples)], 0.95) == pytest.approx(real(samples), rel=0.25)


def test_single_calls_are_points() -> None:
    calls = [Moments(1, value, value**2) for value in (1.0, 2.0, 3.0, 900.0)]

    assert percentile(calls, 0.5) == pytest.approx(2, rel=0.01)
    assert percentile(calls, 0.95) == pytest.approx(900, rel=0.01)


def test_without_calls_there_is_none() -> None:
    assert percentile([], 0.95) is None
    assert percentile([Moments(0, 0, 0), Moments(3, 0, 0)], 0.95) is None


def test_rounding_below_the_square_of_the_mean_is_no_error() -> None:
    assert percentile([Moments(3, 30, 299.9999)], 0.95) == pytest.approx(10, rel=0.01)
