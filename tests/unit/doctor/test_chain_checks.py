"""What `verify` says of answers that a healthy chain of one's own does not give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from exporter.doctor.chain import alertmanager, configuration, grafana, routing, rules, scraping
from exporter.doctor.chain.counters import Counters
from exporter.doctor.finding import Notes, Severity
from tests.unit.doctor.canned import Canned, answering, api_of, running

FAMILIES = {"stat_database": "postgres", "info": "redis", "loadavg": "host", "pools": "pool"}


@pytest.fixture
def server() -> Iterator[Canned]:
    with running() as canned:
        yield canned


def said(notes: Notes, severity: Severity) -> list[str]:
    return [finding.what for finding in notes.findings if finding.severity is severity]


def target(url: str, **more: Any) -> dict[str, Any]:
    labels = {"job": "postgres", "instance": "db:9188"}
    health = {"health": "up", "lastError": "", "lastScrapeDuration": 0.1, "scrapeTimeout": "10s"}
    return {"labels": labels, "scrapeUrl": url, **health, **more}


def test_families_that_no_target_asks_for() -> None:
    base = "http://db:9188/metrics"
    asked = [target(f"{base}?collect%5B%5D=postgres"), target(f"{base}?collect%5B%5D=loadavg")]

    assert scraping.unasked(asked, FAMILIES) == {"db:9188": ["redis", "pool"]}
    assert scraping.unasked([*asked, target(base)], FAMILIES) == {}
    assert scraping.unasked([target("http://db:9188/probe?target=a&collect%5B%5D=redis")], FAMILIES) == {}


def test_slow_scrapes_and_failing_collectors_are_advice(server: Canned) -> None:
    slow = target("http://u:s3cret@db:9188/metrics?collect[]=postgres", lastScrapeDuration=8.5)
    new = target("http://db:9188/metrics?collect[]=redis", health="unknown")
    other = target("http://other:9100/metrics", labels={"job": "x", "instance": "y"}, health="down")
    metric = {"job": "postgres", "instance": "db:9188", "version": "1.2.3", "collector": "stat_io"}
    documents = {
        "/api/v1/query": {"data": {"result": [{"metric": metric}]}},
        "/api/v1/targets": {"data": {"activeTargets": [slow, new, other]}},
    }
    notes = Notes("Prometheus")

    scraping.examine(answering(server, documents), notes, FAMILIES)

    assert said(notes, Severity.ERROR) == []
    assert said(notes, Severity.ADVICE) == [
        "job postgres, instance db:9188: the newest scrape took 8.5 of 10 seconds",
        "job postgres, instance db:9188: not scraped yet",
        "nobody scrapes of db:9188: host, pool",
        "instance db:9188: collectors fail: stat_io",
    ]
    assert "s3cret" not in str(notes.findings)


def rule(name: str, kind: str = "alerting", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "query": "1", "health": "ok", "state": "inactive", **more}


@pytest.mark.parametrize(
    ("watchdog", "words"),
    [
        ([], "there is no alert Watchdog"),
        ([rule("Watchdog")], "Watchdog does not fire, though it always should"),
        ([rule("Watchdog", health="unknown")], "Watchdog has not been evaluated yet"),
    ],
)
def test_a_watchdog_that_does_not_fire(server: Canned, watchdog: list[Any], words: str) -> None:
    group = {"name": "g", "file": "f", "interval": 15, "evaluationTime": 20.0}
    groups = [{**group, "rules": [rule("Other"), *watchdog]}]
    notes = Notes("Prometheus")

    loaded = rules.examine(answering(server, {"/api/v1/rules": {"data": {"groups": groups}}}), notes)

    assert loaded[0].name == "Other"
    (wrong,) = said(notes, Severity.ERROR)
    assert wrong.startswith(words)
    assert said(notes, Severity.ADVICE) == ["group g takes 20.0 of 15 seconds"]


CONFIG = """
route:
  receiver: rest
  routes:
    - {receiver: page, matchers: [severity="critical", service="postgres"]}
    - {receiver: nobody, matchers: [service="redis"]}
    - {receiver: page, matchers: [service="pool", team="b"]}
    - {receiver: nobody, matchers: [service="pool"]}
receivers:
  - {name: rest, webhook_configs: [{}]}
  - {name: page, slack_configs: [{api_url_file: /run/u}]}
  - {name: nobody}
"""


def test_alerts_that_nobody_is_told_of() -> None:
    told = [
        {"alertname": "A", "severity": "critical", "service": "postgres"},
        {"alertname": "B", "severity": "critical", "service": "redis"},
        {"alertname": "C", "severity": "warning", "service": "redis"},
        {"alertname": "D", "severity": "critical", "service": "pool"},  # of team b, perhaps
        {"alertname": "E", "severity": "warning", "service": "host"},
        {"alertname": "F", "severity": "none", "service": "redis"},
    ]
    notes = Notes("Alertmanager")

    routing.examine(notes, configuration.read(CONFIG), told)

    assert said(notes, Severity.ERROR) == ["nobody is told of 1 critical alert: B"]
    assert said(notes, Severity.ADVICE) == [
        "nobody is told of 1 alert: C",
        "no route is for 1 alert, left to rest: E",
    ]
    assert said(notes, Severity.OK) == ["page is told of 1 alert", "rest is told of 1 alert"]


def test_one_receiver_for_everything_is_meant_so() -> None:
    config = "{route: {receiver: all}, receivers: [{name: all, email_configs: [{}]}]}"
    notes = Notes("Alertmanager")

    routing.examine(notes, configuration.read(config), [{"alertname": "A", "severity": "warning"}])

    assert said(notes, Severity.OK) == ["all is told of 1 alert"]
    assert len(notes.findings) == 1


def silence(name: str, state: str, **matcher: Any) -> dict[str, Any]:
    one = {"name": "severity", "value": ".+", "isRegex": True, "isEqual": True, **matcher}
    return {"id": name, "status": {"state": state}, "matchers": [one]}


def test_silences_that_keep_everything_quiet(server: Canned) -> None:
    silences = [
        silence("all", "active"),
        silence("not-info", "active", value="info", isRegex=False, isEqual=False),
        silence("over", "expired"),
        silence("some", "active", value="warning"),
    ]
    notes = Notes("Alertmanager")
    active = alertmanager.silences(answering(server, {"/api/v2/silences": silences}))

    alertmanager.overall(notes, active, [{"severity": "warning"}, {"severity": "info"}])
    alertmanager.overall(notes, active, [])

    assert said(notes, Severity.ADVICE) == ["silence all keeps all alerts quiet"]
    assert notes.findings[0].remedy == "amtool silence expire all"
    assert alertmanager.silenced_by(active, {"severity": "warning"}) == ["all", "not-info", "some"]


@pytest.mark.parametrize(
    ("silenced", "what", "remedy"),
    [
        (["s1"], "Watchdog has come, but is silenced", "amtool silence expire s1"),
        ([], "Watchdog has come, but is inhibited", "# inhibit_rules: leave it out"),
    ],
)
def test_a_watchdog_that_is_kept_quiet(server: Canned, silenced: list[str], what: str, remedy: str) -> None:
    status = {"state": "suppressed", "silencedBy": silenced, "inhibitedBy": []}
    notes = Notes("Alertmanager")

    alertmanager.watchdog(answering(server, {"/api/v2/alerts": [{"status": status}]}), notes)

    assert [(f.severity, f.what, f.remedy) for f in notes.findings] == [(Severity.ERROR, what, remedy)]


PAGE = b"""
alertmanager_config_last_reload_successful 0
alertmanager_notifications_total{integration="slack"} 3
alertmanager_notifications_total{integration="email"} 4
alertmanager_notifications_failed_total{integration="slack",reason="clientError"} 1
alertmanager_notifications_failed_total{integration="slack",reason="other"} 2
alertmanager_notifications_failed_total{integration="email"} 1
"""


def test_all_that_failed_is_wrong_and_some_is_advice(server: Canned) -> None:
    server.replies = {"/metrics": (200, {}, PAGE)}
    notes = Notes("Alertmanager")

    alertmanager.counts(api_of(server), notes, configuration.read(CONFIG))

    refused, slack = said(notes, Severity.ERROR)
    assert refused.startswith("has refused its newest configuration")
    assert slack == "3 of 3 notifications by slack have failed since it was started"
    assert said(notes, Severity.ADVICE) == ["1 of 4 notifications by email have failed since it was started"]
    assert notes.findings[1].remedy.endswith("# page: /run/u")
    assert Counters.of("").total("up") is None


def test_panels_are_compared_by_what_they_show() -> None:
    panel = {"title": "T", "targets": [{"expr": "up"}]}
    row = {"title": "R", "type": "row", "panels": [panel]}

    assert grafana.drawn({"version": 1, "panels": [row]}) == {("T", "up"), ("R", "")}
    assert grafana.drawn({"panels": [row]}) == grafana.drawn({"version": 9, "panels": [{**row, "id": 4}]})
    assert grafana.drawn({"panels": [panel]}) != grafana.drawn({"panels": [{**panel, "targets": []}]})
