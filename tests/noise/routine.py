"""What happens in any week and is nobody's problem: failures now and then, deploys, lost scrapes, growth."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from tests.noise.edits import STARTS, away, change, restart
from tests.noise.generator import Series, Value
from tests.noise.week import DAY, WEEK, Calendar, Span, at

BOOTED = -30.0 * DAY * 60
"""When everything was started, in seconds before the first minute."""

ERRORS = 0.0005
"""Share of requests that fail on a good day: half of what the objective allows."""

GROWTH: Mapping[str, float] = {"pg_database_size_bytes": 0.01, "pg_stat_user_tables_table_size_bytes": 0.01}
"""Metric -> its growth a day."""

DEPLOY_DAYS = (1, 3)
APPLICATIONS = ("app-1", "app-2", "app-3")

LOST_SCRAPES = (("postgres", "db-1"), ("postgres", "db-2"), ("redis", "db-1"), ("app", "app-2"))
LOST_QUERIES = (("pg_up", "db-1"), ("pg_up", "db-3"), ("redis_up", "db-1"), ("pgbouncer_up", "db-1"))
"""Of each list one a day, at any time: a packet that got lost."""

STATEMENT: Mapping[str, str] = {
    "job": "postgres",
    "instance": "db-1",
    "datname": "shop",
    "backend_type": "client backend",
    "state": "active",
    "usename": "postgres",
    "wait_event_type": "",
    "wait_event": "",
}


def live(series: list[Series], calendar: Calendar, rng: random.Random) -> None:
    """Puts all of it into the series."""
    days = calendar.minutes // DAY
    for one in series:
        if one.name in STARTS:
            one.values[:] = [None if value is None else BOOTED for value in one.values]
        if growth := GROWTH.get(one.name):
            one.values[:] = [v and v * (1 + growth * m / DAY) for m, v in enumerate(one.values)]
    _failures(series, calendar, rng)
    _deploys(series, days)
    for day in range(6, days, 7):
        _upgrade(series, Span(at(day, "03:30"), 1))
    for day in range(days):
        _lost(series, day, rng)
        _lock(series, Span(at(day, "09:00") + rng.randrange(480), 2))
    series += statements(calendar)


def statements(calendar: Calendar) -> list[Series]:
    """Long but healthy: the dump of each night, and a report of 25 minutes on Mondays."""
    begin = at(0, "07:00")
    dump: list[Value] = []
    report: list[Value] = []
    for minute in range(calendar.minutes):
        dump.append(calendar.seconds_into(minute) if calendar.phase(minute) == "nightly" else None)
        into = minute % WEEK - begin
        report.append(into * 60.0 if 0 <= into < 25 else None)
    return [
        Series("pg_stat_activity_max_tx_duration", {**STATEMENT, "application_name": name}, False, values)
        for name, values in (("pg_dump", dump), ("reports", report))
    ]


def _failures(series: Sequence[Series], calendar: Calendar, rng: random.Random) -> None:
    """As many failed requests as fail on a good day, handler by handler, wherever no fault makes them."""
    of_handler = {
        (s.labels["instance"], s.labels["handler"]): s
        for s in series
        if s.name == "http_requests_total" and s.labels["code"] != "500"
    }
    for one in series:
        if one.name == "http_requests_total" and one.labels["code"] == "500":
            requests = of_handler[one.labels["instance"], one.labels["handler"]].values
            for minute in range(calendar.minutes):
                if not calendar.phase(minute):
                    failed = rng.random() < ERRORS * (requests[minute] or 0)
                    one.values[minute] = float(failed)


def _deploys(series: Sequence[Series], days: int) -> None:
    """Twice a week: one instance of the application after the other, then the exporter of the primary."""
    for day in range(days):
        if day % 7 not in DEPLOY_DAYS:
            continue
        for number, instance in enumerate(APPLICATIONS):
            span = Span(at(day, "13:30") + 3 * number, 1)
            away(series, span, job="app", instance=instance)
            restart(series, span.end, job="app", instance=instance)
        span = Span(at(day, "13:45"), 1)
        away(series, span, instance="db-1")
        for beginning in ("exporter_", "process_"):
            restart(series, span.end, beginning, instance="db-1")


def _upgrade(series: Sequence[Series], span: Span) -> None:
    """A restart of the primary in the maintenance window, as for a minor release."""
    change(series, span, lambda _, __: 0.0, name="pg_up", instance="db-1")
    for beginning in ("pg_stat_", "pg_postmaster_"):
        restart(series, span.end, beginning, instance="db-1", job="postgres")


def _lost(series: Sequence[Series], day: int, rng: random.Random) -> None:
    job, instance = rng.choice(LOST_SCRAPES)
    away(series, Span(day * DAY + rng.randrange(DAY - 1), 1), job=job, instance=instance)
    name, instance = rng.choice(LOST_QUERIES)
    span = Span(day * DAY + rng.randrange(DAY - 1), 1)
    change(series, span, lambda _, __: 0.0, name=name, instance=instance)


def _lock(series: Sequence[Series], span: Span) -> None:
    """A migration holds a lock for a minute and a half, as good ones do."""
    longest = "pg_stat_activity_longest_lock_wait_seconds"
    blocked = "pg_stat_activity_blocked_sessions"
    where = {"instance": "db-1", "datname": "shop"}
    change(series, span, lambda minute, _: 20.0 + 60 * (minute - span.start), name=longest, **where)
    change(series, span, lambda _, __: 2.0, name=blocked, **where)
