"""Matchers, routes and test alerts, without a server; `test_verify.py` compares with Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.chain import configuration, intervals, routes
from exporter.doctor.chain.configuration import Configuration
from exporter.doctor.chain.durations import seconds
from exporter.doctor.chain.matchers import Matcher, parsed
from exporter.doctor.chain.specimen import RUN, choose, group, starts_a_group

SUNDAY = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(NAMES, st.sampled_from(["x", "y"]))
MATCHERS = st.lists(
    st.builds(
        "{}{}{}".format,
        NAMES,
        st.sampled_from(["=", "!=", "=~", "!~"]),
        st.sampled_from(['"x"', '"y"', '""', '"x|y"']),
    ),
    max_size=2,
)
ROUTES = st.recursive(
    st.fixed_dictionaries({"matchers": MATCHERS, "continue": st.booleans(), "receiver": NAMES}),
    lambda inner: st.fixed_dictionaries(
        {
            "matchers": MATCHERS,
            "continue": st.booleans(),
            "receiver": NAMES,
            "routes": st.lists(inner, max_size=3),
        }
    ),
    max_leaves=8,
)


def read(text: str) -> Configuration:
    return configuration.read(text)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ('a="b"', [Matcher("a", "b")]),
        ("a=b", [Matcher("a", "b")]),
        (' a =~ "b|c" , d!="" ', [Matcher("a", "b|c", regex=True), Matcher("d", "", negated=True)]),
        ('{a!~"b,c",}', [Matcher("a", "b,c", regex=True, negated=True)]),
        (r'"a b"="\"\n\\d"', [Matcher("a b", '"\n\\d')]),
        ("a=", [Matcher("a", "")]),
    ],
)
def test_matchers_are_read_in_every_form(text: str, matchers: list[Matcher]) -> None:
    assert parsed(text) == matchers


@pytest.mark.parametrize("text", ["a", "=b", 'a="b', 'a="b"c'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no matcher"):
        parsed(text)


def test_a_label_that_is_not_there_is_empty_and_patterns_are_for_all_of_it() -> None:
    assert Matcher("a", "").matches({})
    assert Matcher("a", "x", negated=True).matches({})
    assert not Matcher("a", "b|c", regex=True).matches({"a": "bc"})
    assert not Matcher("a", r"\pL", regex=True).matches({"a": "b"})  # Go's alone


def test_routes_inherit_all_but_their_times() -> None:
    tree = routes.read(
        {
            "receiver": "r",
            "group_by": ["a"],
            "group_interval": "1h30m",
            "routes": [{"mute_time_intervals": ["m"], "routes": [{"group_wait": "200ms"}]}],
        }
    )
    inner = tree.routes[0].routes[0]

    assert (inner.receiver, inner.group_by, inner.group_wait, inner.group_interval) == (
        "r",
        ("a",),
        0.2,
        5400,
    )
    assert (tree.routes[0].muted, inner.muted) == (("m",), ())
    assert tree.way_to(inner) == [tree, tree.routes[0], inner]


@given(route=ROUTES, known=LABELS, more=LABELS)
def test_who_may_be_told_holds_whatever_labels_come_along(
    route: dict[str, Any], known: Mapping[str, str], more: Mapping[str, str]
) -> None:
    tree = routes.read(route)
    perhaps = tree.perhaps_taken_by(known)

    assert set(tree.taken_by({**more, **known})) <= set(perhaps)
    assert set(tree.taken_by(known)) <= set(perhaps)


@given(route=ROUTES, labels=st.fixed_dictionaries({name: st.sampled_from(["x", "y"]) for name in "abc"}))
def test_with_all_labels_known_nothing_is_perhaps(route: dict[str, Any], labels: dict[str, str]) -> None:
    tree = routes.read(route)

    assert tree.perhaps_taken_by(labels) == tree.taken_by(labels)


@pytest.mark.parametrize(
    ("part", "now"),
    [
        ({}, True),
        ({"times": [{"start_time": "03:30", "end_time": "03:31"}]}, True),
        ({"times": [{"start_time": "02:00", "end_time": "03:30"}]}, False),
        ({"times": [{"start_time": "04:00", "end_time": "24:00"}], "location": "Europe/Berlin"}, True),
        ({"weekdays": ["sunday"]}, True),
        ({"weekdays": ["sunday:monday"]}, True),
        ({"weekdays": ["monday:saturday"]}, False),
        ({"days_of_month": ["-9:-1"], "months": ["november"], "years": ["2026:2027"]}, True),
        ({"days_of_month": ["-8:-1"]}, False),
        ({"days_of_month": ["20:-1"], "months": ["1:10", "12"]}, False),
        ({"weekdays": ["sunday"], "years": ["2027"]}, False),
    ],
)
def test_time_intervals(part: dict[str, Any], now: bool) -> None:
    assert intervals.is_now([part], SUNDAY) is now
    assert intervals.is_now([{"years": [1970]}, part], SUNDAY) is now


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("0s", 0), ("90s", 90), ("1d2h", 93_600), ("5ms", 0.005)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["5", "m", "1 h", "1x"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


CONFIG = r"""
route:
  receiver: rest
  group_by: [alertname]
  routes:
    - {receiver: never, matchers: [severity="info"]}
    - {receiver: page, matchers: ['severity=~"critical|page"'], continue: true}
    - {receiver: db, matchers: ['service=~"post.*"', instance!=""], mute_time_intervals: [sunday]}
    - {receiver: night, matchers: [severity="warning"], active_time_intervals: [sunday], group_by: [job]}
    - {receiver: gone, matchers: [severity="info"]}
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity!="critical"], equal: [cluster]}
time_intervals:
  - {name: sunday, time_intervals: [{weekdays: [sunday]}]}
receivers:
  - name: rest
    webhook_configs: [{url_file: /run/url, http_config: {authorization: {credentials_file: /t}}}]
  - {name: page, pagerduty_configs: [{}, {}], email_configs: [{}]}
  - {name: db, slack_configs: [{}]}
  - {name: night, slack_configs: [{}]}
  - {name: gone, slack_configs: [{}]}
  - {name: never}
"""


def test_receivers_tell_how_and_with_which_files() -> None:
    receivers = read(CONFIG).receivers

    assert receivers["page"].integrations == ("pagerduty", "pagerduty", "email")
    assert receivers["never"].integrations == ()
    assert receivers["rest"].files == ("webhook: /run/url", "webhook: /t")


def test_routes_keep_their_times() -> None:
    config = read(CONFIG)
    monday = SUNDAY.replace(day=23)
    db, night = config.route.routes[2:4]

    assert [config.tells_now(db, when) for when in (SUNDAY, monday)] == [False, True]
    assert [config.tells_now(night, when) for when in (SUNDAY, monday)] == [True, False]


def test_a_test_alert_reaches_its_receiver_and_as_few_others_as_can_be() -> None:
    config = read(CONFIG)
    chosen = {name: choose(config, name, "123", [], SUNDAY) for name in config.receivers}

    assert chosen["gone"] is None  # the route before it takes the same
    for name, labels in chosen.items():
        if labels is not None:
            assert labels[RUN] == "123"
            assert [route.receiver for route in config.route.taken_by(labels)][-1] == name
    assert chosen["rest"] == {RUN: "123", "alertname": "Test-rest-123"}
    assert chosen["db"] == {
        RUN: "123",
        "alertname": "Test-db-123",
        "instance": "test",
        "service": "posttest",
    }


def test_a_test_alert_leaves_others_alone() -> None:
    config = read(CONFIG)
    warning = {"alertname": "Real", "severity": "warning"}

    assert choose(config, "page", "123", [{**warning, "cluster": "x"}], SUNDAY) is not None
    page = choose(config, "page", "123", [warning], SUNDAY)
    assert page is not None
    assert page["severity"] == "page"  # critical would keep the warning quiet
    assert choose(config, "rest", "123", [{**warning, "severity": "critical"}], SUNDAY) is None


def test_what_fits_both_sides_of_an_inhibition_does_not_inhibit() -> None:
    text = CONFIG.replace('target_matchers: [severity!="critical"]', 'target_matchers: [alertname!=""]')
    (rule,) = read(text).inhibitions
    one, other = ({"alertname": name, "severity": "critical"} for name in "ab")

    assert not rule.between(one, other)
    assert rule.between(one, {**other, "severity": "warning"})


def test_groups() -> None:
    root = read(CONFIG).route
    night = root.routes[3]
    everything = routes.read({"receiver": "r", "group_by": ["..."]})
    labels = {"alertname": "Test-night-123", RUN: "123"}

    assert starts_a_group(root, labels, "123")
    assert not starts_a_group(night, labels, "123")
    assert starts_a_group(everything, {**labels, "alertname": "Watchdog"}, "123")
    assert not starts_a_group(root, {**labels, "alertname": "Watchdog"}, "123")
    assert group(everything, labels) == ("Test-night-123", "123")
    assert group(night, labels) == ("",)


@pytest.mark.parametrize("text", ["a: [", yaml.safe_dump({"route": {"matchers": ["?"]}, "receivers": []})])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no YAML|is no matcher"):
        read(text)
