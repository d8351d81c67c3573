"""Changes to generated series: what happens in some minutes only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.noise.generator import Series, Value
from tests.noise.week import Span

Change = Callable[[int, Value], Value]
"""Minute and value -> the value instead; of a counter the value is its increase."""


def change(series: Iterable[Series], span: Span, by: Change, **wanted: str) -> None:
    """Changes the values of the series with these labels (and `name`) in the minutes of a span."""
    for one in series:
        if _is(one, wanted):
            for minute in range(span.start, min(span.end, len(one.values))):
                one.values[minute] = by(minute, one.values[minute])


def away(series: Iterable[Series], span: Span, **wanted: str) -> None:
    """A target, or what these labels say of it, can't be scraped."""
    for one in series:
        if _is(one, wanted):
            length = max(min(span.end, len(one.values)) - span.start, 0)
            one.values[span.start : span.start + length] = [0.0 if one.name == "up" else None] * length


def restart(series: Iterable[Series], minute: int, beginning: str = "", **wanted: str) -> None:
    """Counters whose names begin so begin again, and processes have a new start time."""
    for one in series:
        if _is(one, wanted) and one.name.startswith(beginning):
            if one.counter:
                one.resets.add(minute)
            elif one.name in STARTS:
                one.values[minute:] = [None if v is None else minute * 60.0 for v in one.values[minute:]]


STARTS = ("process_start_time_seconds", "pg_postmaster_start_time_seconds")
"""Gauges that say when a process was started."""


def _is(one: Series, wanted: dict[str, str]) -> bool:
    return all((one.name if key == "name" else one.labels.get(key)) == value for key, value in wanted.items())
