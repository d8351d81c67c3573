from __future__ import annotations

import json
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.slow_query import SlowKind, SlowQuery
from exporter.slow_log.line import ODD, line_of
from tests.unit.slow_log.queries import slow


def test_a_line_has_every_attribute() -> None:
    query = slow(
        text="SELECT ? FROM Straße", blocked_by=(7, 0), pid=12, tables=("straße",), at=0.0, seconds=1 / 3
    )
    line = line_of(query)

    read = json.loads(line)
    assert [*read] == [field.name for field in fields(SlowQuery)]
    assert read["at"] == "1970-01-01T00:00:00.000Z"
    assert read["since"] == "2023-11-14T22:13:20.000Z"
    assert (read["seconds"], read["kind"], read["blocked_by"]) == (0.333333, "running", [7, 0])
    assert "Straße".encode() in line


def test_what_a_terminal_would_obey_is_escaped() -> None:
    evil = "a\x1b[2J\r\nb\x7f\x9b31m\u202egnp.exe\u2028\x00\t"
    line = line_of(slow(SlowKind.COMMAND, application_name=evil))

    assert json.loads(line)["application_name"] == evil
    shown = line.decode()
    assert shown.endswith("}\n")
    assert not any(ord(character) < 32 for character in shown[:-1])
    assert not ODD.search(shown)


@given(st.text(st.characters(), max_size=40))
def test_any_text_is_one_line_of_valid_utf_8(text: str) -> None:
    line = line_of(slow(text=text, datname=text, tables=(text,)))

    assert line.count(b"\n") == 1
    read = json.loads(line.decode("utf-8"))
    assert read["text"] == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
