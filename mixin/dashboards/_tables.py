"""Tables, and the list of alerts at the head of every dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    ValueMap,
    ValueMappingResult,
)

from mixin.dashboards import _alerts
from mixin.dashboards._links import RUNBOOKS
from mixin.dashboards._queries import DATASOURCE, Query, now, numbered, rows

# A cell, or the words in it, in the colour of its threshold or mapping.
FILLED = DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background"})
COLOURED = DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})

# A table sorts by what is in a cell, so the list of alerts has the severities in this form.
RANKED = {severity: f"{rank} {severity}" for rank, severity in enumerate(_alerts.COLOURS, start=1)}
# Which of many on a target an alert is about.
PARTS = (
    *("slo", "signal", "family", "collector", "kind", "resource", "device", "mountpoint"),
    *("database", "datname", "schemaname", "relname", "indexrelname", "sequencename", "slot_name"),
    *("user", "pool", "db_client_connection_pool_name", "node", "target"),
    *("integration", "alertmanager", "rule_group", "namespace", "cluster", "environment"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers.

    Attributes:
        title: above it.
        expr: its PromQL; the labels of its series are the table's keys.
        unit: one of Grafana's.
        alert: the alert whose thresholds colour the cells, or several on the same expression.
    """

    title: str
    expr: str
    unit: str
    alert: _alerts.Named = ""


def table(
    title: str, about: str, keys: Sequence[str], *columns: Column, watched: Sequence[str] = ()
) -> tables.Panel:
    """Numbers of one thing beside each other, the first column sorted downwards.

    Args:
        title: what it is.
        about: what it means.
        keys: the labels that name a row; others are left out.
        columns: the numbers; rows with the same keys are put together.
        watched: alerts on the matter that no column draws.

    Raises:
        LookupError: an alert that no rule file has.
    """
    alerts = dict.fromkeys(name for c in columns for name in _alerts.names(c.alert))
    said = [about, *(f"{_alerts.sentence(c.alert, c.unit)}" for c in columns if c.alert)]
    if watched:
        said.append(f"Watched by {', '.join(watched)}.")
    panel = _empty(title, " ".join(said)).links(_alerts.runbooks(*alerts, *watched))
    for query in numbered([rows(c.expr) for c in columns]):
        panel.with_target(query)
    for transformation in _together(keys, columns):
        panel.with_transformation(transformation)
    for column in columns:
        panel.override_by_name(column.title, _cells(column))
    return panel.sort_by([common.TableSortByFieldState().display_name(columns[0].title).desc(desc=True)])


def cell_link(panel: tables.Panel, column: str, title: str, url: str) -> tables.Panel:
    """Makes the cells of a column links; the address from `to(..., row=True)`."""
    return panel.override_by_name(column, [_link(title, url)])


def firing(service: str) -> stats.Panel:
    """How many alerts of a service (a regular expression) fire now: the first panel of its dashboard."""
    panel = stats.Panel().title("Firing alerts").datasource(DATASOURCE).unit("short").span(4).height(6)
    panel.description("Alerts of this service that fire now, by severity. The table beside it says which.")
    severities = [s for s in _alerts.COLOURS if s != "info"]
    for query in numbered([_count(service, severity) for severity in severities]):
        panel.with_target(query)
    for severity in severities:
        steps: list[_alerts.Step] = [(None, _alerts.GOOD), (1, _alerts.COLOURS[severity])]
        panel.override_by_name(
            severity, [DynamicConfigValue(id_val="thresholds", value=_alerts.config(steps).build())]
        )
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).graph_mode(
        kinds.BigValueGraphMode.NONE
    )
    panel.text_mode(kinds.BigValueTextMode.VALUE_AND_NAME).color_mode(kinds.BigValueColorMode.BACKGROUND)
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))


def alert_list(service: str) -> tables.Panel:
    """Which alerts of a service fire or are about to, how long already, with the runbook of each."""
    about = "Alerts that fire or are about to (pending), and for how long. Click a name for its runbook."
    panel = _empty("Alerts", about).span(20).height(6).no_value("none")
    panel.with_target(rows(_alerts_since(service)).ref_id("A"))
    for transformation in _alert_columns():
        panel.with_transformation(transformation)
    states = [_word("firing", "firing", "red"), _word("pending", "pending", "yellow")]
    severities = [_word(RANKED[severity], severity, colour) for severity, colour in _alerts.COLOURS.items()]
    panel.override_by_name("state", [COLOURED, _value("mappings", states), _width(80)])
    panel.override_by_name("severity", [FILLED, _value("mappings", severities), _width(90)])
    panel.override_by_name("alert", [_link("Runbook", RUNBOOKS + "${__value.raw}.md"), _width(280)])
    # A string of blanks would be a number, 0.
    panel.override_by_name("where", [_value("unit", "string"), _width(220)])
    panel.override_by_name("what", [_value("unit", "string")])
    panel.override_by_name("for", [_value("unit", "dtdurations"), _width(120)])
    return panel.sort_by(
        [common.TableSortByFieldState().display_name(name) for name in ("state", "severity")]
    )


def _alerts_since(service: str) -> str:
    """Seconds since each alert began, with what it is about in as few labels as a table has columns."""
    chosen = f'service=~"{service}", severity!="none", instance=~"$instance|"'
    expr = (
        f"(time() - ALERTS_FOR_STATE{{{chosen}}}) * ignoring (alertstate) group_right () ALERTS{{{chosen}}}"
    )
    for severity, ranked in RANKED.items():
        expr = f'label_replace({expr}, "severity", "{ranked}", "severity", "{severity}")'
    for label in ("job", "instance"):
        expr = f'label_replace({expr}, "where", "$1", "{label}", "(.+)")'
    parts = ", ".join(f'"{label}"' for label in PARTS)
    return f'label_join({expr}, "what", " ", {parts})'


def _count(service: str, severity: str) -> Query:
    chosen = f'alertstate="firing", service=~"{service}", severity="{severity}", instance=~"$instance|"'
    return now(f"count(ALERTS{{{chosen}}}) or vector(0)", severity)


def _empty(title: str, about: str) -> tables.Panel:
    panel = (
        tables.Panel().title(title).description(about).datasource(DATASOURCE).unit("none").span(24).height(8)
    )
    panel.min_width(80)  # at Grafana's 150 pixels, ten columns fill the width
    panel.thresholds(_alerts.config(_alerts.NONE))
    return panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))


def _together(keys: Sequence[str], columns: Sequence[Column]) -> list[DataTransformerConfig]:
    fields = ["Value"] if len(columns) == 1 else [f"Value #{chr(ord('A') + i)}" for i in range(len(columns))]
    wanted = [*keys, *fields]
    return [
        DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": wanted}}),
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {name: i for i, name in enumerate(wanted)},
                "renameByName": dict(zip(fields, [c.title for c in columns], strict=True)),
            },
        ),
    ]


def _alert_columns() -> list[DataTransformerConfig]:
    wanted = ["alertstate", "severity", "alertname", "where", "Value", "what"]
    return [
        DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": wanted}}),
        DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {name: i for i, name in enumerate(wanted)},
                "renameByName": {"alertstate": "state", "alertname": "alert", "Value": "for"},
            },
        ),
    ]


def _cells(column: Column) -> list[DynamicConfigValue]:
    found = [_value("unit", column.unit)]
    if column.alert:
        found += [
            FILLED,
            _value("thresholds", _alerts.config(_alerts.steps(column.alert, column.unit)).build()),
        ]
    return found


def _word(found: str, shown: str, colour: str) -> ValueMap:
    return ValueMap(options={found: ValueMappingResult(text=shown, color=colour)})


def _width(pixels: int) -> DynamicConfigValue:
    return _value("custom.width", pixels)


def _link(title: str, url: str) -> DynamicConfigValue:
    return _value("links", [{"title": title, "url": url}])


def _value(name: str, value: object) -> DynamicConfigValue:
    return DynamicConfigValue(id_val=name, value=value)
