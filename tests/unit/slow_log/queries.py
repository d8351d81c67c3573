"""Slow queries of any kind, for tests."""

from __future__ import annotations

from typing import Any

from exporter.model.slow_query import SlowKind, SlowQuery


def slow(kind: SlowKind = SlowKind.RUNNING, **fields: Any) -> SlowQuery:
    usual: dict[str, Any] = {
        "source": "postgres",
        "server": "postgres at localhost:5432",
        "at": 1_700_000_000.25,
        "since": 1_700_000_000.0,
        "seconds": 0.25,
    }
    return SlowQuery(kind=kind, **(usual | fields))


def statement(id: str, calls: int = 1, seconds: float = 0.25, **fields: Any) -> SlowQuery:
    return slow(SlowKind.STATEMENT, id=id, calls=calls, seconds=seconds, **fields)
