"""Durations as Prometheus and Alertmanager write them."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
PART = re.compile(r"(\d+)(ms|[smhdwy])")


def seconds(text: str) -> float:
    """The seconds of `1h30m`, `200ms` or `0`.

    Raises:
        ValueError: it is no such duration.
    """
    if text in ("", "0"):
        return 0.0
    if not re.fullmatch(f"(?:{PART.pattern})+", text):
        raise ValueError(f"{text!r} is no duration")
    return sum(int(number) * UNITS[unit] for number, unit in PART.findall(text))
