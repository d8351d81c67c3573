"""Times as RFC 3339 has them, in UTC: https://www.rfc-editor.org/rfc/rfc3339.html."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

Time = datetime
"""A time with its zone; JSON has it as `2026-08-01T12:00:00.123456Z`."""


def moment(seconds: float) -> Time:
    """A Unix time of ours or of the server's clock."""
    return datetime.fromtimestamp(seconds, UTC)


def at(seconds: float | None) -> Time | None:
    """A Unix time; None for one that is not known, is 0 for never, or is beyond what a calendar holds."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


Moment = Annotated[Time | None, BeforeValidator(at)]
"""A Unix time that a metric shows; null for never."""
