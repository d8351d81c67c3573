"""What every dashboard keeps to: checks of its JSON, those of Grafana's dashboard-linter and ours.

A check yields what it finds as (panel, what is wrong); the panel is "" for the dashboard as a whole.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, zip_longest
from typing import Any

from grafana_foundation_sdk.models import units

from mixin import rules
from mixin.dashboards._finish import panels
from mixin.promql import Threshold

Json = dict[str, Any]
Found = Iterator[tuple[str, str]]
Check = Callable[[Json], Found]

WIDTH = 24
MOST_VISIBLE = 25
MOST_QUERIES = 8
UNITS = {value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)}
TIERS = ["Health", "Problems", "Performance", "Maintenance"]
COLOURS = {"critical": "red", "warning": "orange", "info": "blue"}
COUNTS = ("none", "short")
COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOK = re.compile(
    r"https://github\.com/datastack-exporter/datastack-exporter/blob/main/docs/runbooks/(.+)\.md"
)
DRAWN = re.compile(r"\bAlert (\w+):")
# A second one that the same colours are of.
TOO = re.compile(r"\bAnd alert (\w+):")
COUNTED = re.compile(r"One is enough for (\w+)\.")


def content(dashboard: Json) -> list[Json]:
    """The panels that show something: all but the rows."""
    return [panel for panel in panels(dashboard) if panel["type"] != "row"]


def identity(dashboard: Json) -> Found:
    if not re.fullmatch(r"datastack-[a-z]+", dashboard["uid"]) or len(dashboard["uid"]) > 40:
        yield "", f"uid {dashboard['uid']}"
    if dashboard.get("editable"):
        yield "", "can be edited in the browser, where changes are lost"
    if "datastack" not in dashboard["tags"]:
        yield "", "lacks the tag of the menu"
    for what in ("id", "title"):
        for value, times in Counter(panel[what] for panel in panels(dashboard)).items():
            if times > 1:
                yield str(value), f"{times} panels with this {what}"


def for_provisioning(dashboard: Json) -> Found:
    for key in ("__inputs", "__requires", "__elements"):
        if key in dashboard:
            yield "", f"{key} is for import by hand"
    for panel in content(dashboard):
        if panel["type"] != "text" and panel.get("datasource") != SOURCE:
            yield panel["title"], f"data source {panel.get('datasource')}"
    for annotation in dashboard["annotations"]["list"]:
        if annotation["datasource"] != SOURCE:
            yield annotation["name"], f"data source {annotation['datasource']}"


def described(dashboard: Json) -> Found:
    for panel in content(dashboard):
        if panel["type"] != "text" and not panel.get("description", "").endswith("."):
            yield panel["title"], "no description in whole sentences"
    if not dashboard.get("description", "").endswith("."):
        yield "", "no description in whole sentences"


def unit(dashboard: Json) -> Found:
    for panel in content(dashboard):
        if panel["type"] == "text":
            continue
        config = panel["fieldConfig"]
        said = [p["value"] for o in config["overrides"] for p in o["properties"] if p["id"] == "unit"]
        default = config["defaults"].get("unit", "")
        for value in (default, *said):
            if value not in UNITS:
                yield panel["title"], f"unit {value or 'missing'}"
        if default == "none" and not config["defaults"].get("mappings") and panel["type"] != "table":
            yield panel["title"], "a number without a unit"


def variables(dashboard: Json) -> Found:
    there = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    source = there.get("datasource", {})
    said = [source.get(key) for key in ("type", "query", "label")]
    if said != ["datasource", "prometheus", "Data source"]:
        yield "", "no variable datasource that chooses a Prometheus"
    for name in ("job", "instance"):
        if there.get(name, {}).get("label") != name.title():
            yield "", f"no variable {name}"
    for variable in there.values():
        if variable["type"] == "query" and not _good_query(variable):
            yield "", f"variable {variable['name']}: not a choice of labels, all by default, as time goes by"


def _good_query(variable: Json) -> bool:
    return bool(
        variable["datasource"] == SOURCE
        and variable["multi"]
        and variable["includeAll"]
        and variable["allValue"] == ".+"
        and variable["refresh"] == 2
        and variable["query"]["query"].startswith("label_values(")
    )


def grid(dashboard: Json) -> Found:
    for panel in panels(dashboard):
        at = panel["gridPos"]
        if at["x"] < 0 or at["x"] + at["w"] > WIDTH or at["w"] < 1 or at["h"] < 1:
            yield panel["title"], f"outside of the grid: {at}"
    closed = [panel["panels"] for panel in dashboard["panels"] if panel.get("panels")]
    for group in (dashboard["panels"], *closed):
        for one, other in combinations(group, 2):
            if _overlap(one["gridPos"], other["gridPos"]):
                yield one["title"], f"overlaps {other['title']}"


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def first_screen(dashboard: Json) -> Found:
    visible = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    if len(visible) > MOST_VISIBLE:
        yield "", f"{len(visible)} panels are open"
    if [panel["title"] for panel in visible[:2]] != ["Firing alerts", "Alerts"]:
        yield "", "does not begin with the alerts"
    rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
    known = [TIERS.index(title) for title in rows if title in TIERS]
    if known != sorted(known) or not rows or dashboard["panels"][0]["type"] != "row":
        yield "", f"rows {rows}"
    for panel in content(dashboard):
        if len(panel.get("targets") or ()) > MOST_QUERIES:
            yield panel["title"], f"{len(panel['targets'])} queries"
        if panel["type"] != "text" and not panel.get("targets"):
            yield panel["title"], "no query"


def lines(dashboard: Json) -> Found:
    """A graph has a dashed line at each threshold of its alerts, in the colour of the severity."""
    for panel in content(dashboard):
        if panel["type"] != "timeseries":
            continue
        wanted = sorted((limit.value, colour) for fires in _wanted(panel) for limit, colour in fires)
        there = [(s["value"], s["color"]) for steps, _ in _drawn(panel) for s in steps[1:]]
        if sorted(there) != wanted:
            yield panel["title"], f"lines {there}, not {wanted}"
        style = panel["fieldConfig"]["defaults"]["custom"].get("thresholdsStyle", {}).get("mode")
        if there and style != "dashed":
            yield panel["title"], f"lines are {style}"


def colours(dashboard: Json) -> Found:
    """A value has the colour of the worst alert that fires at it; who draws no alert has no colours."""
    for panel in content(dashboard):
        if panel["type"] == "timeseries":
            continue
        for drawn, of_alert in zip_longest(_drawn(panel), _wanted(panel)):
            if not drawn or not of_alert:
                yield panel["title"], f"colours without an alert, or an alert without: {drawn}"
                continue
            steps, unit = drawn
            for value in _tried(of_alert, unit):
                if _colour(steps, value) != _worst(of_alert, value):
                    yield panel["title"], f"{value} is {_colour(steps, value)}, not {_worst(of_alert, value)}"


Fires = list[tuple[Threshold, str]]


def _wanted(panel: Json) -> list[Fires]:
    """What the alerts named in the description say of each of its figures."""
    about = panel.get("description", "")
    found: list[Fires] = []
    for name, too in re.findall(rf"{DRAWN.pattern}|{TOO.pattern}", about):
        if too:
            found[-1] += _fires(too)
        else:
            found.append(_fires(name))
    return [*found, *(_counts(name) for name in COUNTED.findall(about))]


def _fires(name: str) -> Fires:
    return [(a.threshold, COLOURS[a.severity]) for a in rules.alerts() if a.name == name and a.threshold]


def _counts(name: str) -> Fires:
    return [(Threshold(">=", 1), COLOURS[a.severity]) for a in rules.alerts() if a.name == name]


def _drawn(panel: Json) -> list[tuple[list[Json], str]]:
    """The steps of a panel, then those of its columns, each with its unit; a single step is no colour."""
    config = panel.get("fieldConfig") or {"defaults": {}, "overrides": []}
    parts = [config["defaults"]]
    parts += [{p["id"]: p["value"] for p in override["properties"]} for override in config["overrides"]]
    found = [(part["thresholds"]["steps"], part.get("unit", "")) for part in parts if "thresholds" in part]
    return [(steps, unit) for steps, unit in found if len(steps) > 1]


def _tried(alert: Fires, unit: str) -> Iterator[float]:
    """Values on both sides of each threshold; itself too, where it is a number that can come up."""
    for threshold, _ in alert:
        step = 1 if unit in COUNTS else abs(threshold.value) / 100 or 0.01
        yield from (threshold.value - step, threshold.value + step)
        if unit in COUNTS or threshold.value == 0:
            yield threshold.value


def _colour(steps: list[Json], value: float) -> str:
    found: str = [s["color"] for s in steps if s["value"] is None or s["value"] <= value][-1]
    return found


def _worst(alert: Fires, value: float) -> str:
    fires = {colour for threshold, colour in alert if COMPARE[threshold.comparison](value, threshold.value)}
    return next((colour for colour in COLOURS.values() if colour in fires), "green")
