"""What differs between two pages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.doctor.comparison.compare import Comparison, compare
from exporter.doctor.comparison.page import read

NOTHING = Comparison([], [], [], [], [], [], [])


def of(theirs: str, ours: str) -> Comparison:
    return compare(read(theirs), read(ours))


def test_the_same_in_another_order_with_other_counts_is_the_same() -> None:
    theirs = '# TYPE a counter\na{x="1",y="2"} 5\n# TYPE b gauge\nb 10\n'
    ours = '# TYPE b gauge\nb 14\n# TYPE a counter\na{y="2",x="1"} 500\n'

    assert of(theirs, ours) == NOTHING


def test_a_missing_metric_and_an_extra_one() -> None:
    found = of('# TYPE a gauge\na{x="1"} 1\na{x="2"} 1\n', "b 1\n")

    assert found.missing == [("a", "gauge", 2)]
    assert found.extra == ["b"]


def test_a_metric_without_a_number_says_nothing() -> None:
    found = of('a NaN\nb{x="1"} NaN\nb{x="2"} 1\n', 'b{x="2"} 1\n')

    assert found == NOTHING._replace(unknown=["a"])


def test_another_type() -> None:
    assert of("# TYPE a gauge\na 1\n", "# TYPE a counter\na 1\n").types == [("a", "gauge", "counter")]


def test_label_names_of_one_page_only() -> None:
    found = of('a{x="1",server="s"} 2\n', 'a{x="1",y="2",z="3"} 2\n')

    assert found.labels == [("a", ("server",), ("y", "z"))]
    assert found.series == []


def test_a_label_without_a_value_is_a_label_all_the_same() -> None:
    assert of('a{x="",y="1"} 1\na{x="",y="2"} 1\n', 'a{y="1"} 1\na{y="2"} 1\n').labels == [("a", ("x",), ())]


def test_series_are_told_apart_by_the_labels_that_both_have() -> None:
    theirs = 'a{db="x",server="s"} 1\na{db="y",server="s"} 1\na{db="z",server="s"} 1\n'
    found = of(theirs, 'a{db="x",user="u"} 1\na{db="x",user="v"} 1\n')

    assert found.series == [("a", [frozenset({("db", "y")}), frozenset({("db", "z")})], 3)]


def test_series_of_a_histogram_are_told_apart_without_its_bounds() -> None:
    head = "# TYPE a histogram\n"
    found = of(
        f'{head}a_bucket{{x="1",le="1"}} 1\na_sum{{x="1"}} 2\na_count{{x="1"}} 1\n',
        f'{head}a_bucket{{x="1",le="5"}} 1\na_sum{{x="1"}} 9\na_count{{x="1"}} 1\n',
    )

    assert found == NOTHING


def test_clearly_other_gauges_are_named() -> None:
    head = "# TYPE a gauge\n"
    found = of(f'{head}a{{x="1"}} 100\na{{x="2"}} 1000\n', f'{head}a{{x="1"}} 149\na{{x="2"}} 1\n')

    assert found.values == [("a", frozenset({("x", "2")}), "1000", "1")]


def test_counters_are_never_compared() -> None:
    head = "# TYPE a counter\n"
    assert of(f"{head}a 1\n", f"{head}a 1000\n").values == []
    assert of("# TYPE a gauge\na_total 1\n", "# TYPE a gauge\na_total 1000\n").values == []
    assert of("a 1\n", "a 1000\n").values == []


def test_a_value_split_over_more_labels_is_not_compared() -> None:
    head = "# TYPE a gauge\n"
    assert of(f'{head}a{{x="1"}} 9\n', f'{head}a{{x="1",y="1"}} 4\na{{x="1",y="2"}} 5\n').values == []


def test_facts_differ_in_text_and_are_not_missing() -> None:
    found = of('v_info{short="1.0",long="same"} 1\n', 'v_info{short="1",long="same",more="x"} 1\n')

    assert found.series == []
    assert found.values == [("v_info", frozenset(), 'short="1.0"', 'short="1"')]


def test_several_facts_are_series() -> None:
    found = of('i_info{d="a"} 1\ni_info{d="b"} 1\n', 'i_info{d="a"} 1\n')

    assert found.series == [("i_info", [frozenset({("d", "b")})], 2)]


NAME = st.sampled_from(["a", "b", "c_total", "d_info"])
LINE = st.tuples(NAME, st.sampled_from(["", '{x="1"}', '{x="2",y=""}']), st.floats(allow_nan=True))
PAGES = st.lists(
    st.one_of(st.text(), LINE.map(lambda line: f"{line[0]}{line[1]} {line[2]}")), max_size=15
).map("\n".join)


@given(PAGES, PAGES)
def test_any_two_pages_are_compared(theirs: str, ours: str) -> None:
    of(theirs, ours)


@given(PAGES)
def test_a_page_lacks_nothing_of_itself(page: str) -> None:
    found = of(page, page)

    assert found._replace(unknown=[]) == NOTHING


@given(PAGES)
def test_all_of_a_page_is_missing_on_an_empty_one(page: str) -> None:
    found = of(page, "")

    assert {m.name for m in found.missing} | set(found.unknown) == set(read(page).families)
