"""Where each panel lies on the page, in pixels: Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 1600
HEAD = 96
MARGIN = 16
COLUMNS = 24
GAP = 8
LINE = 30

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A panel or a row's head, and its box on the page."""

    panel: Json
    x: int
    y: int
    width: int
    height: int


def size(grid: Json) -> tuple[int, int]:
    """Width and height of a panel."""
    column = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    return round(column * grid["w"] + GAP * (grid["w"] - 1)), LINE * grid["h"] + GAP * (grid["h"] - 1)


def panels(dashboard: Json) -> Iterator[Json]:
    """All panels, rows and what is in closed rows included, from above."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def places(dashboard: Json, *, opened: bool) -> list[Place]:
    """Where the panels lie; closed rows are opened, and push down what is below them, if `opened`."""
    found: list[Place] = []
    pushed = 0
    for panel in dashboard["panels"]:
        found.append(_place(panel, pushed))
        inner: Sequence[Json] = panel.get("panels") or ()
        if opened and inner:
            top = min(child["gridPos"]["y"] for child in inner)
            moved = pushed + panel["gridPos"]["y"] + 1 - top
            found += [_place(child, moved) for child in inner]
            pushed += max(child["gridPos"]["y"] + child["gridPos"]["h"] for child in inner) - top
    return found


def height(found: Sequence[Place]) -> int:
    """The height of a page with all panels on it."""
    return max(place.y + place.height for place in found) + MARGIN


def _place(panel: Json, pushed: int) -> Place:
    grid = panel["gridPos"]
    column = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    wide, high = size(grid)
    x = MARGIN + round((column + GAP) * grid["x"])
    return Place(panel, x, HEAD + (LINE + GAP) * (grid["y"] + pushed), wide, high)
