"""What holds for the shipped inhibition, beside the cases that a running Alertmanager judges (tests/e2e)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mixin import rules
from tests.e2e.inhibition_applications import APPLICATIONS
from tests.e2e.inhibition_servers import SERVERS
from tests.mixin import gate
from tests.servers import alerting

CASES = (*SERVERS, *APPLICATIONS)

OURS = {"alertname", "severity", "service", "category"}
"""Labels that a rule of Prometheus sets."""

OF_USERS = {"cluster", "namespace", "environment", "pod", "stack", "target"}
"""Labels that Prometheus gives to a target, or the exporter to a server, where it is told to."""

SAME_THING = {"pod", "device_error"}
"""Labels that tell no two things apart: an instance has one pod, and a file system one state."""

MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


@pytest.fixture(scope="module")
def inhibition() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = alerting.shipped()["inhibit_rules"]
    return found


def test_what_is_named_exists(inhibition: list[dict[str, Any]]) -> None:
    """A misspelt name silences nothing, and nobody notices."""
    alerts = [{**alert.labels, "alertname": alert.name} for alert in rules.alerts()]
    unknown = {
        (label, value)
        for one in inhibition
        for label, _, values in matchers(one, "source") + matchers(one, "target")
        if label in OURS
        for value in values.split("|")
        if value and not any(re.fullmatch(value, alert[label]) for alert in alerts)
    }

    assert unknown == set()


def test_an_alert_of_two_severities_is_told_apart_by_all_its_labels(inhibition: list[dict[str, Any]]) -> None:
    """Else what is critical about one thing would hide a warning about another."""
    known = set(inhibition[0]["equal"]) | SAME_THING
    severities = {(alert.name, alert.severity) for alert in rules.alerts()}
    pairs = [a for a in rules.alerts() if {(a.name, "critical"), (a.name, "warning")} <= severities]

    assert pairs
    assert {a.name: labels(a) - known for a in pairs if labels(a) - known} == {}


def test_a_cause_that_is_named_must_have_what_its_rule_compares(inhibition: list[dict[str, Any]]) -> None:
    """Two alerts that both lack a label are equal in it."""
    loose = []
    for one in inhibition:
        source = matchers(one, "source")
        named = any(label == "alertname" for label, _, _ in source)
        asked = {label for label, sign, value in source if (sign, value) == ("!=", "")}
        if named and not asked & set(one["equal"]):
            loose.append(one)

    assert loose == []


def test_a_cause_stays_within_its_cluster(inhibition: list[dict[str, Any]]) -> None:
    """InfoInhibitor has nothing but an instance."""
    wide = [r for r in inhibition if not {"cluster", "namespace", "environment"} <= set(r["equal"])]

    assert [r["source_matchers"][0] for r in wide] == ['alertname="InfoInhibitor"']


def test_the_cases_are_about_labels_that_the_alerts_have() -> None:
    strange = {}
    for case in CASES:
        for fired in (*case.causes, *case.silenced, *case.spared):
            rule = rules.alert(fired["labels"]["alertname"], fired["labels"]["severity"])
            if more := fired["labels"].keys() - labels(rule) - OF_USERS - OURS:
                strange[rule.name] = more

    assert strange == {}


def test_every_inhibition_has_a_case(inhibition: list[dict[str, Any]]) -> None:
    lacking = [
        one
        for one in inhibition
        if not any(
            matches(one, "source", cause["labels"]) and matches(one, "target", silenced["labels"])
            for case in CASES
            for cause in case.causes
            for silenced in case.silenced
        )
    ]

    assert lacking == []


def labels(alert: rules.Alert) -> set[str]:
    return set(gate.labels_of_expression(alert.expr)) - OURS


def matchers(rule: dict[str, Any], side: str) -> list[tuple[str, str, str]]:
    found = [MATCHER.fullmatch(text) for text in rule[f"{side}_matchers"]]
    return [(m[1], m[2], m[3]) for m in found if m is not None]


def matches(rule: dict[str, Any], side: str, given: dict[str, str]) -> bool:
    """Whether an alert's labels match one side of a rule, as Alertmanager sees it."""
    return all(
        bool(re.fullmatch(value if "~" in sign else re.escape(value), given.get(label, "")))
        == (sign in ("=", "=~"))
        for label, sign, value in matchers(rule, side)
    )
