"""A dashboard as its module describes it, and the parts that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard
from grafana_foundation_sdk.builders.dashboard import Row as RowBuilder
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, GridPos, Panel

from mixin.dashboards._links import PREFIX, TAG, dropdown
from mixin.dashboards._queries import DATASOURCE, whole
from mixin.dashboards._variables import Variable

Panels = Sequence[Builder[Panel]]

WIDTH = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A tier of a dashboard: Health, Problems, Performance or Maintenance first, then what is special.

    Attributes:
        title: of the row.
        panels: left to right; what does not fit in 24 columns goes on below.
        collapsed: closed until somebody opens it; its queries do not run before.
    """

    title: str
    panels: Panels
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        title: as in the list of dashboards.
        about: whom it serves with what question.
        service: the label `service` of its alerts, a regular expression; its tag too, if it is one word.
        variables: from `target()`, and further ones.
        rows: from above.
        restarts: an expression that is above 0 where something restarted, for the marks in the graphs.
    """

    title: str
    about: str
    service: str
    variables: Sequence[Variable]
    rows: Sequence[Row]
    restarts: str = field(default="")

    def build(self, name: str) -> Dashboard:
        """The SDK's builder, under the name of the module."""
        made = (
            Dashboard(self.title)
            .uid(PREFIX + name)
            .description(self.about)
            .tags([TAG, *self.service.split("|")])
            .readonly()
            .refresh("30s")
            .time("now-1h", "now")
            .timezone(TimeZoneBrowser)
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(dropdown())
            .variables([*self.variables])
        )
        for annotation in self._annotations():
            made.annotation(annotation)
        y = 0
        for row in self.rows:
            y = _place(made, row, y)
        return made

    def _annotations(self) -> list[AnnotationQuery]:
        fire = f'ALERTS{{alertstate="firing", severity=~"critical|warning", service=~"{self.service}"'
        fire = f'{fire}, instance=~"$instance|"}}'
        # Where they begin: many at once would paint the whole graph.
        alerts = _marks("Alerts", "red", f"{fire} unless {fire} offset 1m")
        alerts.title_format("{{alertname}} ({{severity}})").text_format("{{instance}}")
        if not self.restarts:
            return [alerts]
        restarts = _marks("Restarts", "blue", whole(self.restarts))
        return [alerts, restarts.title_format("Restart").text_format("{{instance}}")]


def _marks(name: str, colour: str, expr: str) -> AnnotationQuery:
    query = AnnotationQuery().name(name).datasource(DATASOURCE).enable(enable=True).icon_color(colour)
    return query.expr(expr).step("60s")


def _place(made: Dashboard, row: Row, y: int) -> int:
    """Adds a row and its panels from left to right; returns the first free line below."""
    head = RowBuilder(row.title).grid_pos(GridPos(x=0, y=y, w=WIDTH, h=1)).collapsed(row.collapsed)
    panels, below = _spread([builder.build() for builder in row.panels], y + 1)
    if row.collapsed:
        for panel in panels:
            head.with_panel(_Built(panel))
        made.with_row(head)
        return y + 1
    made.with_row(head)
    for panel in panels:
        made.with_panel(_Built(panel))
    return below


def _spread(panels: list[Panel], y: int) -> tuple[list[Panel], int]:
    x, below = 0, y
    for panel in panels:
        assert panel.grid_pos is not None, panel.title
        if x + panel.grid_pos.w > WIDTH:
            x, y = 0, below
        panel.grid_pos.x, panel.grid_pos.y = x, y
        x, below = x + panel.grid_pos.w, max(below, y + panel.grid_pos.h)
    return panels, below


@dataclass(frozen=True, slots=True)
class _Built(Builder[Panel]):
    """A panel in its place; the SDK takes builders only, and its own layout lets a wide panel stick out."""

    panel: Panel

    def build(self) -> Panel:
        return self.panel
