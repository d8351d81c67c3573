"""The texts of notifications, from the shipped templates by Alertmanager's own tool."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.mixin.test_routing import TEMPLATES, amtool, rendered

pytestmark = pytest.mark.live

BEGAN = datetime(2026, 3, 1, 2, 13, tzinfo=UTC)
FULL = {
    "description": "Requests fail. `check` says why.",
    "runbook_url": "https://example.org/Down.md",
    "dashboard_url": "/d/datastack-postgres?var-instance=db1:9188",
}


def data(*alerts: dict[str, Any], **common: str) -> dict[str, Any]:
    labels = {"alertname": "Down", "severity": "critical", **common}
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "status": "firing" if firing else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "Down"},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://am:9093",
    }


def firing(summary: str, **annotations: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Down", "instance": "db1:9188"},
        "annotations": {"summary": summary, **annotations},
        "startsAt": BEGAN.isoformat(),
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


def resolved(summary: str) -> dict[str, Any]:
    ended = BEGAN + timedelta(minutes=12, seconds=3)
    return {**firing(summary), "status": "resolved", "endsAt": ended.isoformat()}


MANY = data(*(firing(f"db{i} is away") for i in range(13)))


def test_one_alert_in_slack(tmp_path: Path) -> None:
    assert rendered("datastack.slack.text", data(firing("db1 is away", **FULL)), tmp_path) == (
        "• db1 is away, since 1 Mar 02:13 UTC\n"
        "Requests fail. `check` says why.\n"
        "<https://example.org/Down.md|Runbook>  "
        "<https://grafana.example.com/d/datastack-postgres?var-instance=db1:9188|Dashboard>  "
        "<http://am:9093/#/silences/new?filter="
        "%7Bseverity%3D%22critical%22%2C%20alertname%3D%22Down%22%7D|Silence>  "
        "<http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1|Prometheus>"
    )


def test_firing_and_resolved_alerts_stand_apart(tmp_path: Path) -> None:
    """What is explained is what still fires, whichever comes first."""
    both = data(resolved("db2 is away"), firing("db1 is away", **FULL))
    lines = ["• db1 is away, since 1 Mar 02:13 UTC", "*Resolved*", "• db2 is away, over after 12m3s"]

    text = rendered("datastack.slack.text", both, tmp_path)

    assert text.splitlines()[:4] == [*lines, FULL["description"]]
    assert "|Runbook>" in text
    assert rendered("datastack.title", both, tmp_path) == "CRITICAL Down (1 firing, 1 resolved)"
    assert rendered("datastack.link", both, tmp_path).startswith("https://grafana")


def test_what_is_resolved_is_not_explained(tmp_path: Path) -> None:
    over = data(resolved("db2 is away"))
    over["alerts"][0]["annotations"] |= FULL

    for template in ("datastack.slack.text", "datastack.email.text"):
        text = rendered(template, over, tmp_path)
        assert text.startswith("• db2 is away, over after 12m3s\n")
        assert FULL["description"] not in text
    assert rendered("datastack.title", over, tmp_path) == "RESOLVED critical Down (1 resolved)"


@pytest.mark.parametrize("template", ["datastack.slack.text", "datastack.email.text", "datastack.email.html"])
def test_a_long_list_is_cut(tmp_path: Path, template: str) -> None:
    kind = "html" if template.endswith("html") else "text"
    text = rendered(template, MANY, tmp_path, kind)

    assert [f"db{i} is away" in text for i in range(13)] == [True] * 10 + [False] * 3
    assert "and 3 more" in text


def test_ten_are_all_listed(tmp_path: Path) -> None:
    ten = data(*(firing(f"db{i} is away") for i in range(10)))
    text = rendered("datastack.slack.text", ten, tmp_path)

    assert "db9 is away" in text
    assert "more" not in text


def test_signs_of_slacks_and_of_htmls_markup_are_written_so_that_they_show(tmp_path: Path) -> None:
    odd = data(firing('a <b> & "c"'), job='x "y" +z')

    assert '• a &lt;b&gt; &amp; "c",' in rendered("datastack.slack.text", odd, tmp_path)
    html = rendered("datastack.email.html", odd, tmp_path, "html")
    assert "<li>a &lt;b&gt; &amp; &#34;c&#34;," in html
    for text in (rendered("datastack.silence", odd, tmp_path), html):
        assert "job%3d%22x%20%5c%22y%5c%22%20%2bz%22%2c%20" in text.lower()


@pytest.mark.parametrize(
    ("status", "severity", "color"),
    [
        ("firing", "critical", "danger"),
        ("firing", "warning", "warning"),
        ("firing", "info", "#439fe0"),
        ("firing", "crit", "warning"),
        ("resolved", "critical", "good"),
    ],
)
def test_the_color_says_how_bad_it_is(tmp_path: Path, status: str, severity: str, color: str) -> None:
    one = firing("x") if status == "firing" else resolved("x")
    assert rendered("datastack.slack.color", data(one, severity=severity), tmp_path) == color


def test_an_alert_that_says_nothing_still_says_where(tmp_path: Path) -> None:
    """Somebody else's rule, without our annotations: no empty link, and a tap leads to Prometheus."""
    bare = data({**firing(""), "annotations": {}})
    del bare["commonLabels"]["severity"]

    assert rendered("datastack.subject", bare, tmp_path) == "ALERT Down (1 firing): Down db1:9188"
    text = rendered("datastack.slack.text", bare, tmp_path)
    assert text.startswith("• Down db1:9188, since 1 Mar 02:13 UTC\n<http://am:9093/#/silences")
    assert rendered("datastack.link", bare, tmp_path).startswith("http://prometheus:9090/")
    assert rendered("datastack.slack.color", bare, tmp_path) == "warning"


@pytest.mark.parametrize("template", ["datastack.slack.text", "datastack.email.text", "datastack.email.html"])
def test_a_link_that_leads_nowhere_is_left_out(tmp_path: Path, template: str) -> None:
    """`amtool alert add`, as the README has it, gives no address of Prometheus either."""
    bare = data({**firing("A test"), "generatorURL": ""})
    text = rendered(template, bare, tmp_path, "html" if template.endswith("html") else "text")

    assert "A test, since" in text
    assert "Silence" in text
    assert not any(word in text for word in ("Runbook", "Dashboard", "Prometheus"))


def test_the_command_of_the_readme_renders_amtools_own_example() -> None:
    text = amtool(
        "template",
        "render",
        f"--template.glob={TEMPLATES / '*.tmpl'}",
        '--template.text={{ template "datastack.slack.text" . }}',
    )
    assert "|Silence>" in text


def test_a_tap_leads_to_the_dashboard(tmp_path: Path) -> None:
    link = rendered("datastack.link", data(firing("x", **FULL)), tmp_path)
    assert link == "https://grafana.example.com/d/datastack-postgres?var-instance=db1:9188"
