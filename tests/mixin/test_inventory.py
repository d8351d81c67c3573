"""The gate: no rule, dashboard or page names a series or a label that nobody exports."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors import discover
from mixin import rules
from mixin.runbooks import FOLDER
from tests.each import each
from tests.mixin import gate, inventory

ROOT = rules.ROOT
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
PAGES = [*sorted(FOLDER.glob("*.md")), ROOT / "docs" / "alerting.md", ROOT / "docs" / "dashboards.md"]

LABEL_VALUES = re.compile(r"label_values\((?:(?P<series>.+),\s*)?(?P<label>\w+)\)")
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")

# Words of PostgreSQL in SQL: its catalog, views and functions, as the exporter's own queries name them.
OF_POSTGRES = {
    *(
        "pg_amcheck",
        "pg_autoctl",
        "pg_basebackup",
        "pg_ctl",
        "pg_dump",
        "pg_hba",
        "pg_lsclusters",
        "pg_repack",
    ),
    *("pg_resetwal", "pg_rewind", "pg_waldump", "pg_monitor", "pg_constraint", "pg_largeobject_metadata"),
    *("pg_sequences", "pg_stat_progress_create_index", "pg_blocking_pids", "pg_cancel_backend"),
    *("pg_create_physical_replication_slot", "pg_drop_replication_slot", "pg_filenode_relation"),
    *(
        "pg_get_indexdef",
        "pg_indexes_size",
        "pg_ls_dir",
        "pg_relation_size",
        "pg_reload_conf",
        "pg_size_pretty",
    ),
    *("pg_stat_file", "pg_stat_reset", "pg_terminate_backend", "pg_total_relation_size"),
    *("pg_conf_load_time", "pg_wal_replay_resume"),
}
SQL_WORDS = re.compile(r"\bpg_\w+")


def foreign_words() -> set[str]:
    """What the exporter's own queries name, what helps a person beside it, and names of collectors."""
    sources = (ROOT / "exporter").rglob("*.py")
    return (
        {word for path in sources for word in SQL_WORDS.findall(path.read_text())}
        | OF_POSTGRES
        | {*discover()}
    )


FOREIGN = foreign_words()


@each(rules.load())
def test_a_rule_names_what_is_there(rule: rules.Rule) -> None:
    assert gate.of_rule(rule) == []


def test_a_recorded_name_is_defined_once() -> None:
    defined = Counter((rule.name, *sorted(rule.labels.items())) for rule in rules.recordings())

    assert [name for name, times in defined.items() if times > 1] == []
    places = {
        rule.name: {r.group for r in rules.recordings() if r.name == rule.name} for rule in rules.recordings()
    }
    assert {name: groups for name, groups in places.items() if len(groups) > 1} == {}


def test_every_recorded_series_is_read_somewhere() -> None:
    texts = [rule.expr for rule in rules.load()]
    texts += [path.read_text() for path in DASHBOARDS]
    read = Counter(word for text in texts for word in set(re.findall(r"[a-zA-Z_][\w]*(?::\w+)+", text)))

    assert [rule.name for rule in rules.recordings() if not read[rule.name]] == []


@each(DASHBOARDS)
def test_a_dashboard_names_what_is_there(path: Path) -> None:
    dashboard = json.loads(path.read_text())

    assert [fault for panel in _panels(dashboard) for fault in _of_panel(panel)] == []
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            assert _of_variable(variable) == [], variable["name"]
    for annotation in dashboard.get("annotations", {}).get("list", []):
        if "expr" in annotation:
            assert gate.of_expression(annotation["expr"]) == [], annotation["name"]


@each(PAGES)
def test_a_page_names_what_is_there(path: Path) -> None:
    assert gate.of_page(path.read_text(), foreign=FOREIGN) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("pg_upp == 0", "no series pg_upp"),
        ("rate(node_memory_MemAvailble_bytes[5m])", "no series node_memory_MemAvailble_bytes"),
        ('pg_stat_database_xact_commit{datnam="x"}', "no label datnam on pg_stat_database_xact_commit"),
        ("sum by (datnam) (pg_stat_database_xact_commit)", "no label datnam to match"),
        ("redis_up * on (job, instance) group_left (rol) redis_instance_info", "no label rol to match"),
        ("sum without (le) (exporter_scrape_duration_seconds_count)", "no label le to match"),
    ],
)
def test_the_gate_sees_a_wrong_name(expression: str, fault: str) -> None:
    assert [f.partition(" or aggregate")[0] for f in gate.of_expression(expression)] == [fault]


def test_the_gate_sees_a_wrong_label_in_an_annotation() -> None:
    good = rules.alert("PostgresDown")
    annotations = {**good.annotations, "summary": "{{ $labels.datname }} is down"}
    bad = rules.Alert(good.name, good.expr, good.labels, good.file, good.group, annotations, "1m", "")

    assert gate.of_rule(good) == []
    assert gate.of_rule(bad) == ["no label datname in annotations"]


def test_the_gate_sees_a_wrong_name_on_a_page() -> None:
    page = "Look at `pg_upp` and\n\n```promql\nredis_upp == 0\n\nrate(redis_commands_total[5m])\n```\n"

    assert gate.of_page(page) == ["no series pg_upp", "no series redis_upp"]


def test_the_labels_of_a_result() -> None:
    database = {"datname"} | inventory.TARGET | inventory.OWN
    assert gate.labels_of_expression("rate(pg_stat_database_xact_commit[5m])") >= database
    assert gate.labels_of_expression("sum by (job) (pg_stat_database_xact_commit)") == {"job"}
    assert gate.labels_of_expression('absent(up{job="postgres"})') == {"job"}
    assert "le" not in gate.labels_of_expression(
        "histogram_quantile(0.9, rate(exporter_scrape_duration_seconds_bucket[5m]))"
    )


def _panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for panel in dashboard["panels"] for p in (panel, *panel.get("panels", []))]


def _of_panel(panel: dict[str, Any]) -> list[str]:
    found = []
    for target in panel.get("targets", []):
        where = f"{panel['title']}: "
        wrong = gate.of_expression(target["expr"])
        if not wrong:
            there = gate.labels_of_expression(target["expr"])
            wrong = [
                f"no label {x} in the legend"
                for x in LEGEND.findall(target.get("legendFormat", ""))
                if x not in there
            ]
        found += [where + fault for fault in wrong]
    return found


def _of_variable(variable: dict[str, Any]) -> list[str]:
    query = variable["query"]
    match = LABEL_VALUES.fullmatch(query["query"] if isinstance(query, dict) else query)
    assert match, query
    if not match["series"]:
        return []
    wrong = gate.of_expression(match["series"])
    there = gate.labels_of_expression(match["series"]) if not wrong else set()
    return wrong or [f"no label {match['label']}"] * (match["label"] not in there)
