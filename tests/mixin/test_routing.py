"""Where Alertmanager sends each shipped alert, by its own tool, and what holds for every route."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mixin import rules
from tests.servers import alerting, catalogue
from tests.servers.missing import Missing, require

FOLDER = alerting.SHIPPED.parent
TEMPLATES = FOLDER / "templates"

LOG = ["alert-log"]
PAGE = [*LOG, "pager", "slack-critical"]
EXPECTED = {
    "critical": PAGE,
    "warning": [*LOG, "slack-warning"],
    "info": [*LOG, "slack-info"],
    "none": ["null"],
}
"""Severity -> who is told, in the order of the routes."""

EXPECTED_OF_BUSINESS = {
    "critical": [*PAGE, "slack-business"],
    "warning": [*LOG, "slack-business"],
    "info": [*LOG, "slack-business"],
}
"""The same for the categories slo and business."""

HOUR = 3600
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": HOUR, "d": 24 * HOUR}
KEPT_HOURS = 120
"""How long Alertmanager remembers what it has sent, by default (--data.retention)."""


def receivers_of(alert: rules.Alert) -> list[str]:
    if alert.name == "Watchdog":
        return [*LOG, "deadman"]
    business = alert.labels["category"] in ("slo", "business")
    return (EXPECTED_OF_BUSINESS if business else EXPECTED)[alert.severity]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return alerting.shipped()


@pytest.fixture(scope="module")
def routes(config: dict[str, Any]) -> list[dict[str, Any]]:
    return list(alerting.routes_of(config["route"]))


@pytest.mark.live
def test_every_alert_goes_where_it_belongs(routes: list[dict[str, Any]]) -> None:
    """amtool answers once for all alerts that no matcher of a route can tell apart."""
    asked: dict[tuple[str, ...], list[str]] = {}
    wrong = {}
    for alert in rules.alerts():
        key = (alert.severity, alert.labels["category"], *named(alert, routes))
        if key not in asked:
            asked[key] = routed(alertname=alert.name, job="any", instance="any", **alert.labels)
        if asked[key] != receivers_of(alert):
            wrong[alert.name, alert.severity] = asked[key]

    assert wrong == {}
    assert {len(told) for told in asked.values()} >= {1, 2, 3}


@pytest.mark.live
@pytest.mark.parametrize("labels", [{}, {"severity": "crit"}, {"severity": "page", "category": "slo"}])
def test_an_alert_without_a_known_severity_is_caught(labels: dict[str, str]) -> None:
    assert routed(alertname="Some", **labels) == [*LOG, "catch-all"]


@pytest.mark.live
def test_amtool_takes_the_configuration(tmp_path: Path, config: dict[str, Any]) -> None:
    moved = alerting.with_secrets_in(config, tmp_path)
    moved["templates"] = [str(FOLDER / pattern) for pattern in moved["templates"]]
    (tmp_path / "alertmanager.yml").write_text(json.dumps(moved))

    said = amtool("check-config", str(tmp_path / "alertmanager.yml"), str(alerting.SHIPPED))

    assert said.count("SUCCESS") == 4, said  # of each file and of its templates


def test_nothing_is_repeated_within_an_hour(routes: list[dict[str, Any]]) -> None:
    """But the heartbeat, which is for a machine. A repeat is sent when its group is looked at."""
    interval = routes[0]["group_interval"]
    for route in routes:
        if "repeat_interval" not in route or route.get("receiver") == "deadman":
            continue
        repeat, step = seconds(route["repeat_interval"]), seconds(route.get("group_interval", interval))
        assert HOUR <= repeat < KEPT_HOURS * HOUR, route
        assert repeat % step == 0, route


def test_how_often_each_receiver_hears_the_same(config: dict[str, Any]) -> None:
    assert repeats(config["route"], "") == {
        ("catch-all", "12h"),
        ("null", "12h"),
        ("alert-log", "24h"),
        ("deadman", "1m"),
        ("pager", "1h"),
        ("slack-critical", "1h"),
        ("slack-business", "12h"),
        ("slack-business", "24h"),
        ("slack-warning", "12h"),
        ("slack-info", "24h"),
    }


def test_messages_are_grouped_by_what_is_wrong_and_never_by_instance(routes: list[dict[str, Any]]) -> None:
    assert routes[0]["group_by"] == ["alertname", "job", "service"]
    assert [r["group_by"] for r in routes[1:] if "group_by" in r] == [["alertname"]]  # the one Watchdog


def test_only_routes_of_warnings_and_infos_keep_times(routes: list[dict[str, Any]]) -> None:
    timed = {
        route["matchers"][0]: (route.get("mute_time_intervals"), route.get("active_time_intervals"))
        for route in routes
        if "mute_time_intervals" in route or "active_time_intervals" in route
    }

    assert timed == {
        'severity="warning"': (["weekly-maintenance"], None),
        'severity="info"': (None, ["business-hours"]),
    }


def test_a_warning_and_an_info_keep_the_same_times_wherever_they_go(routes: list[dict[str, Any]]) -> None:
    of = {'severity="warning"': "mute_time_intervals", 'severity="info"': "active_time_intervals"}
    for route in routes:
        for matcher in set(route.get("matchers", ())) & of.keys():
            assert of[matcher] in route, route


def test_the_windows_say_their_time_zone(config: dict[str, Any]) -> None:
    windows = {w["name"]: w["time_intervals"] for w in config["time_intervals"]}

    assert windows["weekly-maintenance"] == [
        {
            "weekdays": ["sunday"],
            "times": [{"start_time": "02:00", "end_time": "04:00"}],
            "location": "UTC",
        }
    ]
    assert all("location" in interval for intervals in windows.values() for interval in intervals)


def test_secrets_are_files_with_absolute_paths_that_the_readme_lists(config: dict[str, Any]) -> None:
    """A relative path is looked up where Alertmanager was started."""
    found = dict(leaves(config))
    files = {value for key, value in found.items() if key.endswith("_file")}
    inline = r"(api_url|routing_key|service_key|smtp_auth_password|password|credentials|bearer_token|api_key)"

    assert files
    assert all(re.fullmatch(r"/run/secrets/[a-z_]+", path) for path in files)
    assert [key for key in found if re.fullmatch(inline, key.rpartition(".")[2])] == []
    readme = (FOLDER / "README.md").read_text()
    assert {Path(path).name for path in files} == set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE))


def test_each_channel_of_slack_has_a_secret_of_its_own(config: dict[str, Any]) -> None:
    used = {
        (slack["channel"], slack["api_url_file"])
        for receiver in config["receivers"]
        for slack in receiver.get("slack_configs", ())
    }

    assert {(channel, f"/run/secrets/slack_{channel.rpartition('-')[2]}_url") for channel, _ in used} == used
    assert len(used) == 4


def test_every_receiver_is_used_and_every_resolved_alert_told(config: dict[str, Any]) -> None:
    named = {route["receiver"] for route in alerting.routes_of(config["route"]) if "receiver" in route}

    assert {receiver["name"] for receiver in config["receivers"]} == named
    untold = {
        receiver["name"]
        for receiver in config["receivers"]
        for key in receiver.keys() - {"name"}
        for entry in receiver[key]
        if not entry["send_resolved"]
    }
    assert untold == {"deadman"}


def test_templates_are_defined_once_and_all_used() -> None:
    """Alertmanager says nothing of an undefined template until it notifies."""
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.tmpl"))
    defined = re.findall(r'define "([\w.]+)"', text)
    used = re.findall(r'template "([\w.]+)"', text + alerting.SHIPPED.read_text())

    assert len(set(defined)) == len(defined)
    assert set(used) == set(defined)


def test_the_address_of_grafana_stands_once() -> None:
    files = [path for path in FOLDER.rglob("*") if path.suffix in (".yml", ".tmpl")]
    assert sum(path.read_text().count("grafana.example.com") for path in files) == 1


def named(alert: rules.Alert, routes: list[dict[str, Any]]) -> tuple[str, ...]:
    """The alert's name, if a route asks for it."""
    matchers = [matcher for route in routes for matcher in route.get("matchers", ())]
    return (alert.name,) if any(f'"{alert.name}"' in matcher for matcher in matchers) else ()


def repeats(route: dict[str, Any], receiver: str, interval: str = "") -> set[tuple[str, str]]:
    """Receiver and repeat_interval of a route and of those below it, which inherit both."""
    receiver, interval = route.get("receiver", receiver), route.get("repeat_interval", interval)
    below = [repeats(child, receiver, interval) for child in route.get("routes", ())]
    return {(receiver, interval)}.union(*below)


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    match value:
        case dict():
            return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}")]
        case list():
            return [leaf for i, inner in enumerate(value) for leaf in leaves(inner, f"{path}.{i}")]
        case _:
            return [(path, value)]


def seconds(duration: str) -> float:
    return sum(float(n) * SECONDS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhd])", duration))


def routed(**labels: str) -> list[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={alerting.SHIPPED}", *pairs).strip().split(",")


def amtool(*arguments: str) -> str:
    """What amtool says; an AssertionError if it fails."""
    done = subprocess.run([require(program), *arguments], capture_output=True, check=False, timeout=20)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def program() -> str:
    found = shutil.which("amtool", path=catalogue.search_path())
    if found is None:
        raise Missing(f"amtool is not on this machine: run `{catalogue.apt(['prometheus-alertmanager'])}`")
    return found


def rendered(name: str, data: Mapping[str, Any], folder: Path, kind: str = "text") -> str:
    """A shipped template with this data, as Alertmanager would give it to it."""
    (folder / "data.json").write_text(json.dumps(data))
    return amtool(
        "template",
        "render",
        f"--template.glob={TEMPLATES / '*.tmpl'}",
        f"--template.type={kind}",
        f"--template.data={folder / 'data.json'}",
        f'--template.text={{{{ template "{name}" . }}}}',
    )
