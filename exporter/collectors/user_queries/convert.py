"""What the server wrote, as values and labels of the page.

The same conversions as postgres_exporter's: booleans are 1 and 0, points in time are Unix seconds, text is a
number if it reads like one. As labels booleans are `true` and `false`, points in time Unix seconds, NULL is
empty, and floating point is written as Go writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isinf, isnan

from exporter.model.table import Value

Text = str | None

# Type OIDs, which are the same on every server. Source: pg_type.dat of PostgreSQL.
BOOL = 16
NUMBERS = frozenset({20, 21, 23, 26, 700, 701, 1700})
"""int8, int2, int4, oid, float4, float8, numeric."""
FLOATS = frozenset({700, 701})
TIMES = frozenset({1082, 1114, 1184})
"""date, timestamp, timestamptz."""

_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)|[nN][aA][nN]",
    re.ASCII,
)
_DURATION = re.compile(r"(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"([\d.]+)(\D+)")
_MILLISECONDS = {
    "ns": 1e-6,
    "us": 1e-3,
    "\u00b5s": 1e-3,
    "\u03bcs": 1e-3,
    "ms": 1.0,
    "s": 1e3,
    "m": 6e4,
    "h": 3.6e6,
}

Convert = Callable[[str], Value]
"""From the server's text to a value; None if it is no number."""


def numbers(column: Sequence[Text], oid: int, null: Value) -> list[Value]:
    """The values of a column; `null` for NULL, None for what is no number."""
    return converted(column, _of_type(oid), null)


def converted(column: Sequence[Text], convert: Convert | None, null: Value) -> list[Value]:
    """The values of a column; those that need no conversion (None) go out as the server wrote them."""
    if convert is None:
        return [null if text is None else text for text in column]
    return [null if text is None else convert(text) for text in column]


def labels(column: Sequence[Text], oid: int) -> list[str]:
    """The label values of a column."""
    if oid == BOOL:
        return ["" if text is None else "true" if text == "t" else "false" for text in column]
    if oid in TIMES:
        return ["" if text is None else str(_unix_time(text) or text) for text in column]
    if oid in FLOATS:
        return ["" if text is None else go_float(float(text)) for text in column]
    return [text or "" for text in column]


def mapped(mapping: Mapping[str, float]) -> Convert:
    """By the words of a `metric_mapping`; what it lacks may be a number itself."""
    return lambda text: mapping[text] if text in mapping else _number(text)


def milliseconds(text: str) -> Value:
    """Go's durations (`1h2m3.5s`) in milliseconds; a number is taken as it is."""
    plain = text.removeprefix("-").removeprefix("+")
    if not _DURATION.fullmatch(plain):
        return _number(text)
    total = int(sum(float(amount) * _MILLISECONDS[unit] for amount, unit in _PART.findall(plain)))
    return -total if text.startswith("-") else total


def array(text: Text) -> list[str] | None:
    """The items of a one-dimensional array of numbers; None if it is something else."""
    if text is None or not (text.startswith("{") and text.endswith("}")):
        return None
    items = text[1:-1].split(",") if len(text) > 2 else []
    return items if all(map(_NUMBER.fullmatch, items)) else None


def go_float(value: float) -> str:
    """A number as Go's `%v` and `le` labels have it: `0.1`, `100000`, `1e+06`, `+Inf`."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    exact = Decimal(repr(value)).normalize()
    sign, digits, shift = exact.as_tuple()
    assert isinstance(shift, int)  # it is finite
    exponent = len(digits) - 1 + shift
    if value == 0 or -4 <= exponent < 6:
        return f"{exact:f}"
    tail = "".join(map(str, digits[1:]))
    mantissa = f"{digits[0]}.{tail}" if tail else f"{digits[0]}"
    return f"{'-' if sign else ''}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _of_type(oid: int) -> Convert | None:
    if oid in NUMBERS:
        return None
    if oid == BOOL:
        return lambda text: int(text == "t")
    return _unix_time if oid in TIMES else _number


def _number(text: str) -> Value:
    return text if _NUMBER.fullmatch(text) else None


def _unix_time(text: str) -> Value:
    """Whole seconds since 1970 of a time in ISO style; without a zone it counts as UTC."""
    if text in ("infinity", "-infinity"):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)
