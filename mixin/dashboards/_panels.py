"""Panels: each has a title, a description, a unit and, where an alert is on it, exactly that alert's colours.

What a function returns is the SDK's builder, so what it does not offer is one more call away:
`graph(...).max(1).span(8)`. All share these parameters:

    title: what it is.
    about: what it means and what to do about it, for somebody woken up; the alert's limits are added.
    unit: one of Grafana's, from `grafana_foundation_sdk.models.units`.
    queries: what it shows.
    alert: the alert whose thresholds it draws, or several; their expression must have the panel's unit.
    watched: further alerts on the same matter, to be named and linked.

All raise LookupError for an alert that no rule file has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, statetimeline, timeseries
from grafana_foundation_sdk.builders import gauge as gauges
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import text as texts
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.text import TextMode

from mixin.dashboards import _alerts
from mixin.dashboards._alerts import Named
from mixin.dashboards._queries import DATASOURCE, Query, numbered

P = TypeVar(
    "P", stats.Panel, gauges.Panel, bargauge.Panel, timeseries.Panel, statetimeline.Panel, heatmap.Panel
)

# What a number of a state means, and its colour.
States = Mapping[int, tuple[str, str]]
UP: States = {0: ("DOWN", "red"), 1: ("UP", "green")}
OK: States = {0: ("FAILED", "red"), 1: ("OK", "green")}
PROBLEM: States = {0: ("no", "green"), 1: ("YES", "red")}
# The colours of lines that are named after how something ended.
OUTCOMES = {"fail|error|timed out|^5": "red", "success|completed": "green", "^4": "yellow"}

# Where the axis ends at least; a graph of nothing but zeros would end at 100.
LEAST = {units.PercentUnit: 0.01, units.Seconds: 0.001, units.Short: 1, units.BytesIEC: 1}
LEAST_RATE = 0.1
ABOVE_LIMIT = 1.2


def stat(
    title: str, about: str, unit: str, *queries: Query, alert: Named = "", watched: Sequence[str] = ()
) -> stats.Panel:
    """One number, large, in the alert's colours; without an alert a sparkline if its query is `series()`."""
    panel = _base(stats.Panel(), title, about, unit, queries).span(4).height(4).reduce_options(_last())
    # On a coloured ground a sparkline makes the number hard to read.
    panel.graph_mode(kinds.BigValueGraphMode.NONE if alert else kinds.BigValueGraphMode.AREA)
    panel.color_mode(kinds.BigValueColorMode.BACKGROUND if alert else kinds.BigValueColorMode.NONE)
    return _coloured(panel, about, unit, alert, watched)


def count(title: str, about: str, *queries: Query, alert: str) -> stats.Panel:
    """How many there are of what the alert is about: good at 0, and from 1 on in the alert's colour."""
    said = f"{about} One is enough for {alert}."
    panel = _base(stats.Panel(), title, said, "short", queries).span(4).height(4).reduce_options(_last())
    panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.BACKGROUND)
    panel.thresholds(_alerts.config(_alerts.counted(alert))).links(_alerts.runbooks(alert))
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))


def state(
    title: str, about: str, states: States, *queries: Query, alert: str = "", watched: Sequence[str] = ()
) -> stats.Panel:
    """A word for a number, in the colour of the state; the alert is named and linked."""
    panel = _base(stats.Panel(), title, about, "none", queries).span(4).height(4).reduce_options(_last())
    panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.BACKGROUND)
    panel.mappings(mappings(states))
    return _coloured(panel, about, "none", "", [*filter(None, [alert]), *watched])


def gauge(
    title: str, about: str, unit: str, *queries: Query, alert: Named = "", watched: Sequence[str] = ()
) -> gauges.Panel:
    """A part of a whole, from 0 to 1 unless `.max()` says otherwise."""
    panel = _base(gauges.Panel(), title, about, unit, queries).span(4).height(4).reduce_options(_last())
    return _coloured(panel.min(0).max(1).decimals(0), about, unit, alert, watched)


def bars(
    title: str, about: str, unit: str, *queries: Query, alert: Named = "", watched: Sequence[str] = ()
) -> bargauge.Panel:
    """A few numbers below each other, as bars."""
    panel = _base(bargauge.Panel(), title, about, unit, queries).span(12).height(8).reduce_options(_last())
    panel.min(0).orientation(kinds.VizOrientation.HORIZONTAL).display_mode(kinds.BarGaugeDisplayMode.BASIC)
    return _coloured(panel, about, unit, alert, watched)


def graph(
    title: str,
    about: str,
    unit: str,
    *queries: Query,
    alert: Named = "",
    watched: Sequence[str] = (),
    low: float | None = None,
) -> timeseries.Panel:
    """Lines over time, eight at most; the alert's thresholds are dashed lines in their colours.

    The axis begins at 0, or at `low` as long as nothing is below that.
    """
    panel = _base(timeseries.Panel(), title, about, unit, queries).span(12).height(8)
    panel.line_width(1).fill_opacity(5).show_points(kinds.VisibilityMode.NEVER)
    panel.legend(_legend()).tooltip(_tooltip()).axis_soft_max(_room(unit, alert))
    panel = panel.min(0) if low is None else panel.axis_soft_min(low)
    panel = _coloured(panel, about, unit, alert, watched)
    if alert:
        panel = limits(panel, _alerts.lines(alert))
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))


def limits(panel: timeseries.Panel, steps: list[_alerts.Step]) -> timeseries.Panel:
    """Draws steps as dashed lines."""
    style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(_alerts.config(steps)).thresholds_style(style)


def tinted(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Draws lines in shades of the colours that say what they mean: by a pattern for their names."""
    for pattern, colour in colours.items():
        shades = DynamicConfigValue("color", {"mode": "shades", "fixedColor": colour})
        panel = panel.override_by_regexp(f"/{pattern}/", [shades])
    return panel


def stacked(
    title: str, about: str, unit: str, *queries: Query, watched: Sequence[str] = ()
) -> timeseries.Panel:
    """Parts of a whole over time, on top of each other."""
    panel = graph(title, about, unit, *queries, watched=watched).fill_opacity(40)
    return panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))


def timeline(
    title: str, about: str, states: States, *queries: Query, alert: str = "", watched: Sequence[str] = ()
) -> statetimeline.Panel:
    """A state over time, one line for each series."""
    panel = _base(statetimeline.Panel(), title, about, "none", queries).span(12).height(4)
    panel.mappings(mappings(states)).show_value(kinds.VisibilityMode.AUTO).row_height(0.8).fill_opacity(80)
    panel.legend(common.VizLegendOptions().show_legend(show_legend=False)).tooltip(_tooltip())
    return _coloured(panel, about, "none", "", [*filter(None, [alert]), *watched])


def heat(title: str, about: str, unit: str, query: Query, *, watched: Sequence[str] = ()) -> heatmap.Panel:
    """The distribution of a histogram over time; its query is `buckets()`."""
    panel = _base(heatmap.Panel(), title, about, unit, [query]).span(12).height(8)
    colours = (
        heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").exponent(0.5).steps(64)
    )
    panel.calculate(calculate=False).color(colours).y_axis(heatmap.YAxisConfig().unit(unit))
    return panel.description(_about(about, "", unit, watched)).links(_alerts.runbooks(*watched))


def text(title: str, markdown: str) -> texts.Panel:
    """A few words of help."""
    return texts.Panel().title(title).mode(TextMode.MARKDOWN).content(markdown).span(12).height(4)


def mappings(states: States) -> list[ValueMapping]:
    """States as Grafana has them."""
    results = {
        str(value): ValueMappingResult(text=word, color=colour, index=i)
        for i, (value, (word, colour)) in enumerate(states.items())
    }
    return [ValueMap(options=results)]


def _base(panel: P, title: str, about: str, unit: str, queries: Sequence[Query]) -> P:
    panel.title(title).description(about).datasource(DATASOURCE).unit(unit)
    for query in numbered(queries):
        panel.with_target(query)
    return panel


def _room(unit: str, alert: Named) -> float:
    """Where the axis ends at least: so that the alert's first line is seen, or that 0 is at the bottom."""
    limit = _alerts.first(alert) if alert else 0
    if limit <= 0:
        return LEAST.get(unit, LEAST_RATE)
    room = float(f"{limit * ABOVE_LIMIT:.3g}")
    return min(room, 1) if unit == units.PercentUnit and limit <= 1 else room


def _coloured(panel: P, about: str, unit: str, alert: Named, watched: Sequence[str]) -> P:
    steps = _alerts.steps(alert, unit) if alert else _alerts.NONE
    panel.thresholds(_alerts.config(steps))
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.description(_about(about, alert, unit, watched))
    return panel.links(_alerts.runbooks(*_alerts.names(alert), *watched))


def _about(about: str, alert: Named, unit: str, watched: Sequence[str]) -> str:
    drawn = _alerts.sentence(alert, unit) if alert else ""
    others = f"Watched by {', '.join(watched)}." if watched else ""
    return " ".join(filter(None, [about, drawn, others]))


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _legend() -> common.VizLegendOptions:
    names = common.VizLegendOptions().display_mode(kinds.LegendDisplayMode.LIST).show_legend(show_legend=True)
    return names.placement(kinds.LegendPlacement.BOTTOM).calcs(["lastNotNull"])


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)
