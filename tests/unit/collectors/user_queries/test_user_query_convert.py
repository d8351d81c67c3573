"""What the server writes, as values and labels: the page takes nothing that is no number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.user_queries import convert

TEXT, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL = 25, 1082, 1114, 1184, 1186

VALUES = (
    ("5", 20, "5"),
    ("1.5e+06", 701, "1.5e+06"),
    ("Infinity", 701, "Infinity"),
    ("NaN", 1700, "NaN"),
    ("t", convert.BOOL, 1),
    ("f", convert.BOOL, 0),
    ("1970-01-02", DATE, 86_400),
    ("1970-01-01 00:00:59.9", TIMESTAMP, 59),
    ("1969-12-31 23:59:59.5", TIMESTAMP, -1),
    ("2024-02-29 12:00:00.123456+05:30", TIMESTAMPTZ, 1_709_188_200),
    ("infinity", TIMESTAMPTZ, "infinity"),
    ("0044-03-15 12:00:00+00 BC", TIMESTAMPTZ, None),
    ("294276-12-31 23:59:59+00", TIMESTAMPTZ, None),
    ("17", TEXT, "17"),
    ("-.5", TEXT, "-.5"),
    ("5.", TEXT, "5."),
    ("inf", TEXT, "inf"),
    ("", TEXT, None),
    (" 5", TEXT, None),
    ("1_000", TEXT, None),
    ("0x10", TEXT, None),
    ("1 day", INTERVAL, None),
    ("\u0665", TEXT, None),
    ("5\n# TYPE x", TEXT, None),
)


@pytest.mark.parametrize(("text", "oid", "value"), VALUES)
def test_a_value(text: str, oid: int, value: object) -> None:
    assert convert.numbers([text, None], oid, "null") == [value, "null"]


@given(st.text())
def test_a_text_is_a_number_on_the_page_or_absent(text: str) -> None:
    (value,) = convert.numbers([text], TEXT, None)
    if value is not None:
        assert re.fullmatch(r"[\d.eE+-]+|[+-]?inf(inity)?|nan", str(value), re.ASCII | re.IGNORECASE)
        float(value)


LABELS = (
    ("t", convert.BOOL, "true"),
    ("f", convert.BOOL, "false"),
    ("1970-01-02", DATE, "86400"),
    ("1000000", 701, "1e+06"),
    ("Infinity", 701, "+Inf"),
    ("1.50", 1700, "1.50"),
    ("text \xe9", TEXT, "text \xe9"),
)


@pytest.mark.parametrize(("text", "oid", "label"), LABELS)
def test_a_label(text: str, oid: int, label: str) -> None:
    assert convert.labels([text, None], oid) == [label, ""]


GO = (
    (0.0, "0"),
    (0.1, "0.1"),
    (1.0, "1"),
    (-2.5, "-2.5"),
    (100_000.0, "100000"),
    (1e6, "1e+06"),
    (123_456_789.0, "1.23456789e+08"),
    (0.0001, "0.0001"),
    (0.00001, "1e-05"),
    (1e300, "1e+300"),
    (float("inf"), "+Inf"),
    (float("-inf"), "-Inf"),
    (float("nan"), "NaN"),
)


@pytest.mark.parametrize(("value", "text"), GO)
def test_floating_point_as_go_writes_it(value: float, text: str) -> None:
    assert convert.go_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floating_point_keeps_its_value(value: float) -> None:
    assert float(convert.go_float(value)) == value


DURATIONS = (
    ("1h2m3.5s", 3_723_500),
    ("300ms", 300),
    ("1500us", 1),
    ("2\u00b5s", 0),
    ("-1.5s", -1_500),
    ("250", "250"),
    ("-1", "-1"),
    ("1 day", None),
    ("1x", None),
    ("", None),
)


@pytest.mark.parametrize(("text", "value"), DURATIONS)
def test_a_duration_in_milliseconds(text: str, value: object) -> None:
    assert convert.milliseconds(text) == value


def test_an_array() -> None:
    assert convert.array("{0.1,1,Infinity}") == ["0.1", "1", "Infinity"]
    assert convert.array("{}") == []
    assert [convert.array(text) for text in (None, "1", "{a}", "{NULL}", "{{1},{2}}")] == [None] * 5


def test_words_by_a_mapping() -> None:
    mapped = convert.mapped({"off": 0.0, "on": 1.0})
    assert [mapped("on"), mapped("off"), mapped("7"), mapped("maybe")] == [1.0, 0.0, "7", None]
