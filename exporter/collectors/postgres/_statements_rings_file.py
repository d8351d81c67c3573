"""Stores a week of statements' mean times in a file: a line of JSON, then numbers of four bytes.

It names databases, roles and queryids, and no texts.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any

from exporter.collectors.postgres._statements import Owner, Statement
from exporter.collectors.postgres._statements_rings import Week
from exporter.collectors.postgres._statements_score import LENGTH

FORMAT = "statements-week-1"
LARGEST_BYTES = 50_000_000
"""A larger file is none of ours."""


class NotOurs(Exception):
    """The file is something else, or damaged; the message says what was found."""


def save(path: Path, week: Week) -> None:
    """Writes the file anew, whole or not at all; only its owner may read it.

    Raises:
        OSError: it can't be written.
    """
    statements = [(*statement.owner, statement.queryid) for statement in week.rings]
    head = {"format": FORMAT, "bucket": week.bucket, "length": LENGTH, "statements": statements}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(json.dumps(head).encode() + b"\n")
            file.writelines(_little_endian(ring).tobytes() for ring in week.rings.values())
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def load(path: Path) -> Week | None:
    """What the file has; None if there is none.

    Raises:
        NotOurs: it is not such a file.
        OSError: it can't be read.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise NotOurs("larger than such a file can be")
        head, _, numbers = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    try:
        return _week(json.loads(head), numbers)
    except (ValueError, TypeError, KeyError) as error:
        raise NotOurs(f"{type(error).__name__}: {error}") from None


def _week(head: dict[str, Any], numbers: bytes) -> Week:
    if head["format"] != FORMAT or head["length"] != LENGTH:
        raise ValueError("another format")
    values = array("f")
    values.frombytes(numbers)
    values = _little_endian(values)
    statements = [Statement(Owner(str(d), str(u)), str(q)) for d, u, q in head["statements"]]
    if len(values) != LENGTH * len(statements):
        raise ValueError(f"{len(values)} numbers for {len(statements)} statements")
    rings = {s: values[i * LENGTH : (i + 1) * LENGTH] for i, s in enumerate(statements)}
    return Week(int(head["bucket"]), rings)


def _little_endian(values: array[float]) -> array[float]:
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
