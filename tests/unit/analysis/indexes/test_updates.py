"""Columns that statements update."""

from __future__ import annotations

import pytest

from exporter.analysis.indexes.updates import updated_columns
from tests.unit.analysis.indexes.making import statement, table


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("UPDATE shop.orders SET a = $1, b = b + $2 WHERE c = $3", {"a", "b"}),
        (
            'UPDATE shop.orders AS o SET "A b" = (SELECT x FROM y WHERE z = $1) FROM q WHERE o.c = q.c',
            {"A b"},
        ),
        ("UPDATE shop.orders SET a = coalesce(b = c, d) RETURNING e = f", {"a"}),
        ("UPDATE shop.orders SET (a, b) = ($1, d), c[1] = $2 WHERE e = $3", {"a", "b", "c"}),
        ("UPDATE ONLY shop.orders SET a = $1 -- , b = $2", {"a"}),
        ("DELETE FROM shop.orders WHERE a = $1", set()),
    ],
)
def test_what_set_names(text: str, columns: set[str]) -> None:
    assert updated_columns(table(), [statement(text)]) == columns


def test_other_tables_are_left_out() -> None:
    assert updated_columns(table(1, "items"), [statement("UPDATE shop.orders SET a = $1")]) == frozenset()
