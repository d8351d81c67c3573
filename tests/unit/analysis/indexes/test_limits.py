"""LIMIT with a number again."""

from __future__ import annotations

import pytest

from exporter.analysis.indexes.limits import limited, with_limit
from tests.unit.analysis.indexes.making import statement


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT 1 LIMIT $1", "SELECT 1 LIMIT (coalesce(5, $1))"),
        ("select 1 limit $2 offset $1", "select 1 limit (coalesce(5, $2)) offset $1"),
        ("SELECT 1 FETCH FIRST $1 ROWS ONLY", "SELECT 1 FETCH FIRST (coalesce(5, $1)) ROWS ONLY"),
        ("SELECT (SELECT 1 LIMIT $1) LIMIT $2", "SELECT (SELECT 1 LIMIT $1) LIMIT (coalesce(5, $2))"),
        ("SELECT (SELECT 1 LIMIT $1)", "SELECT (SELECT 1 LIMIT $1)"),
        ("SELECT 1 LIMIT 10", "SELECT 1 LIMIT 10"),
        ("SELECT 1 -- LIMIT $1", "SELECT 1 -- LIMIT $1"),
        ("SELECT ' LIMIT $1'", "SELECT ' LIMIT $1'"),
        ("SELECT 1 LIMIT", "SELECT 1 LIMIT"),
        ("", ""),
    ],
)
def test_the_outermost_limit_has_a_number(text: str, wanted: str) -> None:
    assert with_limit(text, 5) == wanted


@pytest.mark.parametrize(
    ("calls", "rows", "wanted"),
    [(10, 1000, 100), (10, 1001, 101), (10, 30, 20), (0, 0, 20), (1, 10**9, 10_000)],
)
def test_it_is_what_calls_got_and_not_less_than_a_page(calls: float, rows: float, wanted: int) -> None:
    asked = statement("SELECT 1 LIMIT $1", calls=calls, rows=rows)

    assert f"coalesce({wanted}, $1)" in limited(asked)
