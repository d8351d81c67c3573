"""The shipped configuration of Alertmanager against the fakes of `receivers.py`, and alerts to send to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from mixin import rules
from tests.servers import folders, page
from tests.servers.catalogue import ROOT
from tests.servers.prometheus import Alertmanager
from tests.servers.receivers import Receivers

SHIPPED = ROOT / "alertmanager" / "alertmanager.yml"
SECRETS = "/run/secrets/"

Interval = Mapping[str, Any]
"""An entry of `time_intervals`, as `every_day()` gives one."""


def shipped() -> dict[str, Any]:
    """The shipped configuration as it stands."""
    config: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    return config


def shipped_config(
    receivers: Receivers,
    *,
    wait: str = "200ms",
    interval: str = "1s",
    windows: Mapping[str, Interval] | None = None,
    secrets: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """The shipped configuration for `Alertmanager(...)`: only addresses, secret paths and times are others.

    Routes, matchers, inhibition, templates and repeats of an hour and more are as shipped.

    Args:
        receivers: who is notified.
        wait: instead of each `group_wait`.
        interval: instead of each `group_interval`, and of repeats within the hour (the dead man's switch).
        windows: time interval -> when it is, instead of as shipped: `{"weekly-maintenance": every_day()}`. A
            test that needs warnings or infos names both, or it depends on the hour of its run.
        secrets: contents of secret files that differ from the right ones: `{"smtp_password": "wrong"}`; None
            for a file that is not there.
    """
    folder = folders.new("secrets")
    for name, content in {**receivers.secrets(), **(secrets or {})}.items():
        if content is not None:
            (folder / name).write_text(content)
    config: dict[str, Any] = with_secrets_in(shipped(), folder)
    config["templates"] = [str(SHIPPED.parent / pattern) for pattern in config["templates"]]
    _readdress(config, receivers)
    for route in routes_of(config["route"]):
        _hurry(route, wait, interval)
    for entry in config["time_intervals"]:
        if windows and entry["name"] in windows:
            entry["time_intervals"] = [dict(windows[entry["name"]])]
    return config


def with_secrets_in(config: Any, folder: Path) -> Any:
    """A configuration whose secret files lie in a folder instead of /run/secrets."""
    match config:
        case dict():
            return {key: with_secrets_in(value, folder) for key, value in config.items()}
        case list():
            return [with_secrets_in(value, folder) for value in config]
        case str() if config.startswith(SECRETS):
            return str(folder / config.removeprefix(SECRETS))
        case _:
            return config


def routes_of(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A route and all below it, in reading order."""
    yield route
    for child in route.get("routes", ()):
        yield from routes_of(child)


def every_day() -> Interval:
    """A time interval that is always now."""
    return {"weekdays": ["sunday:saturday"], "location": "UTC"}


def another_day() -> Interval:
    """A time interval that is not now, nor in the days beside."""
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%A").lower()
    return {"weekdays": [day], "location": "UTC"}


def alert(name: str, severity: str, **labels: str) -> dict[str, Any]:
    """An alert as Prometheus sends it: `alert("PostgresDown", "critical", service="postgres")`."""
    return {
        "labels": {**labels, "alertname": name, "severity": severity},
        "annotations": {"summary": f"{name} of {labels.get('instance', 'all')}"},
        "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


def shipped_alert(name: str, severity: str = "", **labels: str) -> dict[str, Any]:
    """A shipped alert as Prometheus sends it: with the labels of its rule, and these of its series.

    Raises:
        LookupError: there is no such alert, or it needs a severity to be told from another.
    """
    return alert(name, **{**labels, **rules.alert(name, severity).labels})


def send(alertmanager: Alertmanager, *alerts: Mapping[str, Any], resolved: bool = False) -> None:
    """Sends alerts that fire since now, or that end now. Alertmanager counts `group_wait` from the start."""
    now = datetime.now(UTC)
    start = now - timedelta(milliseconds=1) if resolved else now
    end = now if resolved else now + timedelta(minutes=5)
    times = {"startsAt": start.isoformat(), "endsAt": end.isoformat()}
    body = json.dumps([{**one, **times} for one in alerts]).encode()
    headers = {"Content-Type": "application/json"}
    answer = page.request(alertmanager.port, "/api/v2/alerts", method="POST", headers=headers, body=body)
    assert answer.status == 200, answer.text


def reload(alertmanager: Alertmanager, config: Mapping[str, Any]) -> None:
    """Gives a running Alertmanager another configuration, and returns when it has it."""
    alertmanager.config.write_text(json.dumps(config))
    answer = page.request(alertmanager.port, "/-/reload", method="POST")
    assert answer.status == 200, answer.text


def _readdress(config: dict[str, Any], receivers: Receivers) -> None:
    config["global"] |= {
        "smtp_smarthost": receivers.smarthost,
        "smtp_require_tls": False,
        "pagerduty_url": f"{receivers.url}/pagerduty",
    }
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = f"{receivers.url}/{receiver['name']}"


def _hurry(route: dict[str, Any], wait: str, interval: str) -> None:
    if "group_wait" in route:
        route["group_wait"] = wait
    if "group_interval" in route:
        route["group_interval"] = interval
    if route.get("repeat_interval", "h").endswith(("s", "m")):
        route["repeat_interval"] = interval
