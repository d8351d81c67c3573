"""What every shipped rule keeps to, so that people on call can trust and change it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Any

from promql_parser import BinaryExpr, Call, MatrixSelector

from mixin import promql, rules, runbooks
from mixin.rules import Alert
from tests.each import each
from tests.mixin import inventory

MOST = 92
MOST_PAGES = 25

SEVERITIES = {"critical", "warning", "info", "none"}
SERVICES = {
    *("postgres", "redis", "pool", "host", "application", "business"),
    *("exporter", "prometheus", "alertmanager"),
}
CATEGORIES = {
    *("availability", "saturation", "errors", "latency", "replication", "storage", "maintenance"),
    *("performance", "slo", "anomaly", "prediction", "business", "meta"),
}
RUNBOOKS = "https://github.com/datastack-exporter/datastack-exporter/blob/main/docs/runbooks/"
RANK = ("info", "warning", "critical")

SCRAPE_SECONDS = 15

# Functions that came after 2.42 or went before 3.x.
FOREIGN = {"mad_over_time", "limitk", "info", "sort_by_label", "double_exponential_smoothing", "holt_winters"}

ALERTS = rules.alerts()
PAIRS = sorted({a.name for a in ALERTS if sum(b.name == a.name for b in ALERTS) > 1})

each_alert = each(ALERTS)


def test_there_are_not_more_than_people_can_know() -> None:
    assert len(ALERTS) <= MOST
    assert len([alert for alert in ALERTS if alert.severity == "critical"]) <= MOST_PAGES


def test_no_alert_is_there_twice() -> None:
    assert [key for key, n in Counter((a.name, a.severity) for a in ALERTS).items() if n > 1] == []


@each_alert
def test_labels_are_those_that_routing_knows(alert: Alert) -> None:
    assert set(alert.labels) - {"slo"} == {"severity", "service", "category"}
    assert alert.labels["severity"] in SEVERITIES
    assert alert.labels["service"] in SERVICES
    assert alert.labels["category"] in CATEGORIES
    assert not any("{{" in value for value in alert.labels.values())


@each_alert
def test_annotations_say_what_and_where_to_look(alert: Alert) -> None:
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert alert.annotations["runbook_url"] == f"{RUNBOOKS}{alert.name}.md"
    assert len(alert.annotations["summary"]) <= 160
    assert "\n" not in alert.annotations["summary"].strip()
    assert alert.annotations["dashboard_url"].startswith("/d/datastack-")


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {path.stem for path in runbooks.FOLDER.glob("*.md")} - {runbooks.INDEX.stem}

    assert pages == {alert.name for alert in ALERTS}


@each_alert
def test_a_runbook_has_its_parts(alert: Alert) -> None:
    text = runbooks.path_of(alert.name).read_text()

    assert text.startswith(f"# {alert.name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert len(runbooks.PART.findall(text)) == 1


@each_alert
def test_an_alert_compares(alert: Alert) -> None:
    """Without a comparison, a set operation or absent() an alert fires for ever."""
    tree = promql.parse(alert.expr)
    compares = any(
        isinstance(n, BinaryExpr) and str(n.op) in (*promql.COMPARISONS, "unless") for n in promql.walk(tree)
    )
    absent = any(
        isinstance(n, Call) and n.func.name in ("absent", "absent_over_time") for n in promql.walk(tree)
    )

    assert compares or absent or alert.name == "Watchdog"


@each(PAIRS)
def test_the_graver_of_a_pair_has_the_graver_threshold(name: str) -> None:
    entries = sorted((a for a in ALERTS if a.name == name), key=lambda a: RANK.index(a.severity))

    assert [e.labels["service"] for e in entries] == [entries[0].labels["service"]] * len(entries)
    for mild, grave in pairwise(entries):
        assert mild.threshold is not None
        assert grave.threshold is not None
        assert mild.threshold.comparison == grave.threshold.comparison
        more = grave.threshold.value - mild.threshold.value
        assert more == 0 or (more > 0) == (mild.threshold.comparison in (">", ">="))
        assert mild.expr != grave.expr


@each_alert
def test_hysteresis_looks_at_itself_and_below_its_threshold(alert: Alert) -> None:
    tree = promql.parse(alert.expr)
    own = [s for s in promql.selectors(tree) if s.name == "ALERTS" and _matches(s, alertname=alert.name)]
    if not own:
        return
    first, second = list(promql.thresholds(tree))[:2]

    assert all(_matches(s, alertstate="firing", severity=alert.severity) for s in own)
    assert first.comparison == second.comparison
    assert second.value < first.value if first.comparison in (">", ">=") else second.value > first.value


@each(rules.load())
def test_a_rule_keeps_to_what_both_2_and_3_know(rule: rules.Rule) -> None:
    tree = promql.parse(rule.expr)
    calls = {node.func.name for node in promql.walk(tree) if isinstance(node, Call)}

    assert not calls & FOREIGN
    assert not re.search(r"\d_\d|>\s*\d+[smhd]\b", rule.expr)


@each(rules.load())
def test_a_range_has_four_scrapes(rule: rules.Rule) -> None:
    ranges = [
        n.range.total_seconds() for n in promql.walk(promql.parse(rule.expr)) if isinstance(n, MatrixSelector)
    ]

    assert all(seconds >= 4 * SCRAPE_SECONDS for seconds in ranges)


@each_alert
def test_an_alert_does_not_rank(alert: Alert) -> None:
    """topk() in an alert changes the labels from one evaluation to the next, and `for` begins anew."""
    assert not re.search(r"\b(topk|bottomk|limitk)\b", alert.expr)


@each_alert
def test_a_counter_stands_in_a_function_that_follows_it(alert: Alert) -> None:
    tree = promql.parse(alert.expr)
    followed = {
        id(s) for n in promql.walk(tree) if isinstance(n, MatrixSelector) for s in (n.vector_selector,)
    }
    names = {s.name for s in promql.selectors(tree)}
    in_ranges = {n.vector_selector.name for n in promql.walk(tree) if isinstance(n, MatrixSelector)}

    assert followed is not None
    assert {n for n in names if n and n.endswith("_total")} <= in_ranges


def test_what_looks_back_a_day_asks_whether_there_was_a_day() -> None:
    """A series that is younger than its baseline has no baseline."""
    for alert in ALERTS:
        if alert.labels["category"] == "anomaly":
            assert "count_over_time" in _with_recorded(alert.expr), alert.name


def _with_recorded(expression: str) -> str:
    """The expression and those of the recorded series that it names, all the way down."""
    by_name: dict[str, list[rules.Recording]] = {}
    for rule in rules.recordings():
        by_name.setdefault(rule.name, []).append(rule)
    seen, left = [expression], [expression]
    while left:
        for selector in promql.selectors(promql.parse(left.pop())):
            for rule in by_name.pop(selector.name or "", []):
                seen.append(rule.expr)
                left.append(rule.expr)
    return "\n".join(seen)


def _matches(selector: Any, **labels: str) -> bool:
    there = {m.name: m.value for m in selector.matchers.matchers if str(m.op) == "MatchOp.Equal"}
    return all(there.get(name) == value for name, value in labels.items())


def test_dashboards_of_alerts_are_shipped() -> None:
    uids = {f"datastack-{path.stem}" for path in (rules.ROOT / "grafana" / "dashboards").glob("*.json")}
    named = {re.match(r"/d/([\w-]+)", a.annotations["dashboard_url"])[1] for a in ALERTS}  # type: ignore[index]

    assert named <= uids


def test_inventory_is_not_empty() -> None:
    assert {"pg_up", "redis_up", "http_requests_total", "prometheus_build_info"} <= set(inventory.series())
