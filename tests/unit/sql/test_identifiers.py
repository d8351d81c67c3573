"""Names and texts in statements."""

from __future__ import annotations

import pytest

from exporter.sql.identifiers import identifier, literal, qualified


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("orders", "orders"),
        ("_2", "_2"),
        ("Orders", '"Orders"'),
        ("order", '"order"'),
        ("2nd", '"2nd"'),
        ('a"b', '"a""b"'),
        ("with space", '"with space"'),
        ("größe", '"größe"'),
        ("a\n--b", 'U&"a\\+00000a--b"'),
        ("", '""'),
    ],
)
def test_names_are_quoted_where_that_is_needed(name: str, written: str) -> None:
    assert identifier(name) == written
    assert qualified("s", name) == f"s.{written}"


@pytest.mark.parametrize(
    ("text", "written"),
    [("x", "'x'"), ("it's", "'it''s'"), ("a\\'b", "E'a\\\\''b'"), ("nul\0", "'nul'")],
)
def test_texts_mean_the_same_under_both_rules_for_backslashes(text: str, written: str) -> None:
    assert literal(text) == written
