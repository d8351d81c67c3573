"""Figures and sentences as people write them."""

from __future__ import annotations

import pytest

from exporter.analysis.finding import Gap, together
from exporter.analysis.wording import brief, counted, duration, figure, percent, sentence


@pytest.mark.parametrize(
    ("seconds", "said", "short"),
    [
        (0.0, "0 seconds", "0"),
        (0.0000015, "1.5 µs", "1.5 µs"),
        (0.1504, "150 ms", "150 ms"),
        (1.0, "1 second", "1 s"),
        (1.54, "1.5 seconds", "1.54 s"),
        (90.0, "1.5 minutes", "90 s"),
        (86_400.0, "1 day", "86,400 s"),
        (30 * 86_400.0, "30 days", "2,592,000 s"),
    ],
)
def test_times(seconds: float, said: str, short: str) -> None:
    assert (duration(seconds), brief(seconds)) == (said, short)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (0.0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.0049, "0.5 %"),
        (0.126, "13 %"),
        (0.994, "99.4 %"),
        (0.9999, "over 99.9 %"),
        (1.0, "100 %"),
        (1.5, "150 %"),
    ],
)
def test_a_little_is_not_nothing_and_nearly_all_not_all(ratio: float, said: str) -> None:
    assert percent(ratio) == said


def test_numbers() -> None:
    assert [figure(n) for n in (60_000.0, 2371.89, 45.514, 0.0266, 0)] == [
        "60,000",
        "2,372",
        "45.5",
        "0.0266",
        "0",
    ]
    assert (counted(1, "statement"), counted(1200, "statement")) == ("1 statement", "1,200 statements")
    assert counted(2, "index", "indexes") == "2 indexes"


def test_sentences() -> None:
    assert sentence("no extension: CREATE EXTENSION") == "No extension: CREATE EXTENSION."
    assert sentence("127.0.0.1:5432: refused") == "127.0.0.1:5432: refused."
    assert sentence("Is it there?") == "Is it there?"
    assert sentence("pg_stats shows nothing.") == "pg_stats shows nothing."


def test_databases_that_lack_the_same_are_named_together() -> None:
    gaps = [Gap("unused indexes", "Too young.", datname=name) for name in ("a", "b", "c", "d", "e", "a")]
    other = Gap("unused indexes", "Older.", datname="f")

    found = together([gaps[0], other, *gaps[1:], Gap("N+1 patterns", "Nobody watched.")])

    assert [gap.what for gap in found] == [
        "unused indexes in databases a, b, c and 2 more",
        "unused indexes in database f",
        "N+1 patterns",
    ]
