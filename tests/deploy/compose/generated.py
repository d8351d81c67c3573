"""Three files of the Compose stack, from those that are shipped: python -m tests.deploy.compose.generated

Prometheus's configuration and Grafana's data sources with the names of services as addresses, and
Alertmanager's with one receiver behind all of its names: the log of alerts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "compose"
COMMAND = "python -m tests.deploy.compose.generated"

ADDRESSES: Mapping[str, str] = {"localhost:9188": "exporter:9188", "localhost:9093": "alertmanager:9093"}
OTHERS: Mapping[str, str] = {**ADDRESSES, "localhost:9090": "prometheus:9090"}
"""Prometheus itself scrapes itself at localhost; everybody else has to name it."""

LOG = "http://alert-log:9880"


def texts() -> Mapping[Path, str]:
    """What each generated file has to say."""
    return {
        FOLDER / "prometheus.yml": _readdressed("prometheus/prometheus.yml", ADDRESSES),
        FOLDER / "grafana" / "datasources.yaml": _readdressed(
            "grafana/provisioning/datasources/datastack.yaml", OTHERS
        ),
        FOLDER / "alertmanager.yml": _alertmanager(),
    }


def _head(source: str, what: str) -> str:
    return f"# {source} with {what}.\n# Generated: {COMMAND}\n\n"


def _readdressed(source: str, addresses: Mapping[str, str]) -> str:
    text = (ROOT / source).read_text()
    for old, new in addresses.items():
        text = text.replace(old, new)
    return _head(source, "the addresses of the Compose stack") + text


def _alertmanager() -> str:
    source = "alertmanager/alertmanager.yml"
    text = (ROOT / source).read_text()
    receivers = [entry["name"] for entry in yaml.safe_load(text)["receivers"]]
    start, end = text.index("\nglobal:") + 1, text.index("\nreceivers:") + 1
    routing = re.sub(r"(?m)^  smtp_.*\n", "", text[start:end])
    return _head(source, "the log of alerts behind each receiver") + routing + _receivers(receivers)


def _receivers(names: list[str]) -> str:
    blocks = [
        f'  - name: "{name}"\n'
        if name == "null"
        else f"  - name: {name}\n    webhook_configs: [{{url: {LOG}/{name}, send_resolved: true}}]\n"
        for name in names
    ]
    return "receivers:\n" + "".join(blocks)


def main() -> None:
    """Writes them."""
    for path, text in texts().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
