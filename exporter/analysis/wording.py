"""Figures in sentences."""

from __future__ import annotations

DAY = 86_400.0
KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


def size(count: float) -> str:
    """Bytes as people say them: `1.5 GB`, where a GB has 2^30, as the server's settings have it."""
    for bound, unit in ((1 << 40, "TB"), (GB, "GB"), (MB, "MB"), (KB, "kB")):
        if count >= bound:
            return f"{_short(count / bound)} {unit}"
    return f"{round(count)} bytes"


def duration(seconds: float) -> str:
    """A time as people say it: `3 days`, `150 ms`."""
    for bound, unit in ((DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= bound:
            return _counted(seconds / bound, unit)
    return _counted(seconds, "second") if seconds >= 1 or not seconds else brief(seconds)


def brief(seconds: float) -> str:
    """A short time, as tables have it: `1.52 ms`."""
    for bound, factor, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if seconds >= bound:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds * 1e6)} µs" if seconds else "0"


def number(count: float) -> str:
    """A count with separators: `12,000`."""
    return f"{count:,.0f}"


def percent(ratio: float) -> str:
    """A share: `12 %`, `0.3 %`; only nothing is `0 %`, and only all `100 %`."""
    if 0 < ratio < 0.01:
        return f"{ratio:.1%}".replace("%", " %") if ratio >= 0.001 else "under 0.1 %"
    if 0.99 < ratio < 1:
        return f"{ratio:.1%}".replace("%", " %") if ratio <= 0.999 else "over 99.9 %"
    return f"{ratio * 100:.0f} %"


def figure(value: float) -> str:
    """A number of any size, with three digits at least where it has a fraction: `60,000`, `2.75`."""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:,.3g}"


def counted(count: float, one: str, many: str = "") -> str:
    """A number of things: `1 statement`, `12 statements`."""
    return f"{count:,.0f} {one if count == 1 else many or f'{one}s'}"


def sentence(text: object) -> str:
    """A text that begins with a capital letter and ends in a full stop, unless its first word has digits."""
    said = str(text).strip()
    first = said.partition(" ")[0]
    said = said[:1].upper() + said[1:] if first.isalpha() else said
    return said if said.endswith((".", "!", "?", ":")) else f"{said}."


def _three(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _counted(value: float, unit: str) -> str:
    text = _short(value)
    return f"{text} {unit}" if text == "1" else f"{text} {unit}s"
