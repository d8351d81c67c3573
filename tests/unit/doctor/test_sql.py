"""Names and lists for SQL that is pasted into psql."""

from __future__ import annotations

import pytest

from exporter.doctor.sql import identifier, literal, with_library


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("watcher", '"watcher"'),
        ("Watch Er", '"Watch Er"'),
        ('we"ird', '"we""ird"'),
        ("a\\b", '"a\\b"'),
        ("käse", '"käse"'),
        ("two\nlines", 'U&"two\\+00000alines"'),
        ('\x1b[2J"\\', 'U&"\\+00001b[2J""\\\\"'),
    ],
)
def test_a_name_stays_on_one_line_and_one_name(name: str, quoted: str) -> None:
    assert identifier(name) == quoted


def test_a_text_ends_where_it_should() -> None:
    assert literal("it's") == "'it''s'"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "'pg_stat_statements'"),
        ("auto_explain", "'auto_explain', 'pg_stat_statements'"),
        ("auto_explain,timescaledb", "'auto_explain', 'timescaledb', 'pg_stat_statements'"),
        (' auto_explain , "$libdir/odd, one"', "'auto_explain', '$libdir/odd, one', 'pg_stat_statements'"),
    ],
)
def test_a_library_joins_those_that_are_there_each_in_its_own_quotes(before: str, after: str) -> None:
    assert with_library(before, "pg_stat_statements") == after
