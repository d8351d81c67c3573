"""Prometheus's rules: whether they are loaded, evaluated and healthy, and whether Watchdog fires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.doctor.chain.client import Api
from exporter.doctor.chain.prometheus import data
from exporter.doctor.chain.words import count
from exporter.doctor.finding import Notes

WATCHDOG = "Watchdog"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as Prometheus has it, or as it stands in a file.

    Attributes:
        alerting: whether it is an alert; else it records a series.
        name: of the alert or the series.
        expr: its PromQL.
        labels: those that it sets.
        annotations: as written, templates included.
        wait: seconds of `for`.
        keep: seconds of `keep_firing_for`.
    """

    alerting: bool
    name: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    wait: float
    keep: float

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: its name, and its severity if it has one."""
        return self.name, self.labels.get("severity", "")

    @property
    def told(self) -> dict[str, str]:
        """The labels that every alert of the rule has."""
        return {**self.labels, "alertname": self.name}

    def __str__(self) -> str:
        name, severity = self.key
        return f"{name} ({severity})" if severity else name


def examine(api: Api, notes: Notes) -> list[Rule]:
    """Notes what is wrong with the rules that Prometheus has, and returns them.

    Raises:
        ApiError: Prometheus does not tell.
    """
    groups = data(api, "rules")["groups"]
    rules = [(group, rule) for group in groups for rule in group["rules"]]
    if not rules:
        notes.error(
            "has no rules",
            "# prometheus.yml; the files are those of prometheus/rules",
            "rule_files: [rules/*.yml]",
        )
        return []
    alerting = [rule for _, rule in rules if rule["type"] == "alerting"]
    notes.ok(f"has {count(len(alerting), 'alert')} and {count(len(rules) - len(alerting), 'recording rule')}")
    for group, rule in rules:
        if rule["health"] == "err":
            _failing(notes, group, rule)
    _slow(notes, groups)
    _watchdog(notes, [rule for rule in alerting if rule["name"] == WATCHDOG])
    return [_rule(rule) for _, rule in rules]


def _rule(rule: Mapping[str, Any]) -> Rule:
    return Rule(
        rule["type"] == "alerting",
        rule["name"],
        rule["query"],
        rule.get("labels") or {},
        rule.get("annotations") or {},
        float(rule.get("duration", 0)),
        float(rule.get("keepFiringFor", 0)),
    )


def _failing(notes: Notes, group: Mapping[str, Any], rule: Mapping[str, Any]) -> None:
    notes.error(
        f"rule {rule['name']} of group {group['name']} fails: {rule.get('lastError', '')}",
        f"# mend it in {group['file']}, then",
        f"promtool check rules {group['file']}",
        "systemctl reload prometheus",
    )


def _slow(notes: Notes, groups: Sequence[Mapping[str, Any]]) -> None:
    for group in groups:
        if group["evaluationTime"] > group["interval"]:
            notes.advice(
                f"group {group['name']} takes {group['evaluationTime']:.1f} of {group['interval']:g} seconds",
                f"# {group['file']}, at the group",
                "interval: 1m",
            )


def _watchdog(notes: Notes, found: Sequence[Mapping[str, Any]]) -> None:
    """Without it nobody learns that alerts have stopped to get through."""
    if not found:
        notes.error(
            f"there is no alert {WATCHDOG}: nobody would notice that alerts have stopped to get through",
            "# prometheus.yml; monitoring.yml of prometheus/rules has it",
            "rule_files: [rules/*.yml]",
        )
    elif found[0]["state"] == "firing":
        notes.ok(f"{WATCHDOG} fires")
    elif found[0]["health"] == "unknown":
        notes.error(f"{WATCHDOG} has not been evaluated yet", "# run verify again in a minute")
    else:
        notes.error(
            f"{WATCHDOG} does not fire, though it always should",
            "# its rule, in monitoring.yml",
            "expr: vector(1)",
        )
