"""Each dashboard's JSON against the types that Grafana publishes: Grafana ignores what it does not know.

Every panel becomes a constant of the type of its kind in a TypeScript module of its dashboard; one run of
the compiler reads them all. The shapes, made of Grafana's types, are in `grafana_types.ts`.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers import catalogue, require

pytestmark = pytest.mark.live

DASHBOARDS = sorted((catalogue.ROOT / "grafana" / "dashboards").glob("*.json"))
SHAPES = Path(__file__).with_name("grafana_types.ts")
ERROR = re.compile(r"^(?P<module>[^(\s]+)\.ts\((?P<line>\d+),\d+\): error (?P<message>.*)$")

Json = dict[str, Any]

VALID: Json = {
    "uid": "a-board",
    "title": "A board",
    "schemaVersion": 42,
    "time": {"from": "now-1h", "to": "now"},
    "templating": {"list": [{"name": "job", "type": "query", "query": {"qryType": 1, "refId": "A"}}]},
    "annotations": {
        "list": [{"name": "Alerts", "enable": True, "iconColor": "red", "datasource": {}, "expr": "ALERTS"}]
    },
    "panels": [
        {
            "type": "timeseries",
            "title": "Load",
            "gridPos": {"h": 8, "w": 12, "x": 0, "y": 0},
            "targets": [{"refId": "A", "expr": "up", "range": True, "legendFormat": "{{job}}"}],
            "options": {"legend": {"displayMode": "table", "placement": "bottom"}},
            "fieldConfig": {
                "defaults": {
                    "unit": "ops",
                    "color": {"mode": "palette-classic"},
                    "thresholds": {"mode": "absolute", "steps": [{"value": None, "color": "green"}]},
                    "custom": {"lineWidth": 1, "stacking": {"mode": "normal"}},
                },
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": "limit"},
                        "properties": [{"id": "custom.lineWidth", "value": 2}, {"id": "unit", "value": "s"}],
                    }
                ],
            },
        },
        {
            "type": "row",
            "id": 2,
            "title": "Tables",
            "collapsed": True,
            "panels": [
                {
                    "type": "table",
                    "title": "Largest",
                    "transformations": [{"id": "organize", "options": {"renameByName": {"Value": "size"}}}],
                }
            ],
        },
    ],
}

# What is wrong, where it stands, and the value.
WRONG = {
    "the width is a string": (("panels", 0, "gridPos", "w"), "12"),
    "a display mode that no legend has": (("panels", 0, "options", "legend", "displayMode"), "grid"),
    "an option that the panel does not have": (("panels", 0, "options", "colorMode"), "value"),
    "a misspelt field setting": (("panels", 0, "fieldConfig", "defaults", "custom", "linewidth"), 1),
    "a colour mode that does not exist": (
        ("panels", 0, "fieldConfig", "defaults", "color", "mode"),
        "palette",
    ),
    "an override of the wrong type": (
        ("panels", 0, "fieldConfig", "overrides", 0, "properties", 0, "value"),
        "2",
    ),
    "an override of nothing": (
        ("panels", 0, "fieldConfig", "overrides", 0, "properties", 0, "id"),
        "custom.width",
    ),
    "a matcher that does not exist": (
        ("panels", 0, "fieldConfig", "overrides", 0, "matcher", "id"),
        "byRegex",
    ),
    "a misspelt setting of a query": (("panels", 0, "targets", 0, "legend"), "{{job}}"),
    "a panel that does not exist": (("panels", 0, "type"), "graph"),
    "a misspelt option of a transformation": (
        ("panels", 1, "panels", 0, "transformations", 0, "options", "rename"),
        {},
    ),
    "a transformation that does not exist": (
        ("panels", 1, "panels", 0, "transformations", 0, "id"),
        "organise",
    ),
    "a variable of an unknown type": (("templating", "list", 0, "type"), "label"),
    "an annotation without a colour's name": (("annotations", "list", 0, "iconColor"), 7),
    "an unknown field of the dashboard": (("tittle",), "A board"),
}


def test_every_dashboard_has_the_types_of_grafana(tmp_path: Path):
    boards = {path.stem: json.loads(path.read_text()) for path in DASHBOARDS}

    assert len(boards) >= 13
    assert not check(boards, tmp_path)


def test_each_wrong_field_is_found_in_its_panel(tmp_path: Path):
    boards = {f"wrong-{number}": _with(*change) for number, change in enumerate(WRONG.values())}

    errors = check({"valid": VALID, **boards}, tmp_path)

    found = {error.partition(":")[0] for error in errors}
    expected = set()
    for name, (path, _) in zip(boards, WRONG.values(), strict=True):
        place = {"panels": "Load" if path[:2] == ("panels", 0) else "Largest"}.get(str(path[0]), "dashboard")
        expected.add(f"{name} / {place}")
    assert found == expected


def check(boards: Mapping[str, Json], folder: Path) -> list[str]:
    """The compiler's complaints, each as `dashboard / panel: the line: what is wrong with it`."""
    modules = require(catalogue.grafana_types)
    (folder / "node_modules").symlink_to(modules)
    (folder / SHAPES.name).write_text(SHAPES.read_text())
    (folder / "tsconfig.json").write_text(json.dumps(_configuration(boards)))
    for name, board in boards.items():
        (folder / f"{name}.ts").write_text("\n".join(_module(board)))
    compiler = ["node", str(modules / "typescript" / "lib" / "tsc.js"), "--pretty", "false"]
    done = subprocess.run(compiler, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    errors = [_explain(line, folder) for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert done.returncode == 0 or errors, done.stderr
    return errors


def _configuration(boards: Mapping[str, Json]) -> Json:
    packages = ("schema", "data", "prometheus")
    return {
        "compilerOptions": {
            "strict": True,
            "noEmit": True,
            "skipLibCheck": True,  # some of Grafana's declarations need packages that are not here
            "module": "esnext",
            "moduleResolution": "bundler",
            "target": "es2022",
            "types": [],
            "paths": {f"{name}/*": [f"./node_modules/@grafana/{name}/dist/types/*"] for name in packages},
        },
        "files": [f"{name}.ts" for name in boards],
    }


def _module(board: Json) -> Iterator[str]:
    # One JSON value on a line, so that a line says which field is wrong.
    yield f'import type {{ Board, Panels }} from "./{SHAPES.stem}";'
    yield f"export const dashboard: Board = {json.dumps({**board, 'panels': []}, indent=1)};"
    for number, panel in enumerate(_panels(board)):
        shown = {**panel, "panels": []} if panel["type"] == "row" else panel
        kind = json.dumps(panel["type"])
        yield f"// {panel.get('title', 'untitled')}"
        yield f"export const panel_{number}: Panels[{kind}] = {json.dumps(shown, indent=1)};"


def _panels(board: Json) -> Iterator[Json]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _explain(line: str, folder: Path) -> str:
    found = ERROR.match(line)
    if not found:
        return line
    lines = (folder / f"{found['module']}.ts").read_text().splitlines()
    wrong = lines[int(found["line"]) - 1].strip()
    above = [text for text in lines[: int(found["line"])] if text.startswith("// ")]
    place = above[-1].removeprefix("// ") if above else "dashboard"
    return f"{found['module']} / {place}: {wrong} {found['message']}"


def _with(path: tuple[str | int, ...], value: object) -> Json:
    changed: Json = json.loads(json.dumps(VALID))
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed
