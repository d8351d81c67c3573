"""The routes of Alertmanager as `verify` walks them, beside Alertmanager's own tool."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.doctor.chain import configuration
from exporter.doctor.chain import routes as routing
from mixin import rules
from tests.servers import Missing, catalogue, require
from tests.servers.alerting import SHIPPED

pytestmark = pytest.mark.live

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["x", "y", "xy"])
PATTERNS = st.sampled_from(["x", "x|y", "x.*", ".+", "", "[xy]+"])
RECEIVERS = [f"r{number}" for number in range(6)]
MATCHERS = st.builds(
    "{}{}{}".format,
    NAMES,
    st.sampled_from(["=", "!=", "=~", "!~"]),
    PATTERNS.map(json.dumps),
)

ODD = r"""
route:
  receiver: root
  routes:
    - match: {team: a}
      match_re: {severity: "crit.*|page"}
      receiver: old
      continue: true
      routes:
        - matchers: ['zone=~"eu-.+"', instance!=""]
          receiver: deep
          continue: true
        - matchers: ['{team="a", zone!~"us-[0-9]"}']
          receiver: second
    - matchers: [team=~"a|b", 'name="say \"hi\", \\ you"']
      receiver: quoted
    - matchers: [team=~""]
      receiver: teamless
      continue: true
    - matchers: [team!="c"]
receivers: [{name: root}, {name: old}, {name: deep}, {name: second}, {name: quoted}, {name: teamless}]
"""
ODD_LABELS: list[dict[str, str]] = [
    {"team": team, "severity": severity, **more}
    for team in ("a", "b", "c", "")
    for severity in ("critical", "page2")
    for more in (
        {"zone": "eu-1", "instance": "x"},
        {"zone": "us-1"},
        {"zone": "us-12", "name": 'say "hi", \\ you'},
    )
]


def routes(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    below = st.lists(routes(depth - 1), max_size=3) if depth else st.just([])
    return st.fixed_dictionaries(
        {
            "receiver": st.sampled_from(RECEIVERS),
            "matchers": st.lists(MATCHERS, max_size=2),
            "continue": st.booleans(),
            "routes": below,
        }
    )


def test_shipped_alerts_are_routed_as_alertmanager_routes_them() -> None:
    """All that a matcher can tell apart."""
    config = configuration.read(SHIPPED.read_text())
    different = {
        (alert.severity, alert.labels["category"], alert.name == "Watchdog"): alert
        for alert in rules.alerts()
    }
    for alert in different.values():
        labels = {**alert.labels, "alertname": alert.name}
        assert walked(config.route, labels) == routed(SHIPPED, labels), labels


def test_an_odd_tree_is_walked_as_alertmanager_walks_it(tmp_path: Path) -> None:
    file = tmp_path / "odd.yml"
    file.write_text(ODD)
    config = configuration.read(ODD)
    told = set()
    for labels in ODD_LABELS:
        told.update(taken := walked(config.route, labels))
        assert taken == routed(file, labels), labels
    assert told == set(config.receivers)


@given(route=routes(), labels=st.dictionaries(NAMES, VALUES, min_size=1))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_is_walked_as_alertmanager_walks_it(
    tmp_path: Path, route: dict[str, Any], labels: dict[str, str]
) -> None:
    """The fixture is shared by all examples: the file is written anew for each."""
    file = tmp_path / "any.yml"
    tree = {**route, "receiver": "r0", "matchers": [], "continue": False}
    file.write_text(json.dumps({"route": tree, "receivers": [{"name": name} for name in RECEIVERS]}))

    assert walked(routing.read(tree), labels) == routed(file, labels)


def walked(route: routing.Route, labels: Mapping[str, str]) -> list[str]:
    return [taken.receiver for taken in route.taken_by(labels)]


def routed(file: Path, labels: Mapping[str, str]) -> list[str]:
    pairs = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    line = [require(amtool), "config", "routes", "test", f"--config.file={file}", *pairs]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip().split(",")


def amtool() -> str:
    found = shutil.which("amtool", path=catalogue.search_path())
    if found is None:
        raise Missing(f"amtool is not on this machine: run `{catalogue.apt(['prometheus-alertmanager'])}`")
    return found
