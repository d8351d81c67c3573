"""When a background collector runs again: in step with the others of its period, later when it is slow."""

from __future__ import annotations

from time import monotonic

import pytest

from exporter.model.collector import CollectorSpec, Named
from exporter.scrape.background import Background
from exporter.scrape.run import Runner


async def nothing(_deadline: object) -> tuple[()]:
    return ()


def background(every: float, started_ago: float) -> Background:
    spec = CollectorSpec(
        help="x", source="host", metrics=(), build=lambda _source: nothing, every_seconds=every
    )
    made = Background(Runner(Named("x", "host", spec), nothing, 1), every)
    made._started_at = monotonic() - started_ago
    return made


@pytest.mark.parametrize(
    ("started_ago", "took", "expected"),
    [
        (0.1, 0.1, 59.9),  # the first run has ended: the next turn is a period after the start
        (59.9, 0.5, 60.1),  # woken a moment before its turn
        (61.5, 1.5, 58.5),  # on its turn: a run does not push the later ones back
        (130.0, 10.0, 230.0),  # ten seconds are 5 % of 200: every fourth turn, that is at 360
    ],
)
def test_the_next_run(started_ago: float, took: float, expected: float) -> None:
    assert background(60.0, started_ago)._pause(took) == pytest.approx(expected, abs=0.05)


def test_two_of_one_period_stay_in_step() -> None:
    quick, slow = background(60.0, 122.0), background(60.0, 122.0)

    assert quick._pause(0.1) == pytest.approx(slow._pause(2.0), abs=0.05)


def test_the_period_is_longer_while_runs_are_long() -> None:
    made = background(60.0, 10.0)
    made._pause(10.0)
    assert made._period == 240.0  # the multiple of 60 above 200
    made._pause(0.1)
    assert made._period == 60.0
