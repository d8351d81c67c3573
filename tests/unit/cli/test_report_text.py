"""A report in a terminal: what is shown, in which order, how wide, and nothing that a terminal obeys."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from exporter.analysis.finding import Evidence, Gap, Kind, Severity
from exporter.analysis.report import Report, ServerSummary
from exporter.cli._report_text import IN_A_LINE, IN_FULL, value_text, write_findings, write_report
from exporter.cli._terminal import console
from tests.unit.cli.reports import RAW, finding, hostile, report, statement

ESCAPES = "a\x1b[31mred\x1b]0;title\x07\r\n\t\u202eback\x00\u2028end"


def shown(known: Report, width: int = 120, *, detailed: bool = False) -> str:
    file = StringIO()
    terminal: Console = console(file)
    terminal.width = width
    write_report(terminal, known, detailed=detailed)
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("detailed", [False, True])
def test_no_line_is_wider_than_the_terminal_but_what_is_copied(width: int, *, detailed: bool) -> None:
    lines = shown(report(), width, detailed=detailed).splitlines()

    sql = [line for line in lines if line.strip().startswith(("CREATE", "datastack"))]
    assert len(sql) == 2, "the index, and the remedy of what was not looked at"
    assert [line for line in lines if len(line) > width and line not in sql] == []
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [60, 80, 120])
def test_only_the_last_column_is_cut(width: int) -> None:
    text = shown(report(statements=[statement("SELECT " + "x, " * 100)]), width)

    (row,) = [line for line in text.splitlines() if "02aa3118da4f026c  SELECT x" in line and "%" in line]
    assert row.split()[:4] == ["48.5%", "125", "46.6", "ms"]
    assert row.endswith("…")
    assert row.count("…") == 1


def test_what_matters_comes_first_and_the_rest_in_a_line() -> None:
    findings = [
        finding("The worst", severity=Severity.CRITICAL),
        finding("Costs something"),
        finding("A pattern", severity=Severity.INFO, kind=Kind.ANTI_PATTERN, cost="A change"),
    ]

    text = shown(report(findings=findings))

    places = [text.index(t) for t in ("The worst", "Costs something", "A pattern", "Statements by time")]
    assert places == sorted(places)
    assert "Findings: 1 critical, 1 to mend, 1 worth knowing; 1 thing not looked at, see the end" in text
    assert "  - A pattern  02aa3118da4f026c  (proven, database shop)" in text
    assert "A change" not in text
    assert "A change" in shown(report(findings=findings), detailed=True)
    assert text.rstrip().endswith("datastack-exporter analyze --observe 60")


def test_three_hundred_findings_are_not_all_in_full() -> None:
    findings = [finding(f"Number {n}") for n in range(300)]

    text = shown(report(findings=findings))

    assert text.count(" WARNING ") == IN_FULL
    assert text.count("  - Number") == IN_A_LINE
    assert f"... and {300 - IN_FULL - IN_A_LINE} more" in text
    assert shown(report(findings=findings), detailed=True).count(" WARNING ") == 300


def test_nothing_is_not_health_where_something_was_not_looked_at() -> None:
    gaps = [Gap("statements", "no extension"), Gap("clients", "no right")]

    assert "Nothing was found; 2 things not looked at" in shown(report(findings=[], gaps=gaps))
    assert "Nothing was found." in shown(report(findings=[], gaps=[]))


def test_a_server_of_which_nothing_is_known() -> None:
    text = shown(report(server=ServerSummary(), statements=[], relations={}, findings=[], gaps=[]))

    assert "None" not in text
    assert "Statements" not in text


@pytest.mark.parametrize("detailed", [False, True])
def test_nothing_in_it_is_obeyed_by_a_terminal(*, detailed: bool) -> None:
    text = shown(hostile(ESCAPES), detailed=detailed)

    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert text.count("red") > 10
    assert RAW not in text


def test_an_encoding_without_such_letters_gets_question_marks() -> None:
    class Ascii(StringIO):
        encoding = "ascii"

    file = Ascii()
    write_findings(console(file), report(findings=[finding("Straße · µs")]))

    assert "Stra?e ? ?s" in file.getvalue()


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (60_000, "rows", "60,000 rows"),
        (125.0, "calls", "125"),
        (0.0466, "seconds", "46.6 ms"),
        (1.544, "seconds", "1.54 s"),
        (0.00000152, "seconds", "1.52 µs"),
        (7200, "seconds", "2 hours"),
        (0.001, "ratio", "0.1 %"),
        (0.6667, "ratio", "67 %"),
        (1, "ratio", "100 %"),
        (0.999, "ratio", "99.9 %"),
        (1_564_672, "bytes", "1.5 MB"),
        (45.514, "", "45.5"),
        (2371.89, "", "2,372"),
        (12.5, "1/s", "12.5/s"),
        ("never", "", "never"),
        ("two\nlines", "", "two lines"),
    ],
)
def test_figures_are_as_people_write_them(value: Any, unit: str, expected: str) -> None:
    assert value_text(Evidence("calls" if unit == "calls" else "x", value, unit)) == expected


def test_a_unit_is_not_said_twice() -> None:
    assert value_text(Evidence("calls a second", 12.5, "1/s")) == "12.5"
    assert value_text(Evidence("dead rows", 40_000, "rows")) == "40,000"
