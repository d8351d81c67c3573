"""Every declared view on every supported major version: no test is written for a single metric."""

from __future__ import annotations

import re
from collections import Counter

from exporter.collectors import discover
from exporter.collectors.view_plan import declared
from exporter.model.metric import Kind
from exporter.model.view import SUPPORTED_MAJORS, Scope, View, at
from tests.docs.upstream import lines
from tests.each import each

VIEWS: dict[str, View] = {
    name: named.spec.view for name, named in discover().items() if isinstance(named.spec.view, View)
}
METRICS = [(view, metric) for view in VIEWS.values() for metric in view.metrics]

EACH = each(VIEWS.values())


UPSTREAM = {line["metric"] for line in lines("upstream_names.tsv")}

# What a name that speaks of one of these has to end in, before `_total`.
UNITS: dict[str, str | tuple[str, ...]] = {
    "time": "_seconds",
    "age": ("_seconds", "_xids"),
    "lag": "_seconds",
    "timestamp": "_seconds",
    "size": "_bytes",
    "bytes": "_bytes",
}


def test_a_name_is_declared_once() -> None:
    names = Counter(metric.name for _, metric in METRICS)

    assert [name for name, times in names.items() if times > 1] == []


@EACH
def test_a_name_is_valid_and_survives_as_a_column_alias(view: View) -> None:
    for metric in view.metrics:
        assert re.fullmatch(r"pg_[a-z0-9_]+", metric.name), metric.name
        assert len(metric.name) <= 63, f"PostgreSQL cuts {metric.name}"


@EACH
def test_help_is_one_sentence(view: View) -> None:
    for text in (metric.help for metric in view.metrics):
        assert len(text) <= 110, text
        assert text.endswith("."), text
        assert text[0].isupper() or text[0].isdigit(), text
        assert "\n" not in text
        assert ". " not in text


@EACH
def test_a_view_says_what_it_is_and_where_its_facts_come_from(view: View) -> None:
    assert view.help.endswith(".")
    assert re.fullmatch(r"[a-z-]+\.html(#[A-Z0-9-]+)?", view.docs)


@EACH
def test_a_name_of_ours_says_kind_and_unit(view: View) -> None:
    for metric in (metric for metric in view.metrics if metric.name not in UPSTREAM):
        base = metric.name.removesuffix("_total")
        wanted = {unit for word, unit in UNITS.items() if word in base.split("_")}

        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert all(base.endswith(unit) for unit in wanted), metric.name


@EACH
def test_labels_of_a_metric_are_labels_of_its_view(view: View) -> None:
    names = {label.name for label in view.labels}

    assert [m.name for m in view.metrics if not names.issuperset(view.metric(m).labels)] == []
    assert not any(name.startswith("_") for name in names)


@EACH
def test_a_view_of_each_database_names_the_database(view: View) -> None:
    databases = [label for label in view.labels if label.sql == "(SELECT current_database())"]

    assert [label.name for label in databases] == (["datname"] if view.scope is Scope.DATABASE else [])


@EACH
def test_a_view_exists_on_the_newest_major(view: View) -> None:
    assert view.sql(SUPPORTED_MAJORS[-1])


@EACH
def test_every_metric_exists_on_some_supported_major(view: View) -> None:
    found = {m.name for major in SUPPORTED_MAJORS for m in view.metrics_at(major)}

    assert found == {m.name for m in view.metrics}


@EACH
def test_every_column_of_the_query_becomes_a_column_of_one_table(view: View) -> None:
    for major in SUPPORTED_MAJORS:
        plan = declared(view, major)
        groups = plan.groups if plan else ()
        metrics = [metric.name for group in groups for metric in group.metrics]
        columns = sorted(column for group in groups for column in group.value_columns)
        first = len(view.labels_at(major))

        assert sorted(metrics) == sorted(m.name for m in view.metrics_at(major)), major
        assert columns == list(range(first, first + len(metrics))), major


@EACH
def test_a_query_only_reads(view: View) -> None:
    for sql in (view.sql(major) or "SELECT" for major in SUPPORTED_MAJORS):
        assert sql.startswith("SELECT")
        assert ";" not in sql


def test_no_query_opens_a_relation() -> None:
    """These functions wait behind an ACCESS EXCLUSIVE lock, also behind one that only waits itself."""
    opening = re.compile(
        r"pg_(relation|table|indexes|total_relation)_size|pg_relation_filenode|::regclass|pg_get_\w*def\b"
    )
    every = [(name, view.sql(major) or "") for name, view in VIEWS.items() for major in SUPPORTED_MAJORS]

    assert [name for name, sql in every if opening.search(sql)] == []


def test_the_newest_entry_that_is_not_above_the_server_applies() -> None:
    sql = {14: "a", 17: "b", 18: None}

    assert [at(sql, major) for major in (13, 14, 16, 17, 18)] == [None, "a", "a", "b", None]
