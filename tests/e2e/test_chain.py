"""What is shipped, on real servers: faults reach the right people, and every panel has data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.chain_answers import DASHBOARDS, SOMETIMES, ask_all, exceptions, queries
from tests.e2e.chain_story import FAULTS, PAGED, SHORTER, Story, tell
from tests.servers.chain import Chain

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(240)]

SOON = 30.0
"""Seconds from a fault to its page: two of `for`, a few scrapes and evaluations, on a busy machine."""


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """Everything that users deploy, under load; what a test breaks it mends again."""
    with Chain(SHORTER) as running:
        yield running


@pytest.fixture(scope="module")
def answers(chain: Chain) -> dict[str, dict[str, Any]]:
    return ask_all(chain)


@pytest.fixture(scope="module")
def story(chain: Chain, answers: dict[str, dict[str, Any]]) -> Story:
    assert answers, "asked before anything is broken: pools are empty for a while afterwards"
    return tell(chain)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_to_those_who_can_mend_it(story: Story, name: str) -> None:
    assert {receiver for alert, receiver in story.fired if alert == name} == set(FAULTS[name])
    assert story.delays[name] < SOON, story.delays


@pytest.mark.parametrize("name", FAULTS)
def test_its_end_is_told_as_well(story: Story, name: str) -> None:
    assert {receiver for alert, receiver in story.resolved if alert == name} == set(FAULTS[name])
    assert all(story.resolved[key].at > story.fired[key].at for key in story.resolved)


@pytest.mark.parametrize(
    "symptom", ["PgbouncerClientsWaiting", "PostgresConnectionsHigh", "RedisMemoryNearMax"]
)
def test_a_symptom_is_silenced_by_its_cause(story: Story, symptom: str) -> None:
    assert story.quiet[symptom]["inhibitedBy"]


def test_no_symptom_is_told_beside_the_cause(story: Story) -> None:
    assert [text for text in story.told if "PgbouncerClientsWaiting" in text and "RESOLVED" not in text] == []


def test_a_page_can_be_read(story: Story, chain: Chain) -> None:
    """Who is woken sees what and where, and a way on, with no template left open."""
    instance = chain.instance(chain.exporter)
    for receiver in PAGED:
        text = story.fired["PostgresDown", receiver].text
        assert instance in text
        assert "/docs/runbooks/PostgresDown.md" in text
        assert "{{" not in text
        assert "<no value>" not in text


def test_no_rule_fails(story: Story, chain: Chain) -> None:
    """Neither beside healthy servers nor beside broken ones."""
    assert story.fired
    failed = chain.prometheus.query("sum by (rule_group) (prometheus_rule_evaluation_failures_total) > 0")

    assert failed == []


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_every_query_has_an_answer(answers: Mapping[str, Any], name: str) -> None:
    asked = dict(queries(answers[name]))
    without = {key for key, answer in asked.items() if not answer.get("result")}
    allowed = {
        (row["panel"], row["query"]): row["reason"] for row in exceptions() if row["dashboard"] == name
    }
    always = {key for key, reason in allowed.items() if not reason.startswith(SOMETIMES)}

    assert sorted(without - allowed.keys()) == [], "no data"
    assert sorted(always & (asked.keys() - without)) == [], "an exception for what has data"
    assert sorted(allowed.keys() - asked.keys()) == [], "an exception for what is not there"


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_no_query_fails(answers: Mapping[str, Any], name: str) -> None:
    assert [(key, answer["error"]) for key, answer in queries(answers[name]) if "error" in answer] == []
    assert [a["error"] for a in answers[name]["annotations"] if "error" in a] == []


def test_every_exception_has_its_reason() -> None:
    assert [row for row in exceptions() if len(row["reason"] or "") < 15] == []
    assert {row["dashboard"] for row in exceptions()} <= {path.stem for path in DASHBOARDS}
