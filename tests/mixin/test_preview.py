"""What a preview asks, and where it puts the answers; the drawing itself is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mixin.preview import __main__ as command
from mixin.preview import draw as drawing
from mixin.preview import layout
from mixin.preview.capture import Window, capture, seconds
from mixin.preview.prometheus import Prometheus, QueryError
from mixin.preview.variables import Chosen, choose, fill


class Answering(Prometheus):
    """A Prometheus that notes what it is asked."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.asked: list[str] = []

    def at(self, expr: str, moment: float) -> Any:
        if expr == "sum(":
            raise QueryError("parse error")
        self.asked.append(f"{expr} at {moment:g}")
        return {"resultType": "vector", "result": []}

    def over(self, expr: str, start: float, end: float, step: float) -> Any:
        self.asked.append(f"{expr} from {start:g} to {end:g} by {step:g}")
        return {"resultType": "matrix", "result": []}

    def values(self, label: str, match: str, _start: float, _end: float) -> list[str]:
        self.asked.append(f"{label} of {match}")
        return ["a.b", "c"]


def variable(name: str, query: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "query": {"query": query}, **more}


def board(*panels: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"panels": [{"id": i, "title": "", **panel} for i, panel in enumerate(panels)], **more}


def box(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


@pytest.mark.parametrize(
    ("chosen", "text", "filled"),
    [
        (Chosen(("a.b",), pattern=True), '{x=~"$v"}', '{x=~"a\\\\.b"}'),
        (Chosen(("a.b", "c"), pattern=True), '{x=~"${v}"}', '{x=~"(a\\\\.b|c)"}'),
        (Chosen((), pattern=True, whole=".+"), '{x=~"[[v]]"}', '{x=~".+"}'),
        (Chosen(("a.b",)), '{x="$v"}', '{x="a.b"}'),
        (Chosen(("a.b", "c"), pattern=True), "${v:csv}", "a.b,c"),
    ],
)
def test_a_variable_in_an_expression(chosen: Chosen, text: str, filled: str):
    assert fill(text, {"v": chosen}, {}) == filled


def test_grafanas_own_variables_and_unknown_ones():
    own = {"__rate_interval": "60s"}
    assert fill("rate(x[$__rate_interval]) $1 ${nobody}", {}, own) == "rate(x[60s]) $1 ${nobody}"


def test_later_variables_use_earlier_ones():
    asked: list[tuple[str, str]] = []

    def ask(label: str, match: str) -> list[str]:
        asked.append((label, match))
        return ["one", "two"]

    everything = {"multi": True, "includeAll": True}
    dashboard = {
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                variable("job", "label_values(up, job)", **everything, allValue=".+"),
                variable("instance", 'label_values(up{job=~"$job"}, instance)', **everything),
                variable("db", 'label_values(x{instance=~"$instance"}, db)'),
                {"name": "n", "type": "custom", "query": "5, 10", "current": {"value": "10"}},
            ]
        }
    }
    chosen = choose(dashboard, ask, {})
    assert asked == [("instance", 'up{job=~".+"}'), ("db", 'x{instance=~"(one|two)"}')]
    assert {name: one.shown for name, one in chosen.items()} == {
        "job": "All",
        "instance": "All",
        "db": "one",
        "n": "10",
    }
    assert choose(dashboard, ask, {"job": "postgres"})["job"].text("") == "postgres"


def test_a_variable_that_is_no_label_is_refused():
    dashboard = {"templating": {"list": [variable("v", "query_result(up)")]}}
    with pytest.raises(ValueError, match=r"variable v: only label_values\(\)"):
        choose(dashboard, lambda _label, _match: [], {})


@pytest.mark.parametrize(
    ("hours", "points", "least", "step"),
    [(1, 780, "", 15), (24, 780, "", 120), (24, 780, "5m", 300), (168, 388, "", 1800)],
)
def test_the_step_is_grafanas(hours: int, points: int, least: str, step: float):
    assert Window(0, hours * 3600).step(points, least) == step


def test_each_query_is_asked_as_its_panel_wants_it():
    graph = {"type": "timeseries", "gridPos": box(0, 0, 12, 8)}
    targets = [
        {"refId": "A", "expr": 'rate(x{job=~"$job"}[$__rate_interval])', "range": True},
        {"refId": "B", "expr": "y", "instant": True},
        {"refId": "C", "expr": "hidden", "hide": True},
        {"refId": "D", "expr": "sum(", "instant": True},
    ]
    marks = {"name": "Alerts", "enable": True, "iconColor": "red", "expr": "ALERTS", "step": "60s"}
    dashboard = board(
        {**graph, "title": "Load of $job", "targets": targets},
        annotations={"list": [marks]},
        templating={"list": [variable("job", "label_values(up, job)", includeAll=True)]},
    )
    prometheus = Answering()
    captured = capture(dashboard, prometheus, Window(3607, 7207), {})

    assert prometheus.asked == [
        "job of up",
        'rate(x{job=~"(a\\\\.b|c)"}[60s]) from 3600 to 7200 by 15',
        "y at 7207",
        "ALERTS from 3600 to 7200 by 60",
    ]
    assert [answer["refId"] for answer in captured["answers"]["0"]] == ["A", "B", "D"]
    assert [*command.errors(captured)] == ["Load of All: parse error: sum("]


def test_panels_lie_on_grafanas_grid():
    dashboard = board({"gridPos": box(0, 0, 24, 1)}, {"gridPos": box(12, 1, 12, 8)})
    head, panel = layout.places(dashboard, opened=False)
    assert (head.x, head.width, head.height) == (16, 1568, 30)
    assert (panel.x, panel.y, panel.width, panel.height) == (804, layout.HEAD + 38, 780, 296)
    assert panel.x + panel.width == layout.WIDTH - layout.MARGIN
    assert layout.height([head, panel]) == panel.y + 296 + layout.MARGIN


def test_an_opened_row_pushes_down_what_is_below():
    inner = [{"id": 10, "gridPos": box(0, 41, 12, 8)}, {"id": 11, "gridPos": box(0, 49, 12, 4)}]
    dashboard = board(
        {"gridPos": box(0, 0, 24, 1), "panels": inner},
        {"gridPos": box(0, 1, 24, 1)},
    )
    closed = {place.panel["id"]: place.y for place in layout.places(dashboard, opened=False)}
    opened = {place.panel["id"]: place.y for place in layout.places(dashboard, opened=True)}
    assert closed == {0: layout.HEAD, 1: layout.HEAD + 38}
    lines = {name: (y - layout.HEAD) / 38 for name, y in opened.items()}
    assert lines == {0: 0, 10: 1, 11: 9, 1: 13}


def test_answers_are_kept_and_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn: list[tuple[str, bool, object]] = []

    def draw(captured: Any, picture: Path, *, first: bool) -> None:
        drawn.append((picture.name, first, captured["answers"]))

    monkeypatch.setattr(command, "Prometheus", lambda _url: Answering())
    monkeypatch.setattr(drawing, "prepare", lambda: None)
    monkeypatch.setattr(drawing, "draw", draw)
    file = tmp_path / "load.json"
    panel = '{"id": 1, "type": "stat", "gridPos": {"x": 0, "y": 0, "w": 4, "h": 4}, "targets": [%s]}'
    text = panel % '{"refId": "A", "expr": "up", "instant": true}'
    file.write_text(f'{{"time": {{"from": "now-1h"}}, "panels": [{text}]}}')
    common = ["--dashboard", str(file), "--out", str(tmp_path), "--captures", str(tmp_path / "kept")]

    assert command.main(["--prometheus", "http://127.0.0.1:1", *common]) == 0
    assert command.main(common) == 0
    assert [name for name, *_ in drawn] == ["load.png", "load-first.png"] * 2
    assert drawn[0] == drawn[2]


def test_durations():
    assert [seconds(text) for text in ("15s", "now-1h", ">5m", "7d")] == [15, 3600, 300, 604800]
