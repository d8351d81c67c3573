"""Who is told of the alerts that Prometheus has rules for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from exporter.doctor.chain.configuration import Configuration
from exporter.doctor.chain.matchers import Labels
from exporter.doctor.chain.words import count, few
from exporter.doctor.finding import Notes

PAGES = "critical"
SILENT = "none"
"""The severity of alerts that are for machines."""


def examine(notes: Notes, configuration: Configuration, told: Sequence[Labels]) -> None:
    """Notes who is told of what, and of what nobody is.

    Alerts have labels that their rules don't set. A route that asks for one of those counts as one that may
    take the alert, so nothing is called wrong that depends on them.

    Args:
        notes: about Alertmanager.
        configuration: that it has.
        told: the labels of each alert that its rule and Prometheus set.
    """
    told = [labels for labels in told if labels.get("severity") != SILENT]
    nobody = [labels for labels in told if not _heard(configuration, labels)]
    if grave := [labels for labels in nobody if labels.get("severity") == PAGES]:
        notes.error(
            f"nobody is told of {count(len(grave), 'critical alert')}: {_names(grave)}",
            "# alertmanager.yml: a route to a receiver that is told somehow",
            "routes:",
            f'  - matchers: [severity="{PAGES}"]',
            "    receiver: pager",
            "# whom an alert reaches: amtool config routes test --config.file=alertmanager.yml "
            + " ".join(f"{name}={value}" for name, value in grave[0].items()),
        )
    if rest := [labels for labels in nobody if labels.get("severity") != PAGES]:
        notes.advice(
            f"nobody is told of {count(len(rest), 'alert')}: {_names(rest)}",
            "# alertmanager.yml: a route for them",
        )
    _left_over(notes, configuration, [labels for labels in told if labels not in nobody])
    for receiver, alerts in _by_receiver(configuration, told).items():
        notes.ok(f"{receiver} is told of {count(alerts, 'alert')}")


def _heard(configuration: Configuration, labels: Labels) -> bool:
    return any(configuration.integrations(route) for route in configuration.route.perhaps_taken_by(labels))


def _left_over(notes: Notes, configuration: Configuration, told: Iterable[Labels]) -> None:
    """Alerts that only fall through: but where everything does, that is what is wanted."""
    root = configuration.route
    if not any(route.matchers for route in root.all()):
        return
    fallen = [
        labels
        for labels in told
        if all(route is root or not route.matchers for route in root.perhaps_taken_by(labels))
    ]
    if fallen:
        notes.advice(
            f"no route is for {count(len(fallen), 'alert')}, left to {root.receiver}: {_names(fallen)}",
            "# alertmanager.yml: a route for them, by one of their labels",
        )


def _by_receiver(configuration: Configuration, told: Iterable[Labels]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for labels in told:
        routes = configuration.route.taken_by(labels)
        for name in {route.receiver for route in routes if configuration.integrations(route)}:
            counts[name] += 1
    return dict(sorted(counts.items()))


def _names(alerts: Sequence[Labels]) -> str:
    return few(sorted({labels["alertname"] for labels in alerts}))
