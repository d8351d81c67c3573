"""Scores of synthetic weeks, the rings that they are of, and the file that keeps them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from math import cos, isnan, nan, pi
from pathlib import Path
from random import Random
from statistics import median

import pytest

from exporter.collectors.postgres._statements import Growth, Owner, Reading, Statement
from exporter.collectors.postgres._statements_rings import FEWEST_CALLS, Rings, Week
from exporter.collectors.postgres._statements_rings_file import NotOurs, load, save
from exporter.collectors.postgres._statements_score import (
    BUCKET_SECONDS,
    DAY,
    FLOOR_MS,
    LENGTH,
    baseline,
    empty,
)
from exporter.collectors.postgres._statements_top import Top
from exporter.facts.pg_stat_statements import COUNTERS, INDEX

INCIDENT = range(14 * DAY + 150, 14 * DAY + 156)
"""Half an hour in the afternoon of the fifteenth day."""
IN_A_ROW = 2
"""Buckets over the threshold that are an alert: ten minutes."""

Level = Callable[[int], float]


def daily(bucket: int) -> float:
    return 20 - 10 * cos(2 * pi * (bucket % DAY) / DAY)


def weekly(bucket: int) -> float:
    return daily(bucket) * (0.6 if bucket // DAY % 7 >= 5 else 1.0)


def nightly(bucket: int) -> float:
    """A job from 2:00 on, for half an hour, with which a call takes six times as long."""
    return 20 * (6 if 24 <= bucket % DAY < 30 else 1)


SHAPES: dict[str, Level] = {
    "flat": lambda _bucket: 20.0,
    "daily traffic": daily,
    "weekly traffic": weekly,
    "nightly job": nightly,
}


def week(level: Level, factor: float, seed: int, *, outliers: float = 0.0) -> Iterator[tuple[int, float]]:
    """Fifteen days of means with noise of 10 %, and an incident on the last day."""
    random = Random(seed)
    for bucket in range(15 * DAY):
        readings = [
            level(bucket)
            * random.lognormvariate(0, 0.1)
            * (random.uniform(3, 8) if random.random() < outliers else 1)
            for _ in range(5 if outliers else 1)
        ]
        yield bucket, median(readings) * (factor if bucket in INCIDENT else 1)


def alerts(series: Iterator[tuple[int, float]], first: int = 8 * DAY) -> tuple[int, bool]:
    """Alerts outside the incident, and whether it was found."""
    ring, run, false, found = empty(), 0, 0, False
    for bucket, value in series:
        ring[bucket % LENGTH] = value
        usual = baseline(ring, bucket) if bucket >= first else None
        run = run + 1 if usual is not None and usual.score(value) >= 1 else 0
        if run == IN_A_ROW:
            inside = bucket in INCIDENT
            false, found = false + (not inside), found or inside
    return false, found


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_incident_is_found_and_nothing_else(shape: str, factor: int) -> None:
    results = [alerts(week(SHAPES[shape], factor, seed), 13 * DAY) for seed in range(3)]

    assert results == [(0, True)] * 3


def test_single_outliers_alarm_nobody() -> None:
    false, found = alerts(week(SHAPES["flat"], 2, 1, outliers=0.01))

    assert (false, found) == (0, True)


def test_a_nightly_job_that_is_new_is_unusual_until_it_was_there_three_times() -> None:
    ring, scores = empty(), []
    for bucket in range(12 * DAY):
        value = 20 * (6 if bucket >= 8 * DAY and 24 <= bucket % DAY < 30 else 1)
        ring[bucket % LENGTH] = value
        if bucket % DAY == 27 and bucket >= 8 * DAY:
            usual = baseline(ring, bucket)
            assert usual is not None
            scores.append(usual.score(value) >= 1)

    assert scores == [True] * 4, "four nights of seven are needed to make a median"


def test_what_is_fast_is_not_unusual_by_less_than_the_floor() -> None:
    ring = array("f", [0.1]) * LENGTH
    usual = baseline(ring, 5_000)

    assert usual is not None
    assert usual.score(0.1 + FLOOR_MS * 0.9) < 1 <= usual.score(0.1 + FLOOR_MS * 1.01)
    assert usual.score(0.05) == 0


def test_nothing_is_said_before_there_is_half_a_day() -> None:
    ring, first = empty(), None
    for bucket in range(4 * DAY):
        ring[bucket % LENGTH] = 20.0
        if first is None and baseline(ring, bucket) is not None:
            first = bucket

    assert first is not None
    assert DAY / 2 <= first <= DAY / 2 + 7


def test_the_first_days_are_judged_by_the_last_day() -> None:
    ring = empty()
    for bucket in range(DAY):
        ring[bucket] = 20.0 if bucket % 2 else 22.0
    usual = baseline(ring, DAY - 1)

    assert usual is not None
    assert usual.usual == pytest.approx(21, abs=1)
    assert usual.unusual == pytest.approx(1.5 * usual.usual, rel=0.1)


QUERY = Statement(Owner("app", "web"), "42")


def grown(calls: float, ms: float, statement: Statement = QUERY) -> Growth:
    by = [0.0] * len(COUNTERS)
    by[INDEX["calls"]], by[INDEX["total_exec_time"]] = calls, ms
    return Growth(statement, by)


def reading(at: float) -> Reading:
    return Reading("1", {}, {}, {}, at=at)


def rings(*statements: Statement) -> Rings:
    top = Top(100, len(COUNTERS), INDEX["total_exec_time"])
    top.add(reading(0), [grown(1, 1, statement) for statement in statements or (QUERY,)])
    return Rings(top)


def feed(kept: Rings, bucket: int, *means: float, calls: float = FEWEST_CALLS) -> None:
    """One bucket in which each reading had this mean, and the reading that closes it."""
    for i, mean in enumerate(means):
        kept.add(reading(bucket * BUCKET_SECONDS + i), [grown(calls, calls * mean)])
    kept.add(reading((bucket + 1) * BUCKET_SECONDS), [])


def newest(kept: Rings) -> float:
    week = kept.stored()
    assert week is not None
    return week.rings[QUERY][week.bucket % LENGTH]


def test_a_bucket_has_the_median_of_its_readings() -> None:
    kept = rings()
    feed(kept, 7, 5, 900, 6)

    assert kept.closed == 7
    assert newest(kept) == 6


def test_a_bucket_with_few_calls_has_nothing() -> None:
    kept = rings()
    feed(kept, 7, 5, 6, calls=FEWEST_CALLS / 2 - 1)

    assert isnan(newest(kept))


def test_buckets_in_which_nothing_was_read_have_nothing() -> None:
    kept = rings()
    feed(kept, 7, 5)
    feed(kept, 7 + LENGTH - 2, 6)

    week = kept.stored()
    assert week is not None
    assert sorted(value for value in week.rings[QUERY] if not isnan(value)) == [5, 6]
    feed(kept, 7 + 3 * LENGTH, 6)
    week = kept.stored()
    assert week is not None
    assert [value for value in week.rings[QUERY] if not isnan(value)] == [6]


def test_scores_and_who_has_none_yet() -> None:
    other = Statement(Owner("app", "web"), "43")
    ring = array("f", [20.0]) * LENGTH
    kept = rings(QUERY, other)
    kept.restore(Week(9_999, {QUERY: ring}))
    feed(kept, 10_000, 60.0)

    assert kept.scores == {QUERY: pytest.approx((60 - 20) / (30 - 20))}
    assert kept.warming_up == 1
    feed(kept, 10_001, 21.0)
    assert kept.scores[QUERY] == pytest.approx(0.1, abs=0.01)
    feed(kept, 10_002)
    assert kept.scores == {}


def test_statements_that_are_not_shown_any_more_are_kept_for_a_while() -> None:
    kept = rings()
    old = {Statement(Owner("app", "web"), str(i)): empty() for i in range(1_000, 1_500)}
    kept.restore(Week(5, old))
    feed(kept, 6, 1.0)
    week = kept.stored()

    assert week is not None
    assert len(week.rings) == 200
    assert QUERY in week.rings


def test_the_clock_may_be_set_back() -> None:
    kept = rings()
    feed(kept, 500, 5)
    feed(kept, 100, 6)

    assert kept.closed == 100
    assert newest(kept) == 6


def test_a_week_outlives_the_process_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "statements.week"
    odd = Statement(Owner('a "b"\n', "ü"), "-5")
    ring = array("f", [1.5, nan]) * (LENGTH // 2)
    assert load(path) is None
    save(path, Week(77, {QUERY: ring, odd: empty()}))
    week = load(path)

    assert week is not None
    assert week.bucket == 77
    assert set(week.rings) == {QUERY, odd}
    assert week.rings[QUERY].tobytes() == ring.tobytes()
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other"])
def test_another_file_is_not_taken(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "statements.week"
    save(path, Week(77, {QUERY: empty()}))
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[:-3], "empty": b"", "text": b"hello\nworld", "other": b'{"format":"x"}\n'}[damage]
    )

    with pytest.raises(NotOurs):
        load(path)


def test_a_folder_that_is_not_writable_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        save(tmp_path / "file" / "statements.week", Week(1, {}))
