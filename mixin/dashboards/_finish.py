"""From a Board to the text of its file, without what the SDK adds and with what it leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from mixin.dashboards._board import Board

HIDDEN = ("placement", "inControlsMenu")
OF_INTERVALS = ("auto", "auto_count", "auto_min")


def text(name: str, board: Board) -> str:
    """The text of a dashboard's file."""
    return json.dumps(json_of(name, board), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def json_of(name: str, board: Board) -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return finished(json.loads(JSONEncoder().encode(board.build(name).build())))


def finished(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard with a number for each panel, which the SDK leaves out, and without what it has too much.

    It gives every link and annotation a `placement` that hides it in a menu (from Grafana 12.3 on), every
    variable the properties of an interval, and every table a footer that Grafana 12 has no more.
    """
    for number, panel in enumerate(panels(dashboard), start=1):
        panel["id"] = number
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
    for variable in dashboard["templating"]["list"]:
        for key in OF_INTERVALS:
            variable.pop(key, None)
    bare: dict[str, Any] = _shown(dashboard)
    return bare


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, rows and what is in closed rows included, from above."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def _shown(part: Any) -> Any:
    match part:
        case dict():
            return {key: _shown(value) for key, value in part.items() if (key, value) != HIDDEN}
        case list():
            return [_shown(item) for item in part]
        case _:
            return part
