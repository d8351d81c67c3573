"""What panels of applications share: series of a job as a whole, which have no `instance`, and what was."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from mixin import rules
from mixin.dashboards._alerts import Step
from mixin.dashboards._queries import Query, series

JOB = '{job=~"$job"}'
ERRORS = ("ModerateErrorRate", "HighErrorRate")
PAST = {"yesterday": "#8e8e8e", "last week": "#5794f2"}


def compared(recorded: str, within: str = "sum({})", chosen: str = JOB) -> list[Query]:
    """A recorded figure of now, of yesterday and of last week, as rules/comparisons.yml names them.

    Args:
        recorded: the name of the figure of now.
        within: what is made of it, with `{}` in its place.
        chosen: the selector that follows the name.
    """
    endings = {"now": ""} | {when: "_" + when.replace(" ", "_") for when in PAST}
    return [series(within.format(recorded + ending + chosen), when) for when, ending in endings.items()]


def past_dashed(panel: timeseries.Panel) -> timeseries.Panel:
    """Draws what was dashed behind what is."""
    for name, colour in PAST.items():
        panel = dashed(panel, name, colour)
    return panel


def dashed(panel: timeseries.Panel, name: str, colour: str = "#b877d9") -> timeseries.Panel:
    """Draws a line dashed and without an area: what it should be, not what it is."""
    return panel.override_by_name(
        name,
        [
            DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
            DynamicConfigValue("custom.fillOpacity", 0),
            DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}),
        ],
    )


def success_steps() -> list[Step]:
    """The steps of both alerts on the ratio of errors turned round, for the ratio of successes."""
    tell, page = (1 - rules.threshold(name) for name in ERRORS)
    return [(None, "red"), (page, "orange"), (tell, "green")]


def success_lines() -> list[Step]:
    """The same as lines of a graph."""
    tell, page = (1 - rules.threshold(name) for name in ERRORS)
    return [(None, "green"), (page, "red"), (tell, "orange")]
