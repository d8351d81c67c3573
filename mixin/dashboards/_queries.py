"""Queries of panels. In an expression `$target` stands for the matchers of the variables job and instance."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# The variable, never a uid: a dashboard is imported into installations that we do not know.
DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
TARGET = 'job=~"$job", instance=~"$instance"'
# A target's legend; the label `target` is there where one exporter has several servers.
WHO = "{{instance}} {{target}}"

Query = prometheus.Dataquery


def series(expr: str, legend: str = WHO) -> Query:
    """A query over the time that the dashboard shows, for graphs, timelines and stats with a sparkline."""
    return Query().expr(whole(expr)).legend_format(legend).range()


def now(expr: str, legend: str = WHO) -> Query:
    """A query of this moment, for stats, gauges and bars that need no past."""
    return Query().expr(whole(expr)).legend_format(legend).instant()


def rows(expr: str) -> Query:
    """A query of this moment, its labels as columns of a table."""
    return Query().expr(whole(expr)).instant().format(PromQueryFormat.TABLE)


def buckets(expr: str) -> Query:
    """A query of a histogram's buckets, by `le`, for a heat map."""
    return Query().expr(whole(expr)).legend_format("{{le}}").range().format(PromQueryFormat.HEATMAP)


def or_zero(expr: str, up: str = "pg_up") -> str:
    """The expression, and 0 for each target that it has nothing of; all targets have the series `up`."""
    return f"{expr} or on (job, instance, target) 0 * {up}{{$target}}"


def past_and_soon(ratio: str, legend: str = WHO) -> list[Query]:
    """A recorded ratio of yesterday, of last week, and in an hour while it falls: rules/comparisons.yml.

    Args:
        ratio: the name up to its last colon and `ratio`: `instance:redis_keyspace_hits:ratio`.
        legend: of one line, without the time.
    """
    past = [("rate5m_yesterday", "yesterday"), ("rate5m_last_week", "last week"), ("in1h", "in an hour")]
    return [series(f"{ratio}_{ending}{{$target}}", f"{when} {legend}") for ending, when in past]


def numbered(queries: Sequence[Query]) -> list[Query]:
    """The queries with the names A, B, C ... that overrides and transformations use."""
    return [query.ref_id(chr(ord("A") + i)) for i, query in enumerate(queries)]


def whole(expr: str) -> str:
    """The expression on one line, with the matchers of job and instance for `$target`."""
    return " ".join(expr.replace("$target", TARGET).split())
