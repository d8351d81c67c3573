"""Whole datasets as CSV, JSON or JSON Lines, in parts that follow one another, streamed."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from exporter.http.api.data import Place, With
from exporter.http.api.datasets import READERS, Dataset, Wanted
from exporter.http.api.problems import documented
from exporter.http.api.routes.postgres_models import (
    ConnectionGroup,
    IndexRow,
    SlowQueryRow,
    StatementRow,
    TableRow,
)
from exporter.http.api.stream import CURSOR, CURSOR_CHARACTERS, Format, page_of, written
from exporter.http.api.times import Time

router = APIRouter(prefix="/export", tags=["export"])

MOST_ROWS = 10_000


class Part(Place):
    """Which part, and how it is written."""

    format: Format = Field(default=Format.JSON, description="How rows are written.")
    limit: int = Field(default=1000, ge=1, le=MOST_ROWS, description="Rows in the answer at most.")
    cursor: str | None = Field(
        default=None,
        min_length=1,
        max_length=CURSOR_CHARACTERS,
        pattern=CURSOR,
        description="What the part before gave as `next`; without it from the beginning.",
    )
    database: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Of tables and indexes; without it the database of the configuration.",
    )


class Exported(BaseModel):
    """A part of a dataset, as JSON. CSV and JSON Lines have the same rows, and `next` in the header Link."""

    dataset: Dataset
    taken_at: Time
    next: str | None = Field(description="The cursor of the part after this; null at the end.")
    items: list[StatementRow | TableRow | IndexRow | ConnectionGroup | SlowQueryRow]


DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Exported,
        "description": "The rows; the header Link has the address of the next part.",
        "headers": {"Link": {"schema": {"type": "string"}, "description": 'The next part, rel="next".'}},
        "content": {
            Format.CSV.media_type: {"schema": {"type": "string"}},
            Format.JSONL.media_type: {"schema": {"type": "string"}},
        },
    }
}


@router.get("/{dataset}", response_class=StreamingResponse, responses={**DESCRIBED, **documented(502, 504)})
async def export(dataset: Dataset, data: With, part: Annotated[Part, Query()]) -> StreamingResponse:
    """The rows of a dataset in the order of their names. What is said of one moment is at most 15 s old."""
    rows = await READERS[dataset](data, Wanted(part.target, part.database))
    page = page_of(rows, part.cursor, part.limit)
    name = f"{dataset.value}.{part.format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if page.next is not None:
        following = {**part.model_dump(mode="json", exclude_none=True), "cursor": page.next}
        headers["Link"] = f'<{dataset.value}?{urlencode(following)}>; rel="next"'
    return StreamingResponse(
        written(page, part.format, dataset.value, data.turns),
        headers=headers,
        media_type=part.format.media_type,
    )
