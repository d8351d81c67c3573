"""Alertmanager: whether it is there, has taken its configuration, gets alerts and gets notifications out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporter.doctor.chain.client import Api, ApiError
from exporter.doctor.chain.configuration import Configuration, read
from exporter.doctor.chain.counters import Counters
from exporter.doctor.chain.matchers import Labels, Matcher
from exporter.doctor.chain.rules import WATCHDOG
from exporter.doctor.finding import Notes

RELOADED = "alertmanager_config_last_reload_successful"
SENT = "alertmanager_notifications_total"
FAILED = "alertmanager_notifications_failed_total"
REQUESTS = "alertmanager_notification_requests_total"
REQUESTS_FAILED = "alertmanager_notification_requests_failed_total"
LOG = (
    "journalctl -u prometheus-alertmanager | grep -E 'Notify (for alerts|attempt) failed'"
    "    # which receiver, and what it answers"
)


def answers(api: Api, notes: Notes) -> Configuration | None:
    """The configuration that it has, if it is there and ready; notes its version.

    Raises:
        ApiError: it does not tell.
    """
    try:
        api.text("/-/ready")
        status = api.json("/api/v2/status")
    except ApiError as error:
        notes.error(
            str(error), "systemctl status prometheus-alertmanager", "# another address: --alertmanager URL"
        )
        return None
    notes.ok(f"ready, version {status['versionInfo']['version']}")
    return read(status["config"]["original"])


def counts(api: Api, notes: Notes, configuration: Configuration) -> None:
    """Notes whether it has taken its newest configuration, and which notifications have failed so far.

    Raises:
        ApiError: it does not tell.
    """
    counters = Counters.of(api.text("/metrics"))
    if counters.total(RELOADED) == 0:
        notes.error(
            "has refused its newest configuration and goes on with an older one",
            "amtool check-config /etc/prometheus/alertmanager.yml",
            "systemctl reload prometheus-alertmanager",
        )
    sent, failed = counters.by("integration", SENT), counters.by("integration", FAILED)
    broken = {kind: count for kind, count in failed.items() if count}
    for kind, count in broken.items():
        what = f"{count} of {sent[kind]} notifications by {kind} have failed since it was started"
        note = notes.error if count >= sent[kind] else notes.advice
        note(what, LOG, *files(configuration, kind))
    if not broken:
        notes.ok(f"none of {sent.total()} notifications has failed since it was started")


def files(configuration: Configuration, kind: str) -> list[str]:
    """The secret files of the receivers that are told in a way, as remarks."""
    return [
        f"# {receiver.name}: {file.removeprefix(f'{kind}: ')}"
        for receiver in configuration.receivers.values()
        for file in receiver.files
        if file.startswith(f"{kind}: ")
    ]


def watchdog(api: Api, notes: Notes) -> None:
    """Notes whether Watchdog has come, which shows that Prometheus's alerts do.

    Raises:
        ApiError: it does not tell.
    """
    came = alerts(api, f'alertname="{WATCHDOG}"')
    if not came:
        notes.error(
            f"{WATCHDOG} has not come here: Prometheus's alerts don't arrive",
            "# prometheus.yml: is this Alertmanager's address in alerting.alertmanagers?",
            "journalctl -u prometheus | grep 'Error sending alert'",
        )
        return
    if all(alert["status"]["state"] == "suppressed" for alert in came):
        silences = [silence for alert in came for silence in alert["status"]["silencedBy"]]
        remedy = [f"amtool silence expire {silence}" for silence in silences]
        what = "silenced" if silences else "inhibited"
        notes.error(f"{WATCHDOG} has come, but is {what}", *(remedy or ["# inhibit_rules: leave it out"]))
        return
    notes.ok(f"{WATCHDOG} has come from Prometheus")


def alerts(api: Api, *filters: str) -> list[Any]:
    """The alerts that it has, each with `labels` and `status`.

    Raises:
        ApiError: it does not tell.
    """
    found: list[Any] = api.json("/api/v2/alerts", **({"filter": filters[0]} if filters else {}))
    return found


def silences(api: Api) -> dict[str, tuple[Matcher, ...]]:
    """The active silences: id -> matchers.

    Raises:
        ApiError: it does not tell.
    """
    return {
        silence["id"]: tuple(
            Matcher(m["name"], m["value"], regex=m["isRegex"], negated=not m.get("isEqual", True))
            for m in silence["matchers"]
        )
        for silence in api.json("/api/v2/silences")
        if silence["status"]["state"] == "active"
    }


def silenced_by(active: Mapping[str, Sequence[Matcher]], labels: Labels) -> list[str]:
    """The silences that keep an alert quiet."""
    return [name for name, matchers in active.items() if all(matcher.matches(labels) for matcher in matchers)]


def overall(notes: Notes, active: Mapping[str, Sequence[Matcher]], told: Sequence[Labels]) -> None:
    """Notes the silences that keep all alerts quiet, by the labels that each alert surely has."""
    for name, matchers in active.items():
        if told and all(matcher.matches(labels) for labels in told for matcher in matchers):
            notes.advice(f"silence {name} keeps all alerts quiet", f"amtool silence expire {name}")
