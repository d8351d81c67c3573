"""What it takes to read texts of statements: a thousand of the corpus, and one of 1 MB."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporter.sql.normal import fingerprint
from exporter.sql.redaction import redacted
from exporter.sql.repair import repaired
from exporter.sql.shape import shape_of
from exporter.sql.tokens import tokens
from tests.unit.sql.corpus import queries

STATEMENTS = 1_000
TEXTS = list(islice(cycle(queries()), STATEMENTS))
LONG = f"select * from orders where id in ({', '.join(f'${n}' for n in range(1, 120_000))})"
"""About 1 MB."""


def all_tokens(sql: str) -> int:
    return sum(1 for _ in tokens(sql))


FUNCTIONS = (all_tokens, shape_of, fingerprint, redacted, repaired)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_statements(function: Callable[[str], object], benchmark: BenchmarkFixture) -> None:
    found = benchmark(lambda: [function(text) for text in TEXTS])
    benchmark.extra_info["characters of a statement"] = sum(map(len, TEXTS)) // STATEMENTS

    assert len(found) == STATEMENTS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_long_statement(function: Callable[[str], object], benchmark: BenchmarkFixture) -> None:
    assert benchmark(function, LONG)
