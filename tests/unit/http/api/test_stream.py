"""Rows as CSV, JSON and JSON Lines: all of them, in order, in constant memory, without holding others up."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import monotonic

import pytest

from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.http.api import stream
from exporter.http.api.routes.postgres_models import StatementRow
from exporter.http.api.rows import statement_row
from exporter.http.api.stream import Format, Page, Rows, Turns, page_of, written

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RAW = "SELECT 'hunter2'"


def statement(number: int, text: str = "SELECT $1", user: str = "web") -> Statement:
    return Statement(
        key=StatementKey("app", user, f"{number:016x}"),
        queryids=(str(number),),
        text=text,
        raw=RAW,
        operation="SELECT",
        tables=("a", "b"),
        counters=Counters(calls=2, exec_ms=3000, square_ms=5_000_000),
    )


def rows(statements: Sequence[Statement]) -> Rows[Statement]:
    return Rows(NOW, statements, lambda s: tuple(s.key), statement_row, StatementRow)


async def all_of(page: Page[Statement], format: Format) -> str:
    return b"".join([piece async for piece in written(page, format, "statements", Turns())]).decode()


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 200])
async def test_each_format_has_all_rows(count: int) -> None:
    page = page_of(rows([statement(n) for n in reversed(range(count))]), None, 1000)
    ids = [f"{number:016x}" for number in range(count)]
    found = json.loads(await all_of(page, Format.JSON))
    assert found["dataset"] == "statements"
    assert (found["taken_at"], found["next"]) == ("2026-01-01T00:00:00Z", None)
    assert [item["id"] for item in found["items"]] == ids
    lines = (await all_of(page, Format.JSONL)).splitlines()
    assert [json.loads(line) for line in lines] == found["items"]
    table = list(csv.DictReader(io.StringIO(await all_of(page, Format.CSV), newline="")))
    assert [row["id"] for row in table] == ids
    for row in table:
        assert (row["toplevel"], row["tables"], row["stats_since"]) == ("true", '["a", "b"]', "")
        assert (row["mean_exec_time_seconds"], row["total_exec_time_seconds"]) == ("1.5", "3.0")


async def test_the_text_as_the_server_has_it_is_never_written() -> None:
    page = page_of(rows([statement(1)]), None, 10)
    for one in Format:
        assert "hunter2" not in await all_of(page, one)


async def test_nothing_that_a_spreadsheet_would_run() -> None:
    page = page_of(rows([statement(n, text, user=text) for n, text in enumerate(FORMULAS)]), None, 10)
    table = list(csv.DictReader(io.StringIO(await all_of(page, Format.CSV), newline="")))
    assert sorted(row["user"] for row in table) == sorted(f"'{text}" for text in FORMULAS)


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


def test_parts_follow_one_another_whatever_comes_and_goes() -> None:
    given = [statement(n) for n in range(0, 100, 2)]
    seen: list[str] = []
    cursor = None
    while True:
        page = page_of(rows(given), cursor, 7)
        seen += [s.key.id for s in page.items]
        if page.next is None:
            break
        cursor = page.next
        given = [s for s in given if s.key.id != page.items[-1].key.id]  # what was shown last goes
        given.append(statement(1))  # and something comes that belongs before
    assert seen[:50] == [f"{n:016x}" for n in range(0, 100, 2)]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["", "0", "a", "____", "-" * 4000, "AAAA", "zzzzz"])
def test_any_cursor_is_a_place(cursor: str) -> None:
    assert len(page_of(rows([statement(1)]), cursor, 10).items) <= 1


def test_names_of_any_kind_can_be_a_cursor() -> None:
    names = ["", "ü\u20ac", '"', "\x01", "a" * 63, "\U0001f680" * 15]
    given = [statement(1, user=name) for name in names]
    cursor, seen = None, []
    while True:
        page = page_of(rows(given), cursor, 1)
        seen += [s.key.user for s in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert sorted(seen) == sorted(names)


async def peak_of(count: int, format: Format) -> tuple[int, int]:
    """Bytes that were held at a time while so many rows were written, and bytes that were written."""
    page = page_of(rows([statement(n, f"SELECT {'x' * 500} {n}") for n in range(count)]), None, count)
    size = 0
    tracemalloc.start()
    try:
        async for piece in written(page, format, "statements", Turns()):
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, size


@pytest.mark.parametrize("format", [Format.CSV, Format.JSON])
async def test_ten_thousand_rows_take_no_more_memory_than_a_thousand(
    format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PAUSE", 0)
    few, _ = await peak_of(1000, format)
    many, size = await peak_of(10_000, format)
    assert size > 5_000_000
    assert many < few + 100_000
    assert many < 600_000


def busy(pieces: int, seconds: float) -> Iterator[bytes]:
    for _ in range(pieces):
        end = monotonic() + seconds
        while monotonic() < end:
            pass
        yield b"x"


async def test_all_that_write_take_a_part_of_the_time() -> None:
    turns = Turns()

    async def write() -> None:
        pieces = busy(5, 0.002)
        while await turns.next(pieces) is not None:
            pass

    began = monotonic()
    await asyncio.gather(*(write() for _ in range(4)))
    assert monotonic() - began >= 4 * 5 * 0.002 * (1 + stream.PAUSE)
