"""Alertmanager's time intervals: whether one of them is now.

Source: https://prometheus.io/docs/alerting/0.25/configuration/#time_interval
"""

from __future__ import annotations

from calendar import day_name, month_name, monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Spec = Mapping[str, Any]

WEEKDAYS = {name.lower(): (number + 1) % 7 for number, name in enumerate(day_name)}
"""From Sunday, as ranges of weekdays go."""
MONTHS = {name.lower(): number for number, name in enumerate(month_name) if name}


def read(config: Mapping[str, Any]) -> dict[str, Sequence[Spec]]:
    """Name -> what an interval consists of, from a whole configuration."""
    entries = [*(config.get("time_intervals") or ()), *(config.get("mute_time_intervals") or ())]
    return {entry["name"]: entry.get("time_intervals") or () for entry in entries}


def is_now(specs: Iterable[Spec], now: datetime) -> bool:
    """Whether any of the parts of an interval holds at a time (which knows its zone).

    Raises:
        ValueError: a part can't be read, or its time zone is not known here.
    """
    return any(_holds(spec, now) for spec in specs)


def _holds(spec: Spec, now: datetime) -> bool:
    zone = spec.get("location") or "UTC"
    local = now.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    days = monthrange(local.year, local.month)[1]
    weekday = (local.weekday() + 1) % 7
    return (
        (not spec.get("times") or any(_in_time(times, local) for times in spec["times"]))
        and _in_ranges(spec.get("weekdays"), weekday, WEEKDAYS)
        and _in_ranges(spec.get("days_of_month"), local.day, {}, days)
        and _in_ranges(spec.get("months"), local.month, MONTHS)
        and _in_ranges(spec.get("years"), local.year, {})
    )


def _in_time(times: Mapping[str, str], local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    return _minute(times["start_time"]) <= minute < _minute(times["end_time"])


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _in_ranges(
    ranges: Sequence[str] | None, value: int, names: Mapping[str, int], days: int | None = None
) -> bool:
    return not ranges or any(_in_range(str(text).lower(), value, names, days) for text in ranges)


def _in_range(text: str, value: int, names: Mapping[str, int], days: int | None) -> bool:
    """Whether it is within `monday:friday`, `1:5` or `2030`; negative days count from a month's end."""
    first, _, last = text.partition(":")
    low, high = (names[end] if end in names else int(end) for end in (first, last or first))
    if days is not None:
        low, high = (days + 1 + end if end < 0 else end for end in (low, high))
    return low <= value <= high
