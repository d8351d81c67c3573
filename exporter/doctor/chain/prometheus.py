"""Prometheus itself: whether it is there, has taken its configuration, and has somebody to send alerts to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.doctor.chain.client import Api, ApiError
from exporter.doctor.chain.counters import Counters
from exporter.doctor.comparison.fetch import Address
from exporter.doctor.finding import Notes

OLDEST = (2, 42)
RELOADED = "prometheus_config_last_reload_successful"


def answers(api: Api, notes: Notes) -> bool:
    """Whether it is there and ready; notes its version and whether it has taken its newest configuration."""
    try:
        api.text("/-/ready")
        version = data(api, "status/buildinfo")["version"]
    except ApiError as error:
        hint = "# " + ("it is still starting" if error.status == 503 else "another address: --prometheus URL")
        notes.error(str(error), "systemctl status prometheus", hint)
        return False
    notes.ok(f"ready, version {version}")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        notes.advice("the rules are written for 2.42 and newer", "# update Prometheus")
    if Counters.of(api.text("/metrics")).total(RELOADED) == 0:
        notes.error(
            "has refused its newest configuration and goes on with an older one",
            "promtool check config /etc/prometheus/prometheus.yml",
            "systemctl reload prometheus",
        )
    return True


def alertmanagers(api: Api, notes: Notes, alertmanager: str) -> None:
    """Notes whom alerts are sent to.

    Args:
        api: Prometheus.
        notes: about it.
        alertmanager: the address without secrets of the one that ought to be among them.
    """
    active = [entry["url"] for entry in data(api, "alertmanagers")["activeAlertmanagers"]]
    if active:
        notes.ok(f"sends alerts to {', '.join(Address(url).shown for url in active)}")
        return
    notes.error(
        "sends alerts to nobody",
        "# prometheus.yml",
        "alerting:",
        "  alertmanagers:",
        "    - static_configs:",
        f'        - targets: ["{urlsplit(alertmanager).netloc}"]',
    )


def external_labels(api: Api) -> dict[str, str]:
    """The labels that all alerts get on their way out.

    Raises:
        ApiError: Prometheus does not tell.
    """
    config = yaml.safe_load(data(api, "status/config")["yaml"]) or {}
    labels = config.get("global", {}).get("external_labels") or {}
    return {name: str(value) for name, value in labels.items()}


def data(api: Api, path: str, **params: str) -> Any:
    """`data` of an answer of `/api/v1/`.

    Raises:
        ApiError: there is no such answer.
    """
    return api.json(f"/api/v1/{path}", **params)["data"]


def query(api: Api, expression: str) -> list[dict[str, str]]:
    """The labels of each series that an expression gives now.

    Raises:
        ApiError: there is no answer.
    """
    return [series["metric"] for series in data(api, "query", query=expression)["result"]]
