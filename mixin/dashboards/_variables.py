"""Variables of dashboards: the shape that Grafana's own linter asks for."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from mixin.dashboards._queries import DATASOURCE, whole

Variable = DatasourceVariable | QueryVariable


def labels(name: str, metric: str, *, title: str = "", label: str = "") -> QueryVariable:
    """A choice of the values of a label, all by default.

    Args:
        name: of the variable, and of the label if `label` is empty.
        metric: a selector whose series have the label: `pg_database_size_bytes{$target}`.
        title: shown beside the choice; by default the name with a capital.
        label: the label, where the variable has another name.
    """
    query = f"label_values({whole(metric)}, {label or name})"
    return (
        QueryVariable(name)
        .label(title or name.title())
        .datasource(DATASOURCE)
        .query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def target(metric: str) -> list[Variable]:
    """What every dashboard has: datasource, job and instance.

    Args:
        metric: one that every target exports, or where none does `{__name__=~"one|another"}`.
    """
    followed = f'{metric[:-1]}, job=~"$job"}}' if metric.endswith("}") else f'{metric}{{job=~"$job"}}'
    job = labels("job", metric).description(
        "Leave it at All where you go on to dashboards of other services."
    )
    instance = labels("instance", followed)
    return [DatasourceVariable("datasource").label("Data source").type("prometheus"), job, instance]
