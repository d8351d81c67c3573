"""What promtool is asked and answers, and the counting of what fired and was told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import yaml

from mixin import rules
from mixin.rules import Alert
from tests.docs import noise
from tests.noise import figures, promtool, replay
from tests.noise.generator import Series, Value
from tests.noise.incidents import INCIDENTS, KILLED
from tests.noise.promtool import Firing
from tests.noise.week import DAY, QUIET


def gauge(name: str, *values: Value) -> Series:
    return Series(name, {"instance": "db-1"}, counter=False, values=list(values))


def firing(name: str, start: int, end: int, severity: str = "warning", category: str = "errors") -> Firing:
    labels = {"alertname": name, "severity": severity, "category": category}
    return Firing(frozenset(labels.items()), start, end)


def test_promtools_notation_is_short_and_marks_what_ends() -> None:
    assert promtool.values_of([1, 1, 1, 1.5, None, None, None, 2]) == "1+0x2 1.5 stale _x2 2"
    assert promtool.values_of([None, None, 3]) == "_x2 3"


def test_a_thinned_series_is_known_at_all_times_and_ends_where_it_did() -> None:
    samples = promtool.thinned([1, 1, 1, 1, 1, 1, 0, 0, None, None])

    assert promtool.values_of(samples) == "1 _ _ _ 1 _ 0 _ stale _"


def test_promtools_answer_becomes_a_timeline() -> None:
    a = '{__name__="ALERTS", alertname="A", alertstate="firing", x="{\\"}"} 1E+00'
    b = '{__name__="ALERTS", alertname="B", alertstate="firing"} 1E+00'
    times = {"1d2m": [a], "1d4m": [a, b], "1d8m": [b]}
    said = "\n".join(
        f'    expr: "..", time: {t},\n  exp: nil\n  got: {", ".join(g)}' for t, g in times.items()
    )

    found = {(dict(f.labels)["alertname"], f.start - DAY, f.end - DAY) for f in promtool.firings(said, 2)}

    assert next(promtool.firings(said.replace("firing", "pending"), 2)).pending
    assert found == {("A", 2, 6), ("B", 4, 6), ("B", 8, 10)}


def test_the_parts_have_all_alerts_and_what_is_recorded_for_them() -> None:
    of_parts = [
        {(r.name, str(r.labels)) for r in part.rules() if isinstance(r, Alert)} for part in promtool.PARTS
    ]
    names = {r.name for part in promtool.PARTS for r in part.rules()}

    assert sum(map(len, of_parts)) == len(rules.alerts())
    assert {"instance:pg_connections_used:ratio", "slo:errors:increase5m"} <= names
    assert not {name for name in names if name.endswith(("_yesterday", "_last_week"))}


def test_a_unit_test_begins_with_the_history_that_its_part_needs(tmp_path) -> None:
    part = promtool.Part("servers", frozenset({"postgres"}), days=1)
    up = gauge("pg_up", *[0.0] * DAY, *[1.0] * DAY)
    start = gauge("pg_postmaster_start_time_seconds", *[0.0] * 2 * DAY)
    other = gauge("redis_up", *[1.0] * 2 * DAY)

    promtool.write(tmp_path / "t.yml", [up, start, other], part, range(2 * DAY - 10, 2 * DAY, 2))

    test = yaml.safe_load((tmp_path / "t.yml").read_text())["tests"][0]
    assert [s["values"] for s in test["input_series"]] == ["0+0x9 1+0x1439", "-85800+0x1449"]
    assert test["promql_expr_test"][0]["eval_time"] == "1440m"


def test_a_fleet_has_each_alert_once_for_each_stack() -> None:
    part = figures.fleet(replay.window([firing("A", 1, 3), firing("B", 2, 3)], 0, 5))

    assert len(set(part.firings)) == 2 * figures.FLEET
    assert len({dict(f.labels)["cluster"] for f in part.firings}) == figures.FLEET


def test_an_alert_is_about_the_incident_that_it_begins_in() -> None:
    about = [figures.cause_of(firing("A", KILLED.start + minutes, 99_999)) for minutes in (-1, 0, 20, 40)]

    assert [i and i.span for i in about] == [None, KILLED, KILLED, None]


def test_a_spent_budget_is_about_the_last_incident_before() -> None:
    about = figures.cause_of(firing("A", KILLED.end + 100, 99_999, category="slo"))

    assert about
    assert about.span == KILLED


def test_an_alert_that_fires_in_the_end_did_not_only_wait() -> None:
    waited = [replace(firing("A", 5, 7), pending=True), replace(firing("B", 5, 7), pending=True)]

    assert figures.without(waited, [firing("A", 7, 9)]) == waited[1:]


def test_what_is_for_alertmanager_alone_is_not_counted() -> None:
    twice = [firing("A", 1, 3), firing("A", 9, 10), firing("InfoInhibitor", 1, 2, "none")]

    assert figures.fired(twice) == [{"alert": "A", "severity": "warning", "times": 2, "minutes": 3}]


def test_alerts_that_are_near_each_other_are_replayed_together() -> None:
    near, far = [firing("A", 10, 15), firing("B", 40, 900)], [firing("C", 2000, 2001)]

    found = replay.windows([*far, *near])

    assert [(w.start, w.end, list(w.firings)) for w in found] == [(10, 190, near), (2000, 2001, far)]


def test_the_configurations_times_are_those_of_the_replay() -> None:
    assert [replay.hurried(t) for t in ("0s", "10s", "5m", "12h")] == ["0ms", "166ms", "5000ms", "720000ms"]


def test_one_by_one_means_no_grouping_and_no_inhibition() -> None:
    config = {"route": {"group_by": ["a"], "routes": [{"receiver": "b"}]}, "inhibit_rules": [{}]}

    assert replay.one_by_one(config) == {
        "route": {"group_by": ["..."], "routes": [{"receiver": "b"}]},
        "inhibit_rules": [],
    }


def test_incidents_come_after_the_quiet_week_and_one_after_the_other() -> None:
    assert INCIDENTS[0].span.start >= QUIET.stop
    assert all(a.span.end + 90 < b.span.start for a, b in pairwise(INCIDENTS))


def test_the_tables_count_what_was_told() -> None:
    told = {"one by one": {"email": 8}, "grouped": {"email": 4}, "shipped": {"email": 2}}
    incident = {
        "name": "n",
        "fired": [],
        "told": told,
        "cause": "A",
        "receiver": "pagerduty",
        "delay_minutes": 1.5,
    }
    false = {"alert": "B", "severity": "info", "times": 1, "minutes": 2}
    found = {
        "alerts": 10,
        "quiet": [false],
        "waited": [],
        "strangers": [],
        "false": {"email": 2},
        "incidents": [incident],
        "fleet": {"stacks": 3, "told": told},
    }

    text = noise.summary(found) + noise.incidents(found) + noise.false_alerts(found)

    assert "| 2: 75 % saved |" in text
    assert "| 1 of 10: 10 % |" in text
    assert "| of all notifications of these nine days | 50 % |" in text
    assert "| `A` at pager | 1.5 min |" in text
