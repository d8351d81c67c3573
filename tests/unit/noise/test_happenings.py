"""What happens in the weeks: the machine's figures, routine, and incidents."""

from __future__ import annotations

import random

import pytest

from tests.noise import host, incidents, routine
from tests.noise.generator import Series, Value
from tests.noise.week import DAY, Calendar, at, nightly

DAYS = 16


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar(DAYS * DAY, nightly(DAYS, random.Random(1)), [1.0] * DAYS * DAY)


def flat(name: str, value: float, job: str = "postgres", instance: str = "db-1", **labels: str) -> Series:
    where = {"job": job, "instance": instance, **labels}
    values: list[Value] = [value for _ in range(DAYS * DAY)]
    return Series(name, where, counter=name.endswith(("_total", "_commit")), values=values)


def machine(calendar: Calendar) -> dict[str, Series]:
    return {s.name + s.labels.get("mode", ""): s for s in host.series(calendar, random.Random(1))}


def test_the_machine_is_well_and_busy_at_night(calendar) -> None:
    found = machine(calendar)
    room = [v or 0 for v in found["node_filesystem_avail_bytes"].values]
    idle, waiting = (found[f"node_cpu_seconds_total{mode}"].values for mode in ("idle", "iowait"))

    assert 0.3 * host.SIZE < min(room) < max(room) < 0.6 * host.SIZE
    assert all(0 < (a or 0) + (b or 0) < 60 for a, b in zip(idle, waiting, strict=True))
    assert (waiting[at(3, "02:20")] or 0) > 5 * (waiting[at(3, "12:00")] or 0)


def test_a_deploy_starts_one_instance_after_the_other(calendar) -> None:
    series = [flat("up", 1, "app", name) for name in routine.APPLICATIONS]
    series += [
        flat("http_requests_total", 5, "app", name, code="200", handler="/") for name in routine.APPLICATIONS
    ]

    routine.live(series, calendar, random.Random(1))

    deploy = [at(1, "13:30") + 3 * number for number in range(3)]
    assert [one.values[minute] for one, minute in zip(series, deploy, strict=False)] == [0, 0, 0]
    assert [minute + 1 in one.resets for one, minute in zip(series[3:6], deploy, strict=True)] == [True] * 3


def test_requests_fail_now_and_then_on_a_good_day(calendar) -> None:
    labels = {"handler": "/", "method": "GET"}
    good = flat("http_requests_total", 600, "app", "app-1", code="200", **labels)
    failed = flat("http_requests_total", 0, "app", "app-1", code="500", **labels)

    routine.live([good, failed], calendar, random.Random(1))

    share = sum(v or 0 for v in failed.values) / sum(v or 0 for v in good.values)
    assert share == pytest.approx(routine.ERRORS, rel=0.1)


def test_a_server_that_was_upgraded_counts_from_its_new_start(calendar) -> None:
    up, commits = flat("pg_up", 1), flat("pg_stat_database_xact_commit", 9)
    start = flat("pg_postmaster_start_time_seconds", 1)

    routine.live([up, commits, start], calendar, random.Random(1))

    minute = at(6, "03:30")
    assert up.values[minute : minute + 2] == [0, 1]
    assert minute + 1 in commits.resets
    assert start.values[minute : minute + 2] == [routine.BOOTED, (minute + 1) * 60]


def test_the_disk_fills_and_is_then_cleaned_up(calendar) -> None:
    room = machine(calendar)["node_filesystem_avail_bytes"]

    incidents.strike([room, machine(calendar)["node_filesystem_size_bytes"]])

    during = [room.values[m] or 0 for m in range(incidents.DISK_FILLS.start, incidents.DISK_FILLS.end)]
    assert during == sorted(during, reverse=True)
    assert during[-1] == pytest.approx(incidents.FULL_AT * host.SIZE)
    assert (room.values[incidents.DISK_FILLS.end] or 0) > 0.3 * host.SIZE


def test_a_machine_that_is_gone_comes_back_with_everything_new() -> None:
    up, commits, size = (
        flat("up", 1),
        flat("pg_stat_database_xact_commit", 9),
        flat("node_filesystem_size_bytes", 1),
    )

    incidents.strike([up, commits, size])

    gone = incidents.HOST_GONE
    assert [up.values[m] for m in (gone.start - 1, gone.start, gone.end - 1, gone.end)] == [1, 0, 0, 1]
    assert commits.values[gone.start] is None
    assert gone.end in commits.resets
