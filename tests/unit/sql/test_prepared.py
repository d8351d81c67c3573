"""PREPARE is what it prepares: the calls of EXECUTE are counted under its text."""

from __future__ import annotations

import pytest

from exporter.sql.normal import fingerprint, normal_form
from exporter.sql.redaction import redacted
from exporter.sql.shape import shape_of

PLAIN = "SELECT id FROM orders WHERE note = $1"


@pytest.mark.parametrize(
    "text",
    [
        f"PREPARE lookup AS {PLAIN}",
        f"prepare hunter2 (text, numeric(10, 2)[]) as {PLAIN}",
        f'/* hunter2 */ Prepare "hunter2"(text) As {PLAIN}',
        f"PREPARE lookup AS {PLAIN.replace('$1', repr('hunter2'))};",
    ],
)
def test_it_is_the_same_statement_as_without(text: str) -> None:
    assert fingerprint(text) == fingerprint(PLAIN)
    assert shape_of(text) == shape_of(PLAIN)
    assert redacted(text).replace("?", "$1") == PLAIN


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("PREPARE TRANSACTION 'hunter2'", "PREPARE TRANSACTION"),
        ("PREPARE lookup", "PREPARE"),
        ("PREPARE lookup (int", "PREPARE"),
        ("prepare", "PREPARE"),
        ("PREPARE lookup AS", "PREPARE"),
    ],
)
def test_what_prepares_nothing_stays_a_command(text: str, tag: str) -> None:
    assert normal_form(text) == redacted(text) == shape_of(text).tag == tag
