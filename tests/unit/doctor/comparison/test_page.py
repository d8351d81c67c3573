"""Reading a page of metrics, whatever it holds."""

from __future__ import annotations

from math import inf, isnan

from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.comparison.page import CHUNK, Family, read

PAGE = """\
# HELP pg_up Whether it is up.
# TYPE pg_up gauge
pg_up 1
# TYPE x_seconds histogram
x_seconds_bucket{a="1",le="0.1"} 2
x_seconds_bucket{a="1",le="+Inf"} 3
x_seconds_sum{a="1"} 0.2
x_seconds_count{a="1"} 3
# TYPE y summary
y{quantile="0.5"} NaN
y_sum 4
y_count 2
untyped{a="",b="\\"\\\\\\n"} 5 1690000000000
"""


def only(text: str) -> Family:
    (family,) = read(text).families.values()
    return family


def test_families_with_type_labels_and_values() -> None:
    page = read(PAGE)

    assert [(f.name, f.kind, f.names) for f in page.families.values()] == [
        ("pg_up", "gauge", set()),
        ("x_seconds", "histogram", {"a"}),
        ("y", "summary", set()),
        ("untyped", "untyped", {"a", "b"}),
    ]
    assert page.families["pg_up"].series == {frozenset(): 1}
    assert page.families["x_seconds"].series == {frozenset({("a", "1")}): None}
    assert page.families["y"].series == {frozenset(): None}
    assert page.families["untyped"].series == {frozenset({("b", '"\\\n')}): 5}
    assert (page.series, page.invalid) == (4, 0)


def test_counters_keep_their_names() -> None:
    assert only("# TYPE a counter\na 1\n").kind == "counter"
    assert only("# TYPE a_total counter\na_total 1\n").name == "a_total"
    openmetrics = only("# TYPE a counter\na_total 1\n# EOF\n")
    assert (openmetrics.name, openmetrics.kind) == ("a_total", "counter")


def test_a_suffix_alone_makes_no_histogram() -> None:
    assert list(read("# TYPE a gauge\na 1\na_count 2\nb_sum 3\n").families) == ["a", "a_count", "b_sum"]


def test_odd_values() -> None:
    assert isnan(only("a NaN\n").series[frozenset()] or 0)
    assert only("a +Inf\n").series == {frozenset(): inf}
    assert only(f"a {'9' * 400}\n").series == {frozenset(): inf}
    assert only("# TYPE a unknown\na 1\n").kind == "untyped"


def test_invalid_lines_are_counted_and_hide_no_other() -> None:
    lines = [f'a{{n="{n}"}} {n}' for n in range(3 * CHUNK)]
    for place, odd in ((0, "<html>"), (CHUNK, 'a{n="1} 2'), (2 * CHUNK + 7, "b one"), (-1, "{}")):
        lines.insert(place, odd)
    page = read("\n".join(lines))

    assert len(page.families["a"].series) == 3 * CHUNK
    assert page.invalid == 4


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read(text)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n")), max_size=20), st.integers(0, 20))
def test_any_lines_leave_a_valid_one_alone(lines: list[str], place: int) -> None:
    lines.insert(place, 'pg_locks_count{mode="lock"} 7')

    series = read("\n".join(lines)).families["pg_locks_count"].series
    assert frozenset({("mode", "lock")}) in series


LABELS = st.dictionaries(st.sampled_from("abc"), st.text(), max_size=3)


@given(st.text("{}=\",\\ #_:abc019.eENaInf+-\t'", max_size=60), LABELS)
def test_what_nearly_is_a_page_is_read(text: str, labels: dict[str, str]) -> None:
    read(f"# TYPE {text} {text}\n{text}\na{{{text}}} 1\na{{x={text!r}}} {labels}\n")
