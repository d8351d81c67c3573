"""The calendar: how much is asked of the stack in each minute, and what is different in which minutes.

Minutes are counted from the Monday on which the first week begins. The first week is history for the rules
that look back, the second is the quiet one that counts, and the days after it have the incidents.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, exp, pi

HOUR = 60
DAY = 24 * HOUR
WEEK = 7 * DAY
QUIET = range(WEEK, 2 * WEEK)

NIGHT = (10, 10, 10, 10, 11, 14, 25, 45)
OFFICE = (80, 120, 150, 150, 120, 125, 150, 145, 125, 100)
EVENING = (90, 85, 75, 50, 25, 14)
BY_HOUR = NIGHT + OFFICE + EVENING
"""Percent of the recorded day's load at each hour of a working day: night a tenth, the office's two peaks."""

WEEKEND = 0.4
WAVERS = 0.08
"""By how much load differs from the curve, as a share (standard deviation), with a memory of ten minutes."""


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes that are different.

    Attributes:
        start: its first minute.
        minutes: how long it is.
        phase: the recorded phase that all series are in; empty where only `edits` make the difference.
    """

    start: int
    minutes: int
    phase: str = ""

    @property
    def end(self) -> int:
        """The first minute after it."""
        return self.start + self.minutes


def at(day: int, clock: str) -> int:
    """The minute of a time of a day, days counted from 0: `at(3, "14:05")` is the first Thursday's."""
    hours, minutes = clock.split(":")
    return day * DAY + int(hours) * HOUR + int(minutes)


CAMPAIGN = Span(at(9, "12:00"), 45)
MORE = 1.8
"""By how much more there is to do after a mail to all customers, in the quiet week."""


def usual(minute: int) -> float:
    """The load of a minute without chance; 1 is the recorded day, 2 the recorded peak."""
    hour, rest = divmod(minute % DAY, HOUR)
    share = (1 - cos(pi * rest / HOUR)) / 2
    of_day = BY_HOUR[hour] * (1 - share) + BY_HOUR[(hour + 1) % 24] * share
    return of_day / 100 * (WEEKEND if minute % WEEK >= 5 * DAY else 1.0)


def loads(minutes: int, rng: random.Random) -> list[float]:
    """The load of each minute."""
    wavering, found = 0.0, []
    for minute in range(minutes):
        wavering = 0.9 * wavering + rng.gauss(0, WAVERS * 0.436)
        more = MORE if CAMPAIGN.start <= minute < CAMPAIGN.end else 1.0
        found.append(usual(minute) * exp(wavering) * more)
    return found


def nightly(days: int, rng: random.Random) -> list[Span]:
    """The nightly job, which begins soon after two, and the longer one early on Sundays."""
    found = []
    for day in range(days):
        found.append(Span(at(day, "02:00") + rng.randrange(6), 36 + rng.randrange(9), "nightly"))
        if day % 7 == 6:
            found.append(Span(at(day, "03:00"), 75, "nightly"))
    return found


class Calendar:
    """Which phase each minute is in.

    Args:
        minutes: how many there are.
        spans: those that differ; of two at the same time the later in the list holds.
        load: of each minute.
    """

    def __init__(self, minutes: int, spans: Sequence[Span], load: Sequence[float]) -> None:
        self.minutes = minutes
        self.load = load
        self.span: list[Span | None] = [None] * minutes
        for span in spans:
            for minute in range(max(span.start, 0), min(span.end, minutes)):
                self.span[minute] = span

    def phase(self, minute: int) -> str:
        """The recorded phase that holds; empty where the load decides."""
        span = self.span[minute]
        return span.phase if span else ""

    def seconds_into(self, minute: int) -> float:
        """For how long it has held."""
        span = self.span[minute]
        return (minute - span.start) * 60.0 if span else 0.0


KNOTS: Mapping[str, float] = {"quiet": 0.1, "day": 1.0, "peak": 2.0}
"""Phase -> the load that it was recorded with."""


def blend(load: float) -> tuple[str, str, float]:
    """The two phases between which a load lies, and how far it is on its way to the second."""
    names, knots = list(KNOTS), list(KNOTS.values())
    upper = min(max(bisect_right(knots, load), 1), len(knots) - 1)
    share = (load - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
    return names[upper - 1], names[upper], min(max(share, -0.5), 1.5)
