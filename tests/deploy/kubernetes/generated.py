"""What kustomize can't take from elsewhere as it is: python -m tests.deploy.kubernetes.generated

The rules as objects of the Prometheus operator, and Grafana's data sources with Services as addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import indent

from mixin.rules import ROOT, RULES

FOLDER = ROOT / "deploy" / "kubernetes"
COMMAND = "python -m tests.deploy.kubernetes.generated"

OBJECT = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: datastack-{name}
  labels:
    app.kubernetes.io/name: datastack-exporter
spec:
"""
SERVICES: Mapping[str, str] = {"localhost:9090": "prometheus:9090", "localhost:9093": "alertmanager:9093"}


def texts() -> Mapping[Path, str]:
    """What each generated file has to say."""
    rules = FOLDER / "components" / "prometheus-rules" / "prometheusrules.yaml"
    sources = FOLDER / "monitoring" / "grafana" / "datasources.yaml"
    return {rules: f"# Generated: {COMMAND}\n" + "".join(_rules()), sources: _sources()}


def _rules() -> Iterator[str]:
    """An object for each file, so that one that is refused takes no other with it."""
    for path in sorted(RULES.glob("*.yml")):
        head = OBJECT.format(name=path.stem.replace("_", "-"))
        yield f"---\n# prometheus/rules/{path.name}\n{head}{indent(path.read_text(), '  ')}"


def _sources() -> str:
    source = "grafana/provisioning/datasources/datastack.yaml"
    text = (ROOT / source).read_text()
    for old, new in SERVICES.items():
        text = text.replace(old, new)
    return f"# {source} with the addresses of the cluster.\n# Generated: {COMMAND}\n\n{text}"


def main() -> None:
    """Writes them."""
    for path, text in texts().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
