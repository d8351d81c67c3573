"""The catalogue, from two declared collectors and from all that there are."""

from __future__ import annotations

import json

import pytest

from exporter.cli import main
from exporter.cli.catalog import catalogue, markdown
from exporter.collectors import discover
from exporter.collectors.run_view import view_collector
from exporter.model.collector import CollectorSpec, Named
from exporter.model.metric import Kind, gauge, untyped
from exporter.model.view import Counter, Gauge, Label, Scope, View

VIEW = View(
    help="Things of each table, from pg_things.",
    source={14: "pg_things", 17: "pg_new_things"},
    labels=(Label("relname", "relname", eg="t"), Label("kind", "kind", eg="a")),
    metrics=(
        Counter("pg_things_total", {14: "old", 16: None, 17: "new"}, "Things | counted.", eg=3),
        Gauge("pg_things_size_bytes", "size", "Size.", eg=0.5, by=("relname",)),
    ),
    docs="monitoring-stats.html#THINGS",
    scope=Scope.DATABASE,
    needs=("pg_monitor",),
    default=False,
)
UP = gauge("x_up", "1 if it answers.")
PATTERN = untyped("x_<name>", "Whatever there is.", ("node",))
PLAIN = CollectorSpec(
    help="Whether it answers.",
    source="redis",
    metrics=(UP, PATTERN),
    build=lambda _source: lambda _deadline: None,  # type: ignore[arg-type, return-value]
    docs="/proc/x",
    every_seconds=60,
)
COLLECTORS = [Named("things", "postgres", view_collector(VIEW)), Named("x_up", "redis", PLAIN)]


def test_a_view_says_its_sources_versions_labels_and_examples() -> None:
    (entry, _) = catalogue(COLLECTORS)

    assert entry == {
        "name": "things",
        "family": "postgres",
        "help": "Things of each table, from pg_things.",
        "source": "postgres",
        "default": False,
        "every_seconds": None,
        "docs": "https://www.postgresql.org/docs/current/monitoring-stats.html#THINGS",
        "scope": "database",
        "needs": ["pg_monitor"],
        "sources": {"14": "pg_things", "15": "pg_things", "16": "pg_things"}
        | {"17": "pg_new_things", "18": "pg_new_things"},
        "metrics": [
            {
                "name": "pg_things_total",
                "type": "counter",
                "labels": ["relname", "kind"],
                "help": "Things | counted.",
                "majors": [14, 15, 17, 18],
                "example": 3,
            },
            {
                "name": "pg_things_size_bytes",
                "type": "gauge",
                "labels": ["relname"],
                "help": "Size.",
                "majors": [14, 15, 16, 17, 18],
                "example": 0.5,
            },
        ],
    }


def test_labels_of_another_collector_are_those_of_its_metrics() -> None:
    (_, entry) = catalogue(COLLECTORS)

    assert [metric["labels"] for metric in entry["metrics"]] == [[], ["node"]]


def test_markdown_has_a_heading_for_each_collector_and_a_row_for_each_metric() -> None:
    page = "\n".join(markdown(catalogue(COLLECTORS)))

    assert page.startswith("# Metrics\n\n4 metrics of 2 collectors")
    assert (
        "\n## postgres\n\n### things\n\nThings of each table, from pg_things. Off by default:"
        " `--collector.things`. In each database. Needs pg_monitor. PostgreSQL 14-18."
        " [Documentation](https://www.postgresql.org/docs/current/monitoring-stats.html#THINGS)\n"
    ) in page
    assert "| `pg_things_total` | counter | relname, kind | 14-15, 17-18 | 3 | Things \\| counted. |" in page
    assert "Whether it answers. On by default. Every 60 seconds, in the background. From /proc/x." in page
    assert "| `x_up` | gauge |  | 1 if it answers. |" in page
    assert "| `x_<name>` | untyped | node | Whatever there is. |" in page


@pytest.fixture
def _no_settings_from_outside(monkeypatch) -> None:
    monkeypatch.setattr("os.environ", {})


@pytest.mark.usefixtures("_no_settings_from_outside")
def test_the_command_lists_every_metric_of_every_collector(capsys) -> None:
    assert main(["catalog", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["collectors"]

    found = discover()
    *collectors, legacy, own = listed
    assert [entry["name"] for entry in collectors] == list(found)
    assert [metric["name"] for entry in collectors for metric in entry["metrics"]] == [
        metric.name for named in found.values() for metric in named.spec.metrics
    ]
    assert "pg_replication_lag" in {metric["name"] for metric in legacy["metrics"]}
    assert {"exporter_collector_success", "process_cpu_seconds_total", "exporter_build_info"} <= {
        metric["name"] for metric in own["metrics"]
    }
    assert {metric["type"] for entry in listed for metric in entry["metrics"]} <= set(Kind)


@pytest.mark.usefixtures("_no_settings_from_outside")
def test_the_pages_agree(capsys) -> None:
    main(["catalog", "--format", "json"])
    names = [
        m["name"] for entry in json.loads(capsys.readouterr().out)["collectors"] for m in entry["metrics"]
    ]
    main(["catalog"])
    page = capsys.readouterr().out

    assert names
    assert all(f"| `{name}` |" in page for name in names)
    assert f"{len(names)} metrics of" in page
