"""Which alerts keep which others quiet: the shipped rules in a real Alertmanager, case by case."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from tests.e2e.inhibition import Case, Told, one
from tests.e2e.inhibition_applications import APPLICATIONS
from tests.e2e.inhibition_servers import SERVERS
from tests.servers import Alertmanager, require
from tests.servers.alerting import send, shipped_alert, shipped_config
from tests.servers.receivers import Receivers

pytestmark = pytest.mark.live

CASES = (*SERVERS, *APPLICATIONS)

Labels = frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as fakes:
        yield fakes


@pytest.fixture(scope="module")
def judged(receivers: Receivers) -> Iterator[dict[Labels, bool]]:
    """Labels of every case's alerts -> whether Alertmanager keeps it quiet. All fire, and none is due."""
    everything = [alert for n, case in enumerate(CASES) for alert in fired(n, case)]
    last = [placed(one("PostgresDown"), len(CASES)), placed(one("PostgresDeadlocks"), len(CASES))]
    with require(Alertmanager, shipped_config(receivers, wait="1h", interval="1h")) as server:
        send(server, *everything, *last)
        end = monotonic() + 15.0
        while not (states := quiet(server)).get(labels_of(last[1])):
            assert monotonic() < end, "the last of the alerts is not inhibited"
            sleep(0.05)
        yield states


@pytest.mark.parametrize("n", range(len(CASES)), ids=[case.why for case in CASES])
def test_case(judged: dict[Labels, bool], n: int) -> None:
    case = CASES[n]
    expected = {
        labels_of(placed(alert, n)): alert in case.silenced
        for alert in (*case.causes, *case.silenced, *case.spared)
    }

    assert {labels: judged[labels] for labels in expected} == expected


def test_what_is_inhibited_is_told_when_its_cause_is_over(receivers: Receivers) -> None:
    cause = shipped_alert("PostgresDown", job="postgres", instance="told")
    symptom = shipped_alert("PostgresReplicaNotStreaming", job="postgres", instance="told")
    with require(Alertmanager, shipped_config(receivers)) as server:
        send(server, cause, symptom)
        receivers.wait_for("slack-critical", "PostgresDown (1 firing)")
        receivers.wait_for("pagerduty", "PostgresDown (1 firing)")
        send(server, cause, resolved=True)

        ended = receivers.wait_for("slack-critical", "RESOLVED critical PostgresDown")
        told = receivers.wait_for("slack-critical", "PostgresReplicaNotStreaming (1 firing)")
        assert told.at > ended.at - 1.5  # the groups are looked at within a second of each other


def fired(n: int, case: Case) -> list[Told]:
    return [placed(alert, n) for alert in (*case.causes, *case.silenced, *case.spared)]


def placed(alert: Told, n: int) -> Told:
    """The alert in the n-th case: each case has jobs and instances of its own."""
    labels = {k: f"{v}-{n}" if k in ("job", "instance", "stack") else v for k, v in alert["labels"].items()}
    return {**alert, "labels": labels}


def labels_of(alert: Told) -> Labels:
    return frozenset(alert["labels"].items())


def quiet(server: Alertmanager) -> dict[Labels, bool]:
    return {labels_of(alert): bool(alert["status"]["inhibitedBy"]) for alert in server.alerts()}
