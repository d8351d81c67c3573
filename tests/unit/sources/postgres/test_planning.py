"""What is made of a text before the server is asked for its plan."""

from __future__ import annotations

import pytest

from exporter.sources.postgres.planning import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1 /* hunter2 */ + 2", "select 1   + 2"),
        ("select 1/*controller='hunter2'*/+2 -- hunter2", "select 1 +2  "),
        ("select a--hunter2\nfrom t", "select a \nfrom t"),
        ("/*+ IndexScan(t t_pkey) */ select * from t", "/*+ IndexScan(t t_pkey) */ select * from t"),
        ("select '/* kept */' from t", "select '/* kept */' from t"),
        ("select 1", "select 1"),
        ("prepare q (int, text) as select * from t where a = $1", "select * from t where a = $1"),
        ("PREPARE q AS\n/* hunter2 */ update t set a = $1 -- x", "update t set a = $1  "),
    ],
)
def test_nothing_but_the_statement_itself_is_planned(text: str, expected: str) -> None:
    assert plain(text) == expected
