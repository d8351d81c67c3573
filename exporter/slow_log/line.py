"""A slow query as one line of JSON. Pure.

Each line has the same keys, which are the attributes of `SlowQuery`; what is not known is null or empty.
Times are ISO 8601 in UTC. Lines are UTF-8; control characters and what turns the direction of writing are
escaped, so that a line can be shown on a terminal.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime

from exporter.model.slow_query import SlowQuery

# json escapes what is below the space. Half of a surrogate pair is no text in any encoding.
ODD = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def line_of(query: SlowQuery) -> bytes:
    """The line, with its line feed."""
    shown = asdict(query) | {
        "at": _iso(query.at),
        "since": _iso(query.since),
        "seconds": round(query.seconds, 6),
    }
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return ODD.sub(_escaped, text).encode() + b"\n"


def _iso(at: float) -> str:
    """`2026-01-31T12:00:00.250Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if not 0xD800 <= code <= 0xDFFF else "\\ufffd"
