"""What a Prometheus answers to all queries of a dashboard, as JSON that the pictures are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixin.preview import layout, variables
from mixin.preview.prometheus import Prometheus, QueryError

# Grafana's steps of a time axis, in seconds.
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Window:
    """The time that a dashboard shows.

    Attributes:
        start: Unix time in seconds.
        end: likewise.
        scrape: the data source's scrape interval in seconds: the least step of a query.
    """

    start: float
    end: float
    scrape: float = 15.0

    def step(self, points: int, least: str = "") -> float:
        """Seconds between two points of a query, for a panel that is so many pixels wide."""
        wanted = (self.end - self.start) / max(points, 1)
        nearest = min(STEPS, key=lambda step: abs(step - wanted))
        return max(nearest, seconds(least) if least else self.scrape)


def seconds(duration: str) -> float:
    """`15s`, `5m` or `now-1h` in seconds."""
    text = duration.removeprefix("now-").lstrip(">")
    return float(text[:-1]) * _UNITS[text[-1]]


def capture(
    dashboard: Mapping[str, Any], prometheus: Prometheus, window: Window, given: Mapping[str, str]
) -> dict[str, Any]:
    """All that a picture of the dashboard needs; a query that fails has its error in place of the answer.

    Args:
        dashboard: its JSON.
        prometheus: whom to ask.
        window: which time to ask for.
        given: values of variables that differ from the dashboard's own.
    """

    def ask(label: str, match: str) -> list[str]:
        return prometheus.values(label, match, window.start, window.end)

    asker = _Asker(prometheus, window, variables.choose(dashboard, ask, given))
    panels = [panel for panel in layout.panels(dashboard) if panel["type"] != "row"]
    shown = {name: chosen.shown for name, chosen in asker.chosen.items()}
    return {
        "dashboard": dashboard,
        "from": window.start * 1000,
        "to": window.end * 1000,
        "variables": shown,
        "answers": {str(panel["id"]): [*asker.answers(panel)] for panel in panels},
        "titles": {str(panel["id"]): variables.fill(panel.get("title", ""), {}, shown) for panel in panels},
        "annotations": [*asker.annotations(dashboard)],
    }


@dataclass(frozen=True, slots=True)
class _Asker:
    prometheus: Prometheus
    window: Window
    chosen: Mapping[str, variables.Chosen]

    def answers(self, panel: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        wide, _ = layout.size(panel["gridPos"])
        for target in panel.get("targets") or []:
            if target.get("hide"):
                continue
            least = target.get("interval") or panel.get("interval") or ""
            step = self.window.step(panel.get("maxDataPoints") or wide, least)
            yield {**target, "step": step, **self._answer(target["expr"], step, target)}

    def annotations(self, dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for annotation in dashboard.get("annotations", {}).get("list", []):
            expr = (annotation.get("target") or {}).get("expr") or annotation.get("expr")
            if expr and annotation.get("enable"):
                step = max(seconds(annotation.get("step") or "60s"), self.window.scrape)
                answer = self._answer(expr, step, {})
                yield {"name": annotation["name"], "color": annotation["iconColor"], "step": step, **answer}

    def fill(self, text: str, step: float) -> str:
        range_ = round(self.window.end - self.window.start)
        rate = max(step + self.window.scrape, 4 * self.window.scrape)
        own = {
            "__interval": f"{step:g}s",
            "__interval_ms": f"{step * 1000:g}",
            "__rate_interval": f"{rate:g}s",
            "__range": f"{range_}s",
            "__range_s": str(range_),
            "__range_ms": str(range_ * 1000),
        }
        return variables.fill(text, self.chosen, own)

    def _answer(self, expr: str, step: float, target: Mapping[str, Any]) -> dict[str, Any]:
        asked = self.fill(expr, step)
        try:
            if target.get("instant") and not target.get("range"):
                return {"asked": asked, **self.prometheus.at(asked, self.window.end)}
            start = math.floor(self.window.start / step) * step
            end = math.floor(self.window.end / step) * step
            return {"asked": asked, **self.prometheus.over(asked, start, end, step)}
        except QueryError as error:
            return {"asked": asked, "error": str(error)}
