"""Which indexes make another one needless, and which don't."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.coverage import broken, covering, outdone
from tests.unit.analysis.indexes.making import index, relations, table


def candidate(*keys: str | Key, equal: int = 0, **more: Any) -> Candidate:
    made = tuple(key if isinstance(key, Key) else Key(key) for key in keys)
    return Candidate(table=1, keys=made, equal=equal, **more)


@pytest.mark.parametrize(
    ("wanted", "there", "needless"),
    [
        (candidate("a", equal=1), index("i", "a"), True),
        (candidate("a", equal=1), index("i", "a", "b"), True),
        (candidate("a", equal=1), index("i", "b", "a"), False),
        (candidate("a", "b", equal=2), index("i", "b", "a", unique=True, primary=True), True),
        (candidate("a", "b", equal=1), index("i", "b", "a"), False),
        (candidate("a", "b", equal=1), index("i", "a"), False),
        (candidate("a", equal=1), index("i", "a", method="hash"), True),
        (candidate("a"), index("i", "a", method="hash"), False),
        (candidate("a", equal=1), index("i", "a", method="brin"), False),
        (candidate("a", equal=1), index("i", "a", predicate="{...}"), False),
        (candidate("a", equal=1, predicate="b IS NULL"), index("i", "a"), False),
        (candidate("a", equal=1), index("i", "a", valid=False), False),
        (candidate("a", equal=1), index("i", None, "a", expressions="{...}"), False),
        (candidate("a", equal=1), index("i", "a", on=2), False),
        (candidate("a"), index("i", "a", options=(3,)), True),
        (candidate("a", "b"), index("i", "a", "b", options=(0, 0)), True),
        (candidate("a", "b"), index("i", "a", "b", options=(3, 3)), True),
        (candidate("a", "b"), index("i", "a", "b", options=(0, 3)), False),
        (candidate("a", Key("b", "", True)), index("i", "a", "b", options=(3, 0)), True),
        (candidate("a", equal=1, include=("b",)), index("i", "a"), False),
        (candidate("a", equal=1, include=("b",)), index("i", "a", include=("c", "b")), True),
        (candidate(Key(None, "lower(a)"), equal=1), index("i", "a"), False),
    ],
)
def test_what_is_there_already(wanted: Candidate, there: object, needless: bool) -> None:
    known = Catalog.of(relations([table()], there))  # type: ignore[arg-type]

    assert (covering(wanted, known) is not None) is needless


def test_an_invalid_index_is_named() -> None:
    known = Catalog.of(relations([table()], index("failed", "a", valid=False)))

    found = broken(candidate("a", equal=1), known)

    assert found is not None
    assert found.name == "failed"


def test_what_the_new_index_would_make_needless() -> None:
    known = Catalog.of(relations(
        [table()], index("prefix", "a"), index("unique", "a", unique=True), index("other", "b"),
        index("same", "a", "b"), index("partial", "a", predicate="{...}"), index("gin", "a", method="gin"),
    ))  # fmt: skip

    assert [found.name for found in outdone(candidate("a", "b", equal=2), known)] == ["prefix"]
