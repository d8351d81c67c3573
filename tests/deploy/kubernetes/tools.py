"""The programs that read what is mounted, and the two configurations of Prometheus."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mixin.rules import ROOT
from tests.deploy.kubernetes.rendered import render
from tests.servers.catalogue import debian_program
from tests.servers.missing import require


def tool(name: str) -> Path:
    """prometheus, promtool, alertmanager or amtool, of Debian's packages."""
    package = "prometheus" if name in ("prometheus", "promtool") else "prometheus-alertmanager"
    program = require(debian_program, package)
    return program if name in ("prometheus", "alertmanager") else program.parent / name


def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs one of them, bounded in time."""
    return subprocess.run([tool(name), *arguments], capture_output=True, text=True, timeout=30, check=False)


@cache
def scraped() -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration of Prometheus that is shipped, and that of the cluster."""
    (found,) = (
        found["data"]["prometheus.yml"]
        for found in render("monitoring")
        if (found["kind"], found["metadata"]["name"]) == ("ConfigMap", "prometheus")
    )
    return yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text()), yaml.safe_load(found)
