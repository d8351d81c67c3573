"""The stack whose weeks are replayed: recorded shapes, the machine, routine and incidents.

One primary with PgBouncer, Redis and the exporter beside it (db-1), two standbys (db-2, db-3), three
instances of an application. What was recorded once is there several times, each with its own chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tests.noise import host, incidents, routine
from tests.noise.generator import Generator, Series, Value
from tests.noise.shapes import Behaviour, Shape
from tests.noise.week import DAY, KNOTS, Calendar, loads, nightly

DAYS = 16
SEED = 5

COPIES: Mapping[str, Sequence[str]] = {"app-1": ("app-2", "app-3"), "db-2": ("db-3",)}
"""Recorded instance -> further ones like it."""

COLLECTORS = (
    "activity",
    "database",
    "locks",
    "replication",
    "stat_user_tables",
    "redis_info",
    "pgbouncer_up",
)
"""Of a hundred collectors those that speak for all: the others say the same of themselves."""

WRITTEN = "pg_current_wal_lsn_bytes"
FOLLOWING = (
    "pg_last_wal_receive_lsn_bytes",
    "pg_last_wal_replay_lsn_bytes",
    "pg_wal_receiver_latest_end_lsn_bytes",
)
FIRST_POSITION = 3e9
BEHIND_BYTES = 20_000.0
"""By how much a healthy standby is behind at most, at the moment of a scrape."""


def build(shapes: Sequence[Shape], days: int = DAYS, seed: int = SEED) -> list[Series]:
    """All series of so many days, incidents included; the same for the same seed."""
    rng = random.Random(seed)
    spans = [*nightly(days, rng), *(i.span for i in incidents.INCIDENTS if i.span.phase)]
    calendar = Calendar(days * DAY, spans, loads(days * DAY, rng))
    series = [*Generator(calendar, seed).series([*copies(shapes)]), *host.series(calendar, rng)]
    _positions(series, rng)
    routine.live(series, calendar, rng)
    incidents.strike(series)
    return series


def copies(shapes: Iterable[Shape]) -> Iterator[Shape]:
    """The shapes with those of the instances that are there several times, without the machine."""
    for shape in shapes:
        if shape.labels.get("collector", COLLECTORS[0]) not in COLLECTORS:
            continue
        one = in_proportion(shape)
        yield one
        for copy in COPIES.get(one.labels["instance"], ()):
            yield replace(one, labels={**one.labels, "instance": copy})


def in_proportion(shape: Shape) -> Shape:
    """A counter of the application, whose rates are in proportion to the load by the way it is made.

    The three phases together say more of what is rare than one of them: a quiet half minute has six logins.
    """
    phases = {phase: shape.phases[phase].numbers for phase in KNOTS if phase in shape.phases}
    if not shape.counter or shape.labels["job"] != "app" or not phases:
        return shape
    rate = sum(rate for rate, _ in phases.values()) / sum(KNOTS.values())
    loads_of = {**KNOTS, "nightly": KNOTS["quiet"]}
    pooled = {phase: Behaviour(1.0, (rate * load, 0.0)) for phase, load in loads_of.items()}
    return replace(shape, phases={**shape.phases, **pooled})


def _positions(series: Sequence[Series], rng: random.Random) -> None:
    """Turns growth into positions: a standby is where the primary is, a little behind, unless cut off."""
    (primary,) = (s for s in series if s.name == WRITTEN and s.labels["instance"] == "db-1")
    written, total = [], FIRST_POSITION
    for growth in primary.values:
        total += growth or 0.0
        written.append(total)
    for one in series:
        if one.name == WRITTEN:
            one.counter = False
            one.values = [None if v is None else at for v, at in zip(one.values, written, strict=True)]
        elif one.name in FOLLOWING:
            one.counter, one.values = False, _following(one.values, written, rng)


def _following(growth: Sequence[Value], written: Sequence[float], rng: random.Random) -> list[Value]:
    here, found = written[0], []
    cut_off = incidents.CUT_OFF
    for minute, value in enumerate(growth):
        if not cut_off.start <= minute < cut_off.end:
            here = max(here, written[minute] - rng.random() * BEHIND_BYTES)
        found.append(None if value is None else here)
    return found
