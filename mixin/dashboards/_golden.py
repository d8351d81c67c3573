"""A service on the overview: its worst alert, then on one line who answered and its main figures."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, statetimeline
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId

from mixin.dashboards import _alerts
from mixin.dashboards._board import Panels
from mixin.dashboards._links import drill, to
from mixin.dashboards._panels import UP, States, state, timeline
from mixin.dashboards._queries import DATASOURCE, Query, now, numbered
from mixin.dashboards._tables import Column

WORST: States = {0: ("OK", "green"), 1: ("WARNING", "orange"), 2: ("CRITICAL", "red")}
PLAIN: list[_alerts.Step] = [(None, "text")]
HEIGHT = 3


@dataclass(frozen=True, slots=True)
class Service:
    """A service as a line of the overview.

    Attributes:
        name: shown, the title of its first panel.
        alerts: the label `service` of its alerts, a regular expression.
        board: the dashboard that its panels lead to.
        there: an expression that has a series where the service is watched at all.
    """

    name: str
    alerts: str
    board: str
    there: str


def line(service: Service, answered: Query, *numbers: Column, watched: str) -> Panels:
    """Who answered and the figures; `answered` is the state over time, `watched` the alert on that."""
    goes = drill(service.name, to(service.board))
    return [
        _answered(service, answered, watched).data_links([goes]),
        _numbers(service, *numbers).data_links([goes]),
    ]


def worst(service: Service) -> stats.Panel:
    """The worst alert of a service that fires now, as a word."""
    about = "The worst alert of this service that fires. Click to go on to its dashboard."
    now_firing = f"max({_firing(service, 'critical')}) * 2 or max({_firing(service, 'warning')})"
    query = now(f"{now_firing} or 0 * max({service.there})", "")
    panel = state(service.name, about, WORST, query).no_value("not watched").height(HEIGHT)
    return panel.data_links([drill(service.name, to(service.board))])


def _firing(service: Service, severity: str) -> str:
    chosen = f'alertstate="firing", service=~"{service.alerts}", severity="{severity}"'
    return f'ALERTS{{{chosen}, instance=~"$instance|"}}'


def _answered(service: Service, query: Query, watched: str) -> statetimeline.Panel:
    about = "Who answered, and when. Red is who did not; a line that ends is no longer watched."
    panel = timeline(f"{service.name}: up", about, UP, query, alert=watched)
    return panel.span(10).height(HEIGHT)


def _numbers(service: Service, *numbers: Column) -> stats.Panel:
    """Several numbers of different units, each in the colours of its own alert."""
    said = [_alerts.sentence(n.alert, n.unit) for n in numbers if n.alert]
    about = "The worst of what is chosen; each figure is on the service's dashboard as a graph."
    panel = stats.Panel().title(f"{service.name}: figures").description(" ".join([about, *said]))
    panel.datasource(DATASOURCE).unit("short").span(14).height(HEIGHT)
    panel.links(_alerts.runbooks(*(name for n in numbers for name in _alerts.names(n.alert))))
    for query in numbered([now(n.expr, n.title) for n in numbers]):
        panel.with_target(query)
    for number in numbers:
        panel.override_by_name(number.title, _look(number))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)
    panel.text_mode(kinds.BigValueTextMode.VALUE_AND_NAME).thresholds(_alerts.config(PLAIN))
    panel.text(common.VizTextDisplayOptions().title_size(13).value_size(22))
    panel.orientation(kinds.VizOrientation.VERTICAL)
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))


def _look(number: Column) -> list[DynamicConfigValue]:
    steps = _alerts.steps(number.alert, number.unit) if number.alert else PLAIN
    look = [
        DynamicConfigValue("unit", number.unit),
        DynamicConfigValue("thresholds", _alerts.config(steps).build()),
    ]
    # Left alone, Grafana shows 0.0300 %.
    return [*look, DynamicConfigValue("decimals", 1)] if number.unit == units.PercentUnit else look
