"""Checks of what a dashboard asks: its expressions, and where its links lead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import promql_parser
from promql_parser import Call, VectorSelector

from exporter.cli.catalog import catalogue, legacy, own
from exporter.collectors import discover
from mixin import dashboards, promql, rules
from tests.mixin import inventory
from tests.mixin.dashboard_lint import RUNBOOK, Found, Json, content

# A length that nobody writes, in place of `$__rate_interval`.
RATE_INTERVAL = timedelta(minutes=7, seconds=13)
OF_COUNTERS = ("rate", "irate", "increase", "resets", "changes")
OF_RATES = ("rate", "irate", "increase")
# Some of a name's series have no instance: those of a job as a whole. A choice may let them through.
FOLLOWED = {"job": ["$job"], "instance": ["$instance", "$instance|"]}
# An alert on something absent has no instance, so the choice must let it through.
FOLLOWED_BY_ALERTS = {"instance": ["$instance|"]}
LINK = re.compile(r"/d/datastack-(?P<name>[a-z]+)\?(?P<query>.*)")


def parses(dashboard: Json) -> Found:
    for where, expr in expressions(dashboard):
        try:
            parsed(expr)
        except ValueError as fault:
            yield where, f"{fault}: {expr}"


def rate_interval(dashboard: Json) -> Found:
    """A rate follows the time range; only where an alert is drawn or named it may have that alert's range."""
    about = {panel["title"]: panel.get("description", "") for panel in content(dashboard)}
    for where, expr in expressions(dashboard):
        allowed = {RATE_INTERVAL, *_ranges_of_alerts(about.get(where, ""))}
        for length in _rated(parsed(expr)):
            if length not in allowed:
                yield where, f"a rate over {length}"


def counters(dashboard: Json) -> Found:
    for where, expr in expressions(dashboard):
        for name in _bare(parsed(expr)):
            if name.endswith("_total") or name in _counters():
                yield where, f"{name} without rate() or increase()"


def matchers(dashboard: Json) -> Found:
    """Every selector follows the variables job and instance, where its series have these labels at all."""
    for where, expr in expressions(dashboard):
        for selector in promql.selectors(parsed(expr)):
            said = {m.name: m.value for m in selector.matchers.matchers if str(m.op) == "MatchOp.Re"}
            of_alerts = (selector.name or "").startswith("ALERTS")
            there = inventory.series().get(selector.name, inventory.TARGET)
            for label, values in (FOLLOWED_BY_ALERTS if of_alerts else FOLLOWED).items():
                if label in there and said.get(label) not in values:
                    yield where, f"{selector.name} does not follow the variable {label}"


def links(dashboard: Json) -> Found:
    """Links lead to dashboards that are shipped, with variables that these have, or to runbooks of alerts."""
    for where, url in _addresses(dashboard):
        if runbook := RUNBOOK.fullmatch(url):
            if runbook[1] != "${__value.raw}" and not any(a.name == runbook[1] for a in rules.alerts()):
                yield where, f"no alert {runbook[1]}"
            continue
        link = LINK.fullmatch(url)
        if not link or not (dashboards.FOLDER / f"{link['name']}.json").exists():
            yield where, f"leads nowhere: {url}"
            continue
        if not {"${__url_time_range}", "${datasource:queryparam}"} <= set(link["query"].split("&")):
            yield where, f"loses time or data source: {url}"
        for name in re.findall(r"\bvar-(\w+)=", url):
            if name not in _variables(link["name"]):
                yield where, f"{link['name']} has no variable {name}"


def expressions(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Every expression, with its panel or annotation."""
    for panel in content(dashboard):
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets") or ())
    yield from ((a["name"], a["expr"]) for a in dashboard["annotations"]["list"])


@cache
def parsed(expr: str) -> Any:
    """The tree of an expression; its variables stay as they are, but for lengths of time.

    Raises:
        ValueError: it is not PromQL.
    """
    dated = expr.replace("$__rate_interval", f"{int(RATE_INTERVAL.total_seconds())}s")
    return promql_parser.parse(re.sub(r"\$__(?:range|interval)\b", "5m", dated))


def _rated(tree: Any) -> Iterator[timedelta]:
    for node in promql.walk(tree):
        if isinstance(node, Call) and node.func.name in OF_RATES:
            yield node.args[0].range


def _bare(tree: Any) -> Iterator[str]:
    """The series that an expression takes as they are, not what they grow by."""
    if isinstance(tree, Call) and tree.func.name in OF_COUNTERS:
        return
    if isinstance(tree, VectorSelector) and tree.name:
        yield tree.name
    for part in promql.parts(tree):
        yield from _bare(part)


def _ranges_of_alerts(description: str) -> Iterator[timedelta]:
    for alert in rules.alerts():
        if re.search(rf"\b{alert.name}\b", description):
            yield from _rated(promql.parse(alert.expr))


def _addresses(dashboard: Json) -> Iterator[tuple[str, str]]:
    for panel in content(dashboard):
        config = panel.get("fieldConfig") or {"defaults": {}, "overrides": []}
        found = [*panel.get("links", ()), *config["defaults"].get("links", ())]
        for override in config["overrides"]:
            found += [link for p in override["properties"] if p["id"] == "links" for link in p["value"]]
        yield from ((panel["title"], link["url"]) for link in found)


@cache
def _counters() -> frozenset[str]:
    """Series that count and do not say so in their name."""
    entries = (*catalogue(discover().values()), legacy(), own())
    return frozenset(m["name"] for e in entries for m in e["metrics"] if m["type"] == "counter")


@cache
def _variables(name: str) -> frozenset[str]:
    shipped = json.loads((dashboards.FOLDER / f"{name}.json").read_text())
    return frozenset(variable["name"] for variable in shipped["templating"]["list"])
