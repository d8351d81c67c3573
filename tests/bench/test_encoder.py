"""The text encoder on 300,000 samples."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporter.expose.text import TextEncoder
from exporter.http.pages import compressed
from tests.bench import encoder

WRITERS: Mapping[str, Mapping[str, bool]] = {
    "numbers": {},
    "text": {"text": True},
    "first page": {"kept": False},
}


@pytest.mark.parametrize("kind", WRITERS)
def test_page(kind: str, benchmark: BenchmarkFixture) -> None:
    parts = benchmark(encoder.ours(**WRITERS[kind]))

    assert b"".join(parts).count(b"\n") == encoder.METRICS * (encoder.ROWS + len(("HELP", "TYPE")))


def test_compression(benchmark: BenchmarkFixture) -> None:
    parts = TextEncoder().encode([encoder.table(text=True)])

    assert benchmark(compressed, parts)
