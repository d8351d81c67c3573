"""Rows as CSV, JSON or JSON Lines, made while they are sent: what is held is one piece of them.

CSV: https://www.rfc-editor.org/rfc/rfc4180.html, JSON Lines: https://jsonlines.org.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from time import monotonic
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from exporter.http.api.times import Time

T = TypeVar("T")

ROWS_AT_ONCE = 25
"""Rows that are made before others of this process get their turn: a millisecond or two."""
PAUSE = 3.0
"""How many times as long as a piece took to be made nobody makes the next one: scrapes go before."""
CURSOR_CHARACTERS = 4000
CURSOR = "^[A-Za-z0-9_-]*$"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run: https://owasp.org/www-community/attacks/CSV_Injection."""

Key = tuple[str, ...]


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"

    @property
    def media_type(self) -> str:
        """As in Content-Type."""
        return {"csv": "text/csv", "json": "application/json", "jsonl": "application/jsonl"}[self.value]


@dataclass(frozen=True)
class Rows(Generic[T]):
    """All that can be exported of one dataset.

    Attributes:
        taken_at: when it was read.
        items: in any order.
        key: tells items apart, and orders them.
        row: what is shown of one.
        model: of the rows.
    """

    taken_at: Time
    items: Sequence[T]
    key: Callable[[T], Key]
    row: Callable[[T], BaseModel]
    model: type[BaseModel]


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a dataset.

    Attributes:
        rows: of what.
        items: those of this part, in the order of their keys.
        next: the cursor of the part after it; None for the last one.
    """

    rows: Rows[T]
    items: Sequence[T]
    next: str | None

    def pieces(self) -> Iterator[list[BaseModel]]:
        """The rows, some at a time."""
        items = iter(self.items)
        while piece := list(islice(items, ROWS_AT_ONCE)):
            yield [self.rows.row(item) for item in piece]


def page_of(rows: Rows[T], cursor: str | None, limit: int) -> Page[T]:
    """The part after a cursor, in the order of keys. What comes or goes meanwhile moves nothing else."""

    def place(item: T) -> bytes:
        return "\0".join(rows.key(item)).encode()

    after = b"" if cursor is None else _after(cursor)
    left = sorted((item for item in rows.items if place(item) > after), key=place)
    items = left[:limit]
    following = _cursor(place(items[-1])) if len(left) > limit else None
    return Page(rows, items, following)


def _cursor(place: bytes) -> str:
    return urlsafe_b64encode(place).decode().rstrip("=")


def _after(cursor: str) -> bytes:
    """Where a cursor stands: any is a place, if one where nothing is."""
    whole = cursor[:-1] if len(cursor) % 4 == 1 else cursor
    return urlsafe_b64decode(whole + "=" * (-len(whole) % 4))


class Turns:
    """Lets one piece be made at a time, with pauses: all streams together take a part of the time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def next(self, pieces: Iterator[bytes]) -> bytes | None:
        """The next piece; None at the end."""
        async with self._lock:
            began = monotonic()
            piece = next(pieces, None)
            await asyncio.sleep(PAUSE * (monotonic() - began))
            return piece


async def written(page: Page[Any], format: Format, dataset: str, turns: Turns) -> AsyncIterator[bytes]:
    """The bytes of a part, piece by piece.

    Args:
        page: the part.
        format: how it is written.
        dataset: its name, which JSON has too.
        turns: shared by all that write at the same time.
    """
    makers = {Format.CSV: _csv, Format.JSON: _json, Format.JSONL: _json_lines}
    pieces = makers[format](page, dataset)
    while (piece := await turns.next(pieces)) is not None:
        yield piece


def _json(page: Page[Any], dataset: str) -> Iterator[bytes]:
    head = {"dataset": dataset, "taken_at": page.rows.taken_at.isoformat().replace("+00:00", "Z")}
    yield json.dumps({**head, "next": page.next})[:-1].encode() + b', "items": ['
    separator = b""
    for piece in page.pieces():
        yield separator + b",".join(row.model_dump_json().encode() for row in piece)
        separator = b","
    yield b"]}"


def _json_lines(page: Page[Any], _dataset: str) -> Iterator[bytes]:
    for piece in page.pieces():
        yield b"".join(row.model_dump_json().encode() + b"\n" for row in piece)


def _csv(page: Page[Any], _dataset: str) -> Iterator[bytes]:
    yield _lines([list(page.rows.model.model_fields)])
    for piece in page.pieces():
        yield _lines([_cell(value) for value in row.model_dump(mode="json").values()] for row in piece)


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A value as CSV has it: lists as JSON, nothing for null, no text that a spreadsheet would run."""
    if isinstance(value, list):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
