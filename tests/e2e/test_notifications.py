"""A real Alertmanager with the shipped configuration tells fakes of every receiver, on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import monotonic, sleep
from typing import Any

import pytest

from tests.servers import Alertmanager, page, require
from tests.servers.alerting import (
    alert,
    another_day,
    every_day,
    reload,
    send,
    shipped_alert,
    shipped_config,
)
from tests.servers.page import samples_of
from tests.servers.receivers import Notification, Receivers

pytestmark = pytest.mark.live

ANNOTATIONS = {
    "summary": "PostgreSQL on db1:9188 does not answer",
    "description": "Requests fail. `check` says why.",
    "runbook_url": "https://example.org/runbooks/PostgresDown.md",
    "dashboard_url": "/d/datastack-postgres?var-instance=db1:9188",
}
DASHBOARD = "https://grafana.example.com/d/datastack-postgres?var-instance=db1:9188"
SILENCE = (
    "/#/silences/new?filter=%7Bcategory%3D%22availability%22%2C%20instance%3D%22db1%3A9188%22%2C%20"
    "job%3D%22postgres%22%2C%20service%3D%22postgres%22%2C%20severity%3D%22critical%22%2C%20"
    "alertname%3D%22PostgresDown%22%7D"
)
SOURCE = "http://prometheus.example.com:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1"


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as fakes:
        yield fakes


@pytest.fixture
def others() -> Iterator[Receivers]:
    """For an Alertmanager of the test's own."""
    with Receivers() as fakes:
        yield fakes


@pytest.fixture(scope="module")
def alertmanager(receivers: Receivers) -> Iterator[Alertmanager]:
    """At an hour of business, and not of maintenance."""
    now = {"business-hours": every_day(), "weekly-maintenance": another_day()}
    with require(Alertmanager, shipped_config(receivers, windows=now)) as server:
        yield server


def attachment(notification: Notification) -> Mapping[str, Any]:
    (one,) = notification.body["attachments"]
    assert isinstance(one, dict)
    return one


def test_a_page_by_every_way_and_its_end(alertmanager: Alertmanager, receivers: Receivers) -> None:
    down = {**shipped_alert("PostgresDown", job="postgres", instance="db1:9188"), "annotations": ANNOTATIONS}
    subject = "CRITICAL PostgresDown (1 firing): PostgreSQL on db1:9188 does not answer"

    send(alertmanager, down)

    slack = receivers.wait_for("slack-critical", "db1:9188")
    assert slack.body["channel"] == "#alerts-critical"
    said = attachment(slack)
    assert (said["title"], said["title_link"]) == ("CRITICAL PostgresDown (1 firing)", DASHBOARD)
    assert (said["color"], said["fallback"]) == ("danger", subject)
    first, description, links = said["text"].splitlines()
    assert first.startswith("• PostgreSQL on db1:9188 does not answer, since ")
    assert description == ANNOTATIONS["description"]
    runbook = f"<{ANNOTATIONS['runbook_url']}|Runbook>"
    assert links.startswith(f"{runbook}  <{DASHBOARD}|Dashboard>  <http://")
    assert links.endswith(f"{SILENCE}|Silence>  <{SOURCE}|Prometheus>")

    event = receivers.wait_for("pagerduty", "db1:9188").body
    payload = event["payload"]
    assert (event["event_action"], event["client_url"]) == ("trigger", DASHBOARD)
    assert {key: payload[key] for key in ("summary", "severity", "class", "component", "group")} == {
        "summary": subject,
        "severity": "critical",
        "class": "PostgresDown",
        "component": "postgres",
        "group": "postgres",
    }
    details = payload["custom_details"]
    assert details["firing"] == first
    assert (details["runbook"], details["dashboard"]) == (ANNOTATIONS["runbook_url"], DASHBOARD)
    assert (details["description"], details["source"]) == (ANNOTATIONS["description"], SOURCE)

    mail = receivers.wait_for("email", "db1:9188").body
    assert (mail["subject"], mail["to"]) == (subject, ["oncall@example.com"])
    assert mail["text"].replace("\r\n", "\n").startswith(f"{first}\n\n{description}\n\nRunbook: https://")
    assert "<h1" in mail["html"]
    assert f'<a href="{DASHBOARD}">Dashboard</a>' in mail["html"]

    logged = receivers.wait_for("alert-log", "db1:9188").body
    assert [one["labels"] for one in logged["alerts"]] == [down["labels"]]

    send(alertmanager, down, resolved=True)

    over = attachment(receivers.wait_for("slack-critical", "RESOLVED critical PostgresDown (1 resolved)"))
    assert over["color"] == "good"
    assert "does not answer, over after " in over["text"]
    assert ANNOTATIONS["description"] not in over["text"]
    ended = receivers.wait_for("pagerduty", "resolve", where=lambda n: n.body["event_action"] == "resolve")
    assert ended.body["dedup_key"] == event["dedup_key"]
    assert (
        receivers.wait_for("email", "RESOLVED critical PostgresDown")
        .body["text"]
        .startswith("• PostgreSQL on")
    )
    receivers.wait_for("alert-log", "db1:9188", where=lambda n: n.body["status"] == "resolved")


def test_the_other_channels_hear_of_theirs_and_of_their_ends(
    alertmanager: Alertmanager, receivers: Receivers
) -> None:
    told = {
        "slack-warning": shipped_alert("PostgresDeadlocks", job="postgres", instance="channels"),
        "slack-business": shipped_alert("OrderDrop", job="channels"),
        "slack-info": shipped_alert("AnomalousRequestRate", job="channels-too"),
    }
    send(alertmanager, *told.values())
    for receiver, one in told.items():
        name = one["labels"]["alertname"]
        note = receivers.wait_for(receiver, name)
        severity = one["labels"]["severity"].upper()
        assert attachment(note)["title"] == f"{severity} {name} (1 firing)"
        assert note.body["channel"] == receiver.replace("slack-", "#alerts-")
        assert receivers.wait_for("alert-log", name).at

    send(alertmanager, *told.values(), resolved=True)
    for receiver, one in told.items():
        receivers.wait_for(
            receiver, f"RESOLVED {one['labels']['severity']} {one['labels']['alertname']} (1 resolved)"
        )
    paged = {n.receiver for n in receivers.taken(containing="channels")}
    assert paged == {*told, "alert-log"}


def test_an_alert_of_an_unknown_severity_comes_with_a_remark(
    alertmanager: Alertmanager, receivers: Receivers
) -> None:
    send(alertmanager, alert("Misspelt", "crit", instance="odd"))

    caught = receivers.wait_for("slack-warning", "Misspelt")
    assert "No route takes this alert" in attachment(caught)["pretext"]


def test_the_heartbeat_goes_on(alertmanager: Alertmanager, receivers: Receivers) -> None:
    """At times a hundred times as fast as shipped. What never fires says nothing."""
    send(alertmanager, shipped_alert("Watchdog"), shipped_alert("InfoInhibitor", instance="null"))

    first = receivers.wait_for("deadman")
    receivers.wait_for("deadman", where=lambda n: n.at > first.at)
    assert first.body["alerts"][0]["labels"]["alertname"] == "Watchdog"
    assert receivers.taken(containing="InfoInhibitor") == []


def test_one_message_for_many_instances_and_none_again(
    alertmanager: Alertmanager, receivers: Receivers
) -> None:
    rack = [shipped_alert("RedisDown", job="rack", instance=f"rack{i}:9188") for i in range(12)]
    send(alertmanager, *rack)
    first = receivers.wait_for("slack-critical", "RedisDown")
    assert attachment(first)["title"] == "CRITICAL RedisDown (12 firing)"
    assert attachment(first)["text"].count("• ") == 10
    assert "and 2 more" in attachment(first)["text"]

    send(alertmanager, *rack)  # as Prometheus does again and again
    send(alertmanager, shipped_alert("RedisDown", job="rack", instance="rack12:9188"))

    more = receivers.wait_for("slack-critical", "RedisDown (13 firing)")
    assert receivers.taken("slack-critical", "RedisDown") == [first, more]
    pages = receivers.taken("pagerduty", "RedisDown")
    assert len({n.body["dedup_key"] for n in pages}) == 1


def test_windows_mute_warnings_and_infos_but_never_what_is_critical(others: Receivers) -> None:
    muted = [
        shipped_alert("PostgresDeadlocks", job="muted", instance="a"),
        shipped_alert("OrderDrop", job="muted"),
        shipped_alert("AnomalousRequestRate", job="muted-too"),
    ]
    at_night = shipped_config(
        others, windows={"weekly-maintenance": every_day(), "business-hours": another_day()}
    )
    with require(Alertmanager, at_night) as server:
        send(server, *muted)
        for one in muted:
            others.wait_for("alert-log", one["labels"]["alertname"])
        # A group of its own, that is due later than those: so theirs have been looked at.
        send(server, shipped_alert("PostgresDown", job="muted", instance="b"))
        send(server, shipped_alert("NoOrders", job="muted-three"))
        others.wait_for("slack-critical", "muted", where=lambda n: "PostgresDown" in n.text)
        others.wait_for("pagerduty", "PostgresDown")
        others.wait_for("slack-business", "NoOrders")
        others.wait_for("email", "PostgresDown")
        told = {n.receiver for n in others.taken() if "muted" in n.text and "NoOrders" not in n.text}
        assert told == {"alert-log", "slack-critical", "pagerduty", "email"}

        by_day = {"weekly-maintenance": another_day(), "business-hours": every_day()}
        reload(server, shipped_config(others, windows=by_day))
        for receiver, one in zip(("slack-warning", "slack-business", "slack-info"), muted, strict=True):
            name = one["labels"]["alertname"]
            others.wait_for(receiver, name)


def test_a_wrong_secret_is_counted(others: Receivers) -> None:
    """Only then: the files are read at each notification, and nothing else says a word."""
    wrong = {"slack_critical_url": None, "pagerduty_routing_key": "another", "deadman_token": "another"}
    with require(Alertmanager, shipped_config(others, secrets=wrong)) as server:
        send(server, shipped_alert("PostgresDown", job="secret", instance="a"), shipped_alert("Watchdog"))
        others.wait_for("email", "secret")

        end = monotonic() + 15.0
        while (counted := failures(server)).keys() < {"slack", "pagerduty", "webhook"}:
            assert monotonic() < end, counted
            sleep(0.1)
        assert "email" not in counted


def failures(server: Alertmanager) -> dict[str, float]:
    """Integration -> how many notifications failed, where any did."""
    samples = samples_of(page.request(server.port, "/metrics").text)[
        "alertmanager_notifications_failed_total"
    ]
    return {dict(labels)["integration"]: value for labels, value in samples.items() if value}
