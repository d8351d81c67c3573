"""Foreign keys without an index, and indexes that never were finished."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.analysis.finding import Finding, Kind, Severity
from exporter.analysis.hygiene import index_hygiene
from exporter.facts.relations import Relations
from tests.unit.analysis.hygiene.shapes import CUSTOMERS, ORDERS, executable, index, key, relations, table


def of_kind(of: Relations, kind: Kind) -> list[Finding]:
    return [finding for finding in index_hygiene(of) if finding.kind is kind]


def lacking(of: Relations) -> list[Finding]:
    return of_kind(of, Kind.UNINDEXED_FOREIGN_KEY)


@pytest.mark.parametrize(
    ("enough", "given"),
    [
        (True, index(5, "a", "b", unique=True, primary=True)),
        (True, index(5, "b", "a")),
        (True, index(5, "b", "a", "c")),
        (True, index(5, "a", "b", predicate="n", only_not_null="b")),
        (False, index(5, "a", "c", "b")),
        (False, index(5, "a")),
        (False, index(5, "c", "a", "b")),
        (False, index(5, "a", "b", valid=False)),
        (False, index(5, "a", "b", predicate="p")),
        (False, index(5, "a", "b", method="brin")),
        (False, index(5, "a", None)),
        (False, index(5, "a", include=("b",))),
    ],
)
def test_the_first_columns_in_any_order_are_enough(enough: bool, given: Any) -> None:
    assert (not lacking(relations(given, keys=(key("a", "b"),)))) is enough


def test_it_matters_where_referenced_rows_are_deleted_from_a_large_table() -> None:
    quiet = lacking(relations(keys=(key("a"),)))
    tables = (table(ORDERS, "orders"), table(CUSTOMERS, "customers", n_tup_del=5_000))
    felt = lacking(relations(keys=(key("a"),), tables=tables))
    small = (table(ORDERS, "orders", rows=500.0, bytes=65536), tables[1])

    assert [f.severity for f in quiet] == [Severity.INFO]
    assert [f.severity for f in felt] == [Severity.WARNING]
    assert [f.severity for f in lacking(relations(keys=(key("a"),), tables=small))] == [Severity.INFO]
    assert felt[0].sql == ["CREATE INDEX CONCURRENTLY ON public.orders (a);"]
    assert {"rows deleted from public.customers": 5_000}.items() <= {
        e.name: e.value for e in felt[0].evidence
    }.items()


def test_partitions_may_have_it_each_by_itself() -> None:
    tables = (table(ORDERS, "orders", kind="p"), *(table(n, f"o{n}", parent=ORDERS) for n in (5, 6)))
    own = [index(20, "a", table=5, scans=1), index(21, "a", table=6, scans=1)]

    assert lacking(relations(*own, tables=tables, keys=(key("a"),))) == []
    (finding,) = lacking(relations(own[0], tables=tables, keys=(key("a"),)))
    assert finding.sql == [
        "CREATE INDEX orders_a_idx ON ONLY public.orders (a);",
        "CREATE INDEX CONCURRENTLY o5_a_fk ON public.o5 (a);",
        "ALTER INDEX public.orders_a_idx ATTACH PARTITION public.o5_a_fk;",
        "CREATE INDEX CONCURRENTLY o6_a_fk ON public.o6 (a);",
        "ALTER INDEX public.orders_a_idx ATTACH PARTITION public.o6_a_fk;",
    ]


@pytest.mark.parametrize(
    ("name", "cause", "ready"),
    [
        ("orders_a", "CREATE INDEX", "REINDEX INDEX CONCURRENTLY public.orders_a;"),
        ("orders_a_ccnew", "REINDEX", "DROP INDEX CONCURRENTLY public.orders_a_ccnew;"),
        ("orders_a_ccold1", "could not drop", "DROP INDEX CONCURRENTLY public.orders_a_ccold1;"),
    ],
)
def test_an_invalid_index_says_where_it_comes_from(name: str, cause: str, ready: str) -> None:
    (finding,) = of_kind(relations(_invalid(name)), Kind.INVALID_INDEX)

    assert cause in finding.title
    assert [line for line in finding.sql if executable(line)] == [ready]


def test_a_unique_one_that_failed_may_fail_again() -> None:
    said = {
        unique: [f.sql[0] for f in of_kind(relations(_invalid("a", unique=unique)), Kind.INVALID_INDEX)]
        for unique in (False, True)
    }

    assert said[False] == ["REINDEX INDEX CONCURRENTLY public.a;"]
    assert said[True][0].startswith("-- it is unique")


def _invalid(name: str, **more: Any) -> Any:
    from dataclasses import replace

    return replace(index(7, "a", valid=False, **more), name=name)


@pytest.mark.parametrize("more", [{"building": True}, {"table": 9}], ids=["building", "partitioned"])
def test_what_is_not_finished_yet_is_not_invalid(more: dict[str, Any]) -> None:
    tables = (table(ORDERS, "orders"), table(9, "parts", kind="p"))

    assert of_kind(relations(_invalid("orders_a", **more), tables=tables), Kind.INVALID_INDEX) == []


def test_an_invalid_index_with_a_constraint_is_only_rebuilt() -> None:
    (finding,) = of_kind(relations(_invalid("pk_ccnew", constraint=True)), Kind.INVALID_INDEX)

    assert finding.sql == ["REINDEX INDEX CONCURRENTLY public.pk_ccnew;"]
