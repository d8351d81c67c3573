"""The shipped rules of Prometheus: read from `prometheus/rules/*.yml`, in their order.

Source: https://prometheus.io/docs/prometheus/2.42/configuration/recording_rules/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mixin import promql
from mixin.promql import Threshold

ROOT = Path(__file__).parents[1]
RULES = ROOT / "prometheus" / "rules"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it stands in its file.

    Attributes:
        name: of the recorded series or the alert.
        expr: its PromQL.
        labels: those that the rule sets.
        file: where it stands.
        group: the name of its group.
    """

    name: str
    expr: str
    labels: Mapping[str, str]
    file: Path
    group: str


@dataclass(frozen=True, slots=True)
class Recording(Rule):
    """A recording rule."""


@dataclass(frozen=True, slots=True)
class Alert(Rule):
    """An alerting rule; alerts of one name differ in severity.

    Attributes:
        annotations: as written, templates included.
        wait: the field `for`, as written (`5m`), empty for at once.
        keep: the field `keep_firing_for`, as written, empty for none.
    """

    annotations: Mapping[str, str]
    wait: str
    keep: str

    @property
    def severity(self) -> str:
        """`critical` (pages), `warning`, `info` or `none`."""
        return self.labels["severity"]

    @property
    def threshold(self) -> Threshold | None:
        """What the expression compares with a number first, by reading order; None if there is no such thing.

        By convention that is the alert's threshold. Guards (enough traffic, old enough) stand behind it.
        """
        return next(promql.thresholds(promql.parse(self.expr)), None)


@cache
def load(folder: Path = RULES) -> tuple[Rule, ...]:
    """All rules of a folder, by file name and then as they stand.

    Raises:
        KeyError: a rule that is neither recording nor alerting, or lacks a part.
    """
    return tuple(
        _rule(entry, file, group["name"])
        for file in sorted(folder.glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
        for entry in group["rules"]
    )


def alerts(folder: Path = RULES) -> list[Alert]:
    """The alerting rules."""
    return [rule for rule in load(folder) if isinstance(rule, Alert)]


def recordings(folder: Path = RULES) -> list[Recording]:
    """The recording rules."""
    return [rule for rule in load(folder) if isinstance(rule, Recording)]


def alert(name: str, severity: str = "") -> Alert:
    """An alert by name, and by severity where several share the name.

    Raises:
        LookupError: there is no such alert, or more than one.
    """
    found = [a for a in alerts() if a.name == name and severity in ("", a.severity)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} alerts {name} of severity {severity or 'any'}")
    return found[0]


def threshold(name: str, severity: str = "") -> float:
    """The threshold of an alert, for a dashboard: `threshold("PostgresConnectionsHigh", "warning")`.

    Raises:
        LookupError: there is no such alert, or it has no threshold.
    """
    found = alert(name, severity).threshold
    if found is None:
        raise LookupError(f"alert {name} compares with no number")
    return found.value


def _rule(entry: Mapping[str, Any], file: Path, group: str) -> Rule:
    labels = dict(entry.get("labels", {}))
    if "record" in entry:
        return Recording(entry["record"], str(entry["expr"]), labels, file, group)
    return Alert(
        entry["alert"],
        str(entry["expr"]),
        labels,
        file,
        group,
        dict(entry.get("annotations", {})),
        entry.get("for", ""),
        entry.get("keep_firing_for", ""),
    )
