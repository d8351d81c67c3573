"""Links from panel to dashboard that keep the time and what was chosen, and to runbooks."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

PREFIX = "datastack-"
TAG = "datastack"
RUNBOOKS = "https://github.com/datastack-exporter/datastack-exporter/blob/main/docs/runbooks/"


def dropdown() -> DashboardLink:
    """The menu of all dashboards of this set."""
    return (
        DashboardLink("datastack")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def to(dashboard: str, *labels: str, row: bool = False) -> str:
    """The address of another dashboard, for what was clicked.

    Args:
        dashboard: its name, without `datastack-`.
        labels: whose values go along, as the variable of that name; of the series, or of the table's row.
            Without any, the instances chosen on this dashboard go along.
        row: the link stands in a table.
    """
    source = "__data.fields" if row else "__field.labels"
    chosen = [f"var-{name}=${{{source}.{name}}}" for name in labels] or ["${instance:queryparam}"]
    return f"/d/{PREFIX}{dashboard}?{'&'.join(['${datasource:queryparam}', *chosen, '${__url_time_range}'])}"


def drill(title: str, url: str) -> DashboardLink:
    """A link to go on from a value, with an address from `to()`."""
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url)


def runbook(alert: str, url: str) -> DashboardLink:
    """The link from a panel to the runbook of its alert."""
    title = f"Runbook of {alert}"
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(target_blank=True)
