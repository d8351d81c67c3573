from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import pytest

from exporter.model.deadline import Deadline
from exporter.model.table import Value
from exporter.sources.redis.fake import FakeRedis
from exporter.sources.redis.info import number

Samples = dict[str, dict[tuple[str, ...], Value]]
Run = Callable[[str, FakeRedis], Coroutine[Any, Any, Samples]]


def _as_number(value: Value) -> Value:
    """Whole numbers may go onto the page as the server wrote them."""
    return number(value) if isinstance(value, str) else value


@pytest.fixture
def run() -> Run:
    """run(collector, server): what it gives, as sample name -> label values -> value."""

    async def run(name: str, server: FakeRedis) -> Samples:
        spec = import_module(f"exporter.collectors.redis.{name}").COLLECTOR
        found: Samples = {}
        for table in await spec.build(server)(Deadline.after(1)):
            for column in table.columns:
                values = dict(zip(table.rows, map(_as_number, column.values), strict=True))
                assert len(values) == len(table.rows), "two rows with the same labels"
                found.setdefault(column.metric.name + column.suffix, {}).update(values)
        return found

    return run
