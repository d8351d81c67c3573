"""The generator of weeks: what was recorded, the calendar, and series made of both."""

from __future__ import annotations

import random

import pytest

from tests.noise import edits, shapes, world
from tests.noise.generator import Generator, Series, grown, quantile
from tests.noise.incidents import INCIDENTS
from tests.noise.shapes import Behaviour, Shape
from tests.noise.week import DAY, Calendar, Span, at, blend, loads, nightly, usual

WHERE = {"job": "app", "instance": "app-1"}


def shape(name: str = "m", *, counter: bool = False, whole: bool = True, **phases: Behaviour) -> Shape:
    named = {phase.replace("_", " "): behaviour for phase, behaviour in phases.items()}
    return Shape(name, WHERE, counter, whole, named)


def level(value: float, *, age: bool = False) -> Behaviour:
    return Behaviour(1.0, (value,) * 5, age=age)


def generated(*of: Shape, minutes: int = 60, spans: tuple[Span, ...] = (), load: float = 1.0) -> list[Series]:
    return list(Generator(Calendar(minutes, spans, [load] * minutes), 1).series(of))


def test_a_counter_is_recorded_as_its_rate_and_a_gauge_as_its_distribution() -> None:
    assert shapes.counter_in([(0, 10), (5, 20), (10, 30), (15, 40)], 4).numbers == (2, 0)
    assert shapes.gauge_in([(0, 3), (1, 1), (2, 2)], 6) == Behaviour(0.5, (1, 1, 2, 3, 3))


def test_a_gauge_that_counts_seconds_is_an_age() -> None:
    assert shapes.gauge_in([(t, 5.1 + t) for t in range(20)], 20).age
    assert not shapes.gauge_in([(t, 2.0 * t) for t in range(20)], 20).age


def test_a_file_of_shapes_is_read_as_it_was_written(tmp_path) -> None:
    written = [shape(counter=True, day=Behaviour(1.0, (2.5, 0.1)), lock_held=level(7, age=True))]

    shapes.save(written, tmp_path / "shapes.gz")

    assert shapes.load(tmp_path / "shapes.gz") == written


def test_the_recorded_shapes_have_every_phase_and_no_foreign_address() -> None:
    recorded = shapes.load()

    assert {phase for one in recorded for phase in one.phases} >= {
        "day",
        "quiet",
        *(i.span.phase for i in INCIDENTS),
    } - {""}
    assert {one.labels["instance"] for one in recorded} == {
        "db-1",
        "db-2",
        "app-1",
        "prometheus",
        "alertmanager",
    }


def test_a_day_has_a_night_and_an_office_and_a_weekend_is_quieter() -> None:
    assert usual(at(0, "03:00")) == pytest.approx(0.1)
    assert usual(at(0, "10:30")) == pytest.approx(1.5)
    assert usual(at(5, "10:30")) == pytest.approx(0.6)


def test_chance_is_the_same_for_the_same_seed() -> None:
    assert loads(100, random.Random(3)) == loads(100, random.Random(3)) != loads(100, random.Random(4))


def test_the_nightly_job_runs_each_night_and_a_longer_one_on_sundays() -> None:
    spans = nightly(7, random.Random(1))

    assert [span.start // DAY for span in spans] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert all(span.start % DAY - at(0, "02:00") < 6 for span in spans[:7])


def test_a_load_lies_between_two_recorded_ones() -> None:
    assert blend(1.5) == ("day", "peak", 0.5)
    assert blend(0.1) == ("quiet", "day", 0.0)
    assert blend(9)[2] == 1.5


def test_a_counter_grows_at_the_rate_of_its_phase() -> None:
    one = shape(
        counter=True, quiet=Behaviour(1, (1, 0)), day=Behaviour(1, (10, 0)), fault=Behaviour(1, (100, 0))
    )

    (of_day,) = generated(one)
    (of_fault,) = generated(one, spans=(Span(0, 60, "fault"),))

    assert sum(v or 0 for v in of_day.values) == pytest.approx(60 * 600, rel=0.05)
    (at_night,) = generated(one, spans=(Span(0, 60, "fault"),), load=0.1)
    assert sum(v or 0 for v in at_night.values) == pytest.approx(60 * 600, rel=0.05)
    assert sum(v or 0 for v in of_fault.values) == pytest.approx(60 * 6000, rel=0.05)


def test_what_grows_by_day_as_by_night_does_so_in_a_fault() -> None:
    same = Behaviour(1, (10, 0))
    one = shape(counter=True, quiet=same, day=same, fault=same)

    (at_night,) = generated(one, spans=(Span(0, 60, "fault"),), load=0.1)

    assert sum(v or 0 for v in at_night.values) == pytest.approx(60 * 600, rel=0.05)


def test_a_counter_first_seen_in_a_fault_is_not_there_before_and_stays_after() -> None:
    one = shape(counter=True, fault=Behaviour(1, (1, 0)))

    (series,) = generated(one, minutes=9, spans=(Span(3, 3, "fault"),))

    assert [v is None for v in series.values] == [True] * 3 + [False] * 6
    assert series.values[6:] == [0, 0, 0]


def test_a_gauge_that_is_an_age_in_a_fault_counts_from_its_beginning() -> None:
    one = shape(day=level(0), quiet=level(0), fault=level(5, age=True))

    (series,) = generated(one, minutes=6, spans=(Span(2, 3, "fault"),))

    assert series.values == [0, 0, 5, 65, 125, 0]


def test_a_gauge_that_is_an_age_on_good_days_too_begins_again_and_again() -> None:
    one = shape(day=level(5, age=True), fault=level(5, age=True))

    (series,) = generated(one, minutes=6, spans=(Span(2, 3, "fault"),))

    assert series.values == [5] * 6


def test_a_series_that_a_fault_takes_away_is_gone_as_long() -> None:
    (series,) = generated(shape(day=level(1), quiet=level(1)), minutes=6, spans=(Span(2, 2, "fault"),))

    assert series.values == [1, 1, None, None, 1, 1]


def test_buckets_never_contradict_each_other_and_the_last_is_the_count() -> None:
    bounds = {"0.1": 3.0, "1.0": 5.0, "+Inf": 5.5}
    parts = [
        Shape("d_bucket", {**WHERE, "le": le}, True, True, {"day": Behaviour(1, (r, 0))})
        for le, r in bounds.items()
    ]
    count = Shape("d_count", WHERE, True, True, {"day": Behaviour(1, (5.5, 0))})

    *buckets, total = [s.samples() for s in generated(*parts, count)]

    assert all(a <= b <= c for a, b, c in zip(*buckets, strict=True))
    assert buckets[2] == total


def test_counts_come_by_chance_and_quantities_with_their_spread() -> None:
    rng = random.Random(1)

    assert {grown(0.5, 0, rng, whole=True) for _ in range(200)} >= {0.0, 1.0, 2.0}
    assert grown(3.3, 0, rng, whole=False) == 3.3
    assert grown(0, 9, rng, whole=True) == 0


def test_a_quantile_lies_between_the_recorded_ones() -> None:
    assert quantile((0, 10, 20, 30, 100), 0.5) == 20
    assert quantile((0, 10, 20, 30, 100), 0.875) == 65


def test_a_restart_lets_counters_begin_again_and_a_lost_scrape_does_not() -> None:
    counter = Series("requests_total", WHERE, True, [5.0] * 6)
    up = Series("up", WHERE, counter=False, values=[1.0] * 6)

    edits.away([counter, up], Span(1, 1), job="app")
    edits.away([counter, up], Span(3, 1), job="app")
    edits.restart([counter, up], 4, job="app")

    assert counter.samples() == [5, None, 10, None, 5, 10]
    assert up.samples() == [1, 0, 1, 0, 1, 1]


def test_rare_things_of_the_application_are_told_from_all_phases_together() -> None:
    rare = shape(
        counter=True, quiet=Behaviour(1, (0.31, 9)), day=Behaviour(1, (0, 0)), peak=Behaviour(1, (0, 0))
    )

    phases = world.in_proportion(rare).phases

    assert {phase: b.numbers[0] for phase, b in phases.items()} == pytest.approx(
        {"quiet": 0.01, "day": 0.1, "peak": 0.2, "nightly": 0.01}
    )
