"""The shipped dashboards: up to date, and such that somebody woken up can trust them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from mixin import __main__ as mixin
from mixin import dashboards, rules
from mixin.dashboards._tables import PARTS
from tests.each import each
from tests.mixin import dashboard_lint as lint
from tests.mixin import dashboard_queries as queries
from tests.mixin import inventory
from tests.mixin.dashboard_lint import Check, Json

EXCLUSIONS = Path(__file__).with_name("dashboard_exclusions.tsv")
SHIPPED = {path.stem: path for path in sorted(dashboards.FOLDER.glob("*.json"))}
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        *(lint.identity, lint.for_provisioning, lint.described, lint.unit, lint.variables),
        *(lint.grid, lint.first_screen, lint.colours, lint.lines),
        *(queries.parses, queries.rate_interval, queries.counters, queries.matchers, queries.links),
    )
}


def exclusions() -> list[dict[str, str]]:
    with EXCLUSIONS.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def excluded(check: str, dashboard: str, panel: str) -> list[int]:
    """The lines of the table of exclusions that let something pass."""
    found = (check, dashboard, panel)
    return [
        number
        for number, row in enumerate(exclusions())
        if all(
            row[key] in ("*", value)
            for key, value in zip(("check", "dashboard", "panel"), found, strict=True)
        )
    ]


def shipped(name: str) -> Json:
    found: Json = json.loads(SHIPPED[name].read_text())
    return found


@cache
def problems(check: str, name: str) -> list[tuple[str, str]]:
    return list(CHECKS[check](shipped(name)))


def test_there_are_dashboards() -> None:
    assert set(SHIPPED) == set(dashboards.names())


def test_regenerating_changes_nothing() -> None:
    assert [str(path) for path in mixin.stale([dashboards.generate])] == []


def test_uids_and_titles_are_unique() -> None:
    boards = [shipped(name) for name in SHIPPED]

    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)


@each(product(CHECKS, SHIPPED))
def test_a_dashboard_keeps_to(pair: tuple[str, str]) -> None:
    check, name = pair
    assert [found for found in problems(check, name) if not excluded(check, name, found[0])] == []


def test_exclusions_have_reasons_and_are_needed() -> None:
    used = {
        line
        for name in SHIPPED
        for check in CHECKS
        for panel, _ in problems(check, name)
        for line in excluded(check, name, panel)
    }

    assert [row for number, row in enumerate(exclusions()) if number not in used or not row["reason"]] == []


def test_every_alert_is_on_a_dashboard() -> None:
    """Somebody woken up finds a panel that says what the alert saw."""
    about = " ".join(p.get("description", "") for name in SHIPPED for p in lint.content(shipped(name)))

    assert {alert.name for alert in rules.alerts()} - set(re.findall(r"\w+", about)) == set()


def led_to() -> Iterator[tuple[rules.Alert, Json]]:
    """Each alert with the dashboard that it leads to."""
    boards = {f"/d/datastack-{name}": shipped(name) for name in SHIPPED}
    for alert in rules.alerts():
        yield alert, boards[re.split(r"\?|{", alert.annotations["dashboard_url"])[0]]


def test_the_list_of_alerts_says_what_each_is_about() -> None:
    """In a column for the target and one for its part; the rest of the labels only describe it."""
    known = inventory.series()
    labels = {label for alert in rules.alerts() for label in inventory.rule_labels(alert, known)}
    describe = {"pod", "cluster_name", "device_error", "fstype", "id", "system_identifier"}
    describe |= {"master_host", "master_port"}

    assert labels - inventory.ALERT_LABELS - inventory.TARGET - describe <= set(PARTS)


def test_the_dashboard_that_an_alert_leads_to_names_it() -> None:
    """But for the two of which nobody is told."""
    lost = {
        alert.name
        for alert, board in led_to()
        if alert.severity != "none"
        and not any(alert.name in p.get("description", "") for p in lint.content(board))
    }

    assert lost == set()


def test_what_an_alert_chooses_on_its_dashboard_hides_nothing() -> None:
    """A dashboard of several services would be empty but for one with the job of that one chosen."""
    known = inventory.series()
    for alert, board in led_to():
        chosen = re.findall(r"var-(\w+)=", alert.annotations["dashboard_url"])

        assert set(chosen) <= {v["name"] for v in board["templating"]["list"]}, alert.name
        assert set(chosen) <= inventory.rule_labels(alert, known), alert.name
        assert "job" not in chosen or not variable(board, "job")["query"]["query"].startswith(
            "label_values(up,"
        ), alert.name


def panel(board: Json, title: str) -> Json:
    return next(p for p in lint.content(board) if p["title"] == title)


def first(board: Json, title: str = "Connections used") -> Json:
    found: Json = panel(board, title)["targets"][0]
    return found


def variable(board: Json, name: str) -> Json:
    return next(v for v in board["templating"]["list"] if v["name"] == name)


LINES = "Connections used over time"
Break = Callable[[Json], Any]
BROKEN: list[tuple[str, str, Break]] = [
    ("identity", "another uid", lambda b: b.update(uid="Postgres Overview")),
    ("identity", "an id twice", lambda b: b["panels"][3].update(id=b["panels"][2]["id"])),
    ("identity", "a title twice", lambda b: panel(b, "Up").update(title="Transactions")),
    ("identity", "editable", lambda b: b.update(editable=True)),
    ("identity", "not in the menu", lambda b: b.update(tags=["postgres"])),
    ("for_provisioning", "inputs", lambda b: b.update(__inputs=[{"name": "DS_PROMETHEUS"}])),
    ("for_provisioning", "a uid", lambda b: panel(b, "Up")["datasource"].update(uid="prometheus")),
    ("for_provisioning", "a marks' uid", lambda b: b["annotations"]["list"][0]["datasource"].update(uid="x")),
    ("described", "nothing said", lambda b: panel(b, "Up").update(description="")),
    ("described", "no about", lambda b: b.update(description="PostgreSQL")),
    ("unit", "no unit", lambda b: panel(b, "Blocks read")["fieldConfig"]["defaults"].pop("unit")),
    ("unit", "no such unit", lambda b: panel(b, "Blocks read")["fieldConfig"]["defaults"].update(unit="iop")),
    (
        "unit",
        "a bare number",
        lambda b: panel(b, "Blocks read")["fieldConfig"]["defaults"].update(unit="none"),
    ),
    ("unit", "a column's", lambda b: set_column_unit(panel(b, "Databases"), "octets")),
    ("variables", "no data source", lambda b: b["templating"]["list"].pop(0)),
    ("variables", "no job", lambda b: variable(b, "job").update(name="task")),
    ("variables", "one only", lambda b: variable(b, "instance").update(multi=False)),
    ("variables", "all as .*", lambda b: variable(b, "instance").update(allValue=".*")),
    ("variables", "read once", lambda b: variable(b, "instance").update(refresh=1)),
    ("grid", "too wide", lambda b: panel(b, "Up")["gridPos"].update(x=23)),
    ("grid", "on another", lambda b: panel(b, "Up")["gridPos"].update(x=5)),
    ("grid", "in a closed row", lambda b: panel(b, "Databases")["gridPos"].update(h=99)),
    ("first_screen", "alerts below", lambda b: b["panels"].insert(1, b["panels"].pop(4))),
    ("first_screen", "too many", lambda b: b["panels"].extend(deepcopy(b["panels"][2:8]))),
    ("first_screen", "rows in disorder", lambda b: b["panels"][0].update(title="Maintenance")),
    ("first_screen", "no query", lambda b: panel(b, "Up").update(targets=[])),
    ("first_screen", "nine queries", lambda b: panel(b, "Up").update(targets=[first(b)] * 9)),
    ("colours", "another limit", lambda b: step(panel(b, "Connections used"), 1).update(value=0.75)),
    ("colours", "at the limit", lambda b: step(panel(b, "Deadlocks in 10 minutes"), 1).update(value=3)),
    ("colours", "from two on", lambda b: step(panel(b, "Invalid indexes"), 1).update(value=2)),
    ("colours", "another colour", lambda b: step(panel(b, "Connections used"), 1).update(color="red")),
    ("colours", "turned", lambda b: step(panel(b, "Connections used"), 0).update(color="red")),
    ("colours", "of no alert", lambda b: panel(b, "Connections used").update(description="Used.")),
    ("colours", "not drawn", lambda b: panel(b, "Up").update(description="Alert PostgresDeadlocks: x.")),
    ("lines", "none", lambda b: panel(b, "Blocks read").update(description="Alert PostgresDeadlocks: x.")),
    ("lines", "another limit", lambda b: step(panel(b, LINES), 1).update(value=0.75)),
    ("lines", "another colour", lambda b: step(panel(b, LINES), 1).update(color="green")),
    ("lines", "one only", lambda b: panel(b, LINES)["fieldConfig"]["defaults"]["thresholds"]["steps"].pop()),
    ("lines", "areas", lambda b: custom(panel(b, LINES)).update(thresholdsStyle={"mode": "area"})),
    ("parses", "a bracket", lambda b: first(b).update(expr="sum(pg_up")),
    ("rate_interval", "five minutes", lambda b: first(b).update(expr="rate(pg_stat_wal_bytes_total[5m])")),
    (
        "rate_interval",
        "not that alert's",
        lambda b: swap(first(b, "Deadlocks in 10 minutes"), "[10m]", "[1h]"),
    ),
    ("counters", "_total", lambda b: first(b).update(expr="sum(pg_stat_wal_bytes_total)")),
    ("counters", "by type", lambda b: first(b).update(expr="sum(pg_stat_database_xact_commit)")),
    ("matchers", "none", lambda b: first(b).update(expr="pg_up")),
    ("matchers", "equal", lambda b: swap(first(b), "instance=~", "instance=")),
    ("matchers", "marks", lambda b: swap(b["annotations"]["list"][0], "$instance|", "$instance")),
    (
        "links",
        "not shipped",
        lambda b: relink(panel(b, "WAL on disk"), "replication", "replicas"),
    ),
    ("links", "time lost", lambda b: relink(panel(b, "WAL on disk"), "&${__url_time_range}", "")),
    ("links", "no such variable", lambda b: relink(panel(b, "WAL on disk"), "var-instance", "var-server")),
    (
        "links",
        "no such alert",
        lambda b: swap(panel(b, "Up")["links"][0], "PostgresDown", "PostgresGone", "url"),
    ),
]


def set_column_unit(table: Json, value: str) -> None:
    properties = [p for o in table["fieldConfig"]["overrides"] for p in o["properties"]]
    next(p for p in properties if p["id"] == "unit")["value"] = value


def step(of: Json, number: int) -> Json:
    found: Json = of["fieldConfig"]["defaults"]["thresholds"]["steps"][number]
    return found


def custom(of: Json) -> Json:
    found: Json = of["fieldConfig"]["defaults"]["custom"]
    return found


def swap(where: Json, old: str, new: str, key: str = "expr") -> None:
    assert old in where[key]
    where[key] = where[key].replace(old, new)


def relink(of: Json, old: str, new: str) -> None:
    swap(of["fieldConfig"]["defaults"]["links"][0], old, new, "url")


@pytest.mark.parametrize(
    ("check", "change"), [b[::2] for b in BROKEN], ids=[f"{c}-{n}" for c, n, _ in BROKEN]
)
def test_a_check_sees_what_is_broken(check: str, change: Break) -> None:
    board = shipped("postgres")
    before = set(CHECKS[check](board))

    change(board)

    assert set(CHECKS[check](board)) > before


def test_every_check_is_shown_to_fail() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)


def test_the_command_writes_what_is_out_of_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mixin, "ROOT", tmp_path)
    page = tmp_path / "folder" / "page.json"

    def generate() -> dict[Path, str]:
        return {page: "new\n"}

    assert mixin.main(["--check"], [generate]) == 1
    assert capsys.readouterr().out == "out of date: folder/page.json\n"
    assert not page.exists()

    assert mixin.main([], [generate]) == 0
    assert page.read_text() == "new\n"

    assert mixin.main(["--check"], [generate]) == 0
    assert capsys.readouterr().out == "written: folder/page.json\n"
