"""The best index for a statement, and few indexes for many."""

from __future__ import annotations

from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.selection import Trial, best, fewer


def index(*columns: str, equal: int = 0, predicate: str = "") -> Candidate:
    return Candidate(table=1, keys=tuple(map(Key, columns)), equal=equal, predicate=predicate)


def test_less_than_thirty_percent_are_not_worth_an_index() -> None:
    assert best([Trial((index("a"),), 71, 10)], before=100) is None
    assert best([Trial((index("a"),), 70, 10)], before=100) is not None


def test_the_narrower_of_two_that_are_about_as_good() -> None:
    wide, narrow = Trial((index("a", "b"),), 100, 10), Trial((index("a"),), 109, 20)

    assert best([wide, narrow], before=300) == narrow
    assert best([wide, narrow._replace(cost=111)], before=300) == wide


def test_what_remains_of_a_costly_plan_does_not_matter() -> None:
    wide, narrow = Trial((index("a", "b"),), 4, 10), Trial((index("a"),), 15, 20)

    assert best([wide, narrow], before=1000) == narrow
    assert best([wide, narrow], before=100) == wide


def test_the_smaller_of_two_that_are_as_wide() -> None:
    large, small = Trial((index("a"),), 10, 200), Trial((index("b"),), 10, 100)

    assert best([large, small], before=1000) == small


def test_a_prefix_needs_no_index_of_its_own() -> None:
    assert fewer([index("a", equal=1), index("a", "b", equal=1)])[index("a", equal=1)] == index(
        "a", "b", equal=1
    )


def test_free_keys_are_put_into_the_order_that_serves_more() -> None:
    narrow, wide = index("b", equal=1), index("a", "b", equal=2)

    found = fewer([narrow, wide])

    assert found[narrow].columns == found[wide].columns == ("b", "a")


def test_an_order_that_was_chosen_for_one_is_not_turned_for_another() -> None:
    first, second, wide = index("b", equal=1), index("a", equal=1), index("a", "b", equal=2)

    found = fewer([first, second, wide])

    assert len(set(found.values())) == 2
    for narrow in (first, second):
        assert found[narrow].columns[0] == narrow.columns[0]


def test_keys_of_a_range_stay_where_they_are() -> None:
    narrow, wide = index("at"), index("a", "at", equal=1)

    assert fewer([narrow, wide])[narrow] == narrow


def test_partial_indexes_serve_their_own_rows_only() -> None:
    whole, partial = index("a", equal=1), index("a", "b", equal=2, predicate="done")

    assert fewer([whole, partial])[whole] == whole


def test_equal_sets_are_one_index() -> None:
    one, other = index("a", "b", equal=2), index("b", "a", equal=2)

    assert len(set(fewer([one, other]).values())) == 1
