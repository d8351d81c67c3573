"""Every series that rules, dashboards and pages may name, with its labels: from code and captured pages."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from exporter.cli.catalog import catalogue, legacy, own
from exporter.collectors import discover
from mixin import promql, rules
from tests.mixin.labels import NONE, Labels, labels_of

ROOT = Path(__file__).parents[2]
APPLICATION = ROOT / "mixin" / "application_metrics.tsv"
MONITORING = ROOT / "tests" / "recorded" / "monitoring"
GOLDEN = ROOT / "tests" / "golden"

TARGET = frozenset({"job", "instance"})
"""Prometheus puts these on every series that it scrapes."""

OWN = frozenset({"cluster", "environment", "namespace", "pod", "target"})
"""Labels that targets have where users set them; rules work without them."""

NODES = frozenset({"node"})
"""On all series of Redis when one target is several servers."""

SCRAPES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
ALERTS = ("ALERTS", "ALERTS_FOR_STATE")
ALERT_LABELS = frozenset({"alertname", "alertstate", "severity", "service", "category"})

Entry = Mapping[str, Any]


@cache
def series() -> dict[str, Labels]:
    """Name of a series as PromQL writes it (`..._bucket`) -> the labels that it can have."""
    known = {**dict.fromkeys(SCRAPES, TARGET | OWN), **_exporter(), **_application(), **_monitoring()}
    for name in ALERTS:
        known[name] = ALERT_LABELS | frozenset().union(*known.values())
    for rule in _in_order(rules.recordings(), known):
        known[rule.name] = known.get(rule.name, NONE) | rule_labels(rule, known)
    return known


def rule_labels(rule: rules.Rule, known: Mapping[str, Labels]) -> Labels:
    """The labels of what a rule gives.

    Raises:
        KeyError: its expression names a series that is not known.
    """
    return labels_of(promql.parse(rule.expr), lambda s: of_selector(s, known)) | set(rule.labels)


def of_selector(selector: Any, known: Mapping[str, Labels]) -> Labels:
    """The labels of a selector's series; one without a name, or with a pattern for it, can have any.

    Raises:
        KeyError: there is no such series.
    """
    if selector.name:
        return known[selector.name]
    return frozenset().union(*known.values())


def _in_order(recordings: list[rules.Recording], known: Mapping[str, Labels]) -> Iterator[rules.Recording]:
    """The recording rules, each after those that it reads; those that read what nobody knows are left out."""
    names, left = set(known), list(recordings)
    while left:
        ready = [r for r in left if all(s.name in names or not s.name for s in _read(r))]
        # A name recorded in parts is whole when all parts are there.
        names |= {r.name for r in ready} - {r.name for r in left if r not in ready}
        if not ready:
            return
        yield from ready
        left = [rule for rule in left if rule not in ready]


def _read(rule: rules.Recording) -> list[Any]:
    return [s for s in promql.selectors(promql.parse(rule.expr)) if s.name != rule.name]


def _exporter() -> dict[str, Labels]:
    concrete = _golden_names()
    found: dict[str, Labels] = {}
    for entry in (*catalogue(discover().values()), legacy(), own()):
        extra = TARGET | OWN | (NODES if entry["family"] == "redis" else NONE)
        for metric in entry["metrics"]:
            for name in _concrete(metric["name"], concrete):
                for one, labels in _expanded(name, metric["type"], frozenset(metric["labels"]) | extra):
                    found[one] = found.get(one, NONE) | labels
    return found


def _expanded(name: str, kind: str, labels: Labels) -> Iterator[tuple[str, Labels]]:
    if kind == "histogram":
        yield f"{name}_bucket", labels | {"le"}
    elif kind == "summary":
        yield name, labels | {"quantile"}
    if kind in ("histogram", "summary"):
        yield f"{name}_sum", labels
        yield f"{name}_count", labels
    else:
        yield name, labels


def _concrete(name: str, golden: frozenset[str]) -> list[str]:
    """The name; one that depends on the target is any of those on captured pages."""
    if "<" not in name:
        return [name]
    pattern = re.compile(re.sub(r"<\w+>", "[a-zA-Z0-9_]+", name))
    return [one for one in golden if pattern.fullmatch(one)]


@cache
def _golden_names() -> frozenset[str]:
    pages = (path.read_text() for path in GOLDEN.rglob("*.txt"))
    return frozenset(
        match[1] for page in pages for match in re.finditer(r"^# TYPE (\w+) ", page, re.MULTILINE)
    )


def _application() -> dict[str, Labels]:
    return dict(_table(APPLICATION))


def _monitoring() -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for path in sorted(MONITORING.glob("*.tsv")):
        for name, labels in _table(path):
            found[name] = found.get(name, NONE) | labels
    return found


def _table(path: Path) -> Iterator[tuple[str, Labels]]:
    """The series of a table with the columns name, type and labels (by commas)."""
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            labels = frozenset(filter(None, (row["labels"] or "").split(",")))
            yield from _expanded(row["name"], row["type"], labels | TARGET | OWN)
