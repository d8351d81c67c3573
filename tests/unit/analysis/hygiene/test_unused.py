"""Unused indexes: what is said to go, and all that stands against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.analysis.finding import Confidence, Finding, Kind, Severity
from exporter.analysis.hygiene import dropped_by, index_hygiene
from exporter.facts.relations import Relations
from tests.unit.analysis.hygiene.shapes import (
    CUSTOMERS,
    DAY,
    MB,
    NOW,
    ORDERS,
    executable,
    index,
    key,
    relations,
    table,
    used,
)


def found(of: Relations) -> list[Finding]:
    return [finding for finding in index_hygiene(of) if finding.kind is Kind.UNUSED_INDEX]


def test_an_index_without_scans_may_go_with_a_way_back() -> None:
    of = relations(index(7, "note", bytes=200 * MB))
    definition = "CREATE INDEX index_7 ON public.orders USING btree (note)"

    (finding,) = index_hygiene(of, {7: definition})

    assert dropped_by(of) == [7]
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.HIGH)
    assert finding.subject == "public.index_7"
    assert finding.sql == [
        "DROP INDEX CONCURRENTLY public.index_7;",
        f"-- to undo: {definition.replace('INDEX', 'INDEX CONCURRENTLY', 1)};",
    ]
    assert {evidence.name: evidence.value for evidence in finding.evidence}["size"] == 200 * MB


def test_large_ones_come_first_and_small_ones_not_at_all() -> None:
    sizes = {3: 5 * MB, 4: 300 * MB, 5: MB // 2, 6: 20 * MB}
    columns = {oid: f"column_{oid}" for oid in sizes}
    findings = found(relations(*(index(oid, columns[oid], bytes=size) for oid, size in sizes.items())))

    assert [finding.subject for finding in findings] == [f"public.index_{oid}" for oid in (4, 6, 3)]
    assert [finding.severity for finding in findings] == [Severity.WARNING, Severity.INFO, Severity.INFO]


@pytest.mark.parametrize(
    "needed",
    [
        *(
            {flag: True}
            for flag in ("unique", "primary", "exclusion", "constraint", "referenced", "building")
        ),
        *({flag: True} for flag in ("replica_identity", "clustered")),
        {"valid": False},
        {"scans": 1},
        {"scans": 9, "last_scan": NOW - 80 * DAY},
        {"age_seconds": 3 * DAY},
        {"parent": 99},
    ],
    ids=str,
)
def test_what_is_needed_or_may_be_stays(needed: dict[str, Any]) -> None:
    of = relations(index(7, "note", **needed))

    assert found(of) == []
    assert [line for f in index_hygiene(of) for line in f.sql if executable(line) and "DROP" in line] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"statistics_seconds": 29 * DAY},
        {"statistics_seconds": None},
        {"tables": (table(ORDERS, "orders", of_extension=True), table(CUSTOMERS, "customers"))},
        {"tables": (table(ORDERS, "orders", incomplete=True), table(CUSTOMERS, "customers"))},
        {"tables": (table(ORDERS, "orders", parent=77), table(CUSTOMERS, "customers"))},
        {"tables": (table(ORDERS, "orders", seq_tup_read=0),)},
    ],
    ids=[
        "young statistics",
        "unknown age",
        "of an extension",
        "incomplete",
        "parent unknown",
        "nothing counted",
    ],
)
def test_where_the_database_does_not_tell_nothing_is_said(changed: dict[str, Any]) -> None:
    assert found(relations(index(7, "note"), **changed)) == []


def test_the_last_scan_of_16_can_be_long_ago() -> None:
    (finding,) = found(relations(index(7, "note", scans=5000, last_scan=NOW - 120 * DAY)))

    assert "120 days" in finding.title
    assert finding.confidence is Confidence.MEDIUM


def test_a_foreign_key_needs_its_index_though_nobody_scans_it() -> None:
    whole, reversed_, part = index(7, "a", "b"), index(8, "b", "a", "c"), index(9, "b")

    assert found(relations(whole, keys=(key("a", "b"),))) == []
    assert found(relations(reversed_, keys=(key("a", "b"),))) == []
    assert found(relations(part, keys=(key("a", "b"),))) == [], "better than none"
    assert [f.subject for f in found(relations(whole, part, keys=(key("a", "b"),)))] == ["public.index_9"]
    assert [f.subject for f in found(relations(index(7, "c", "a"), keys=(key("a"),)))] == ["public.index_7"]


def test_of_two_that_a_foreign_key_could_use_not_both_go() -> None:
    assert found(relations(index(7, "a", "b", "x"), index(8, "b", "a", "y"), keys=(key("a", "b"),))) == []


def test_a_partial_index_backs_a_foreign_key_only_if_it_has_all_references() -> None:
    not_null = index(7, "a", predicate="{NULLTEST}", only_not_null="a")
    open_ones = index(8, "a", predicate="{OPEXPR}")

    assert [f.subject for f in found(relations(not_null, open_ones, keys=(key("a"),)))] == ["public.index_8"]


def test_a_partition_inherits_the_foreign_key_of_the_table_above() -> None:
    tables = (table(ORDERS, "orders", kind="p"), table(5, "orders_1", parent=ORDERS), table(CUSTOMERS, "c"))
    own = index(7, "customer", table=5)

    assert found(relations(own, tables=tables, keys=(key("customer"),))) == []
    assert len(found(relations(own, tables=tables))) == 1


def test_a_partitioned_index_goes_as_a_whole_or_not_at_all() -> None:
    tables = (table(ORDERS, "orders", kind="p"), *(table(n, f"orders_{n}", parent=ORDERS) for n in (5, 6)))
    top = index(7, "note", bytes=0)
    parts = [index(8, "note", table=5, parent=7), index(9, "note", table=6, parent=7)]

    (finding,) = found(relations(top, *parts, tables=tables))

    assert finding.subject == "public.index_7"
    assert finding.weight == 40 * MB
    assert [line for line in finding.sql if executable(line)] == ["DROP INDEX public.index_7;"], (
        "CONCURRENTLY does not work on a partitioned table"
    )
    assert found(relations(top, parts[0], used(parts[1]), tables=tables)) == []
    assert found(relations(top, parts[0], replace(parts[1], age_seconds=DAY), tables=tables)) == []


@pytest.mark.parametrize("elsewhere", [{"standbys": 2}, {"is_standby": True}], ids=str)
def test_with_standbys_it_is_only_a_hint(elsewhere: dict[str, Any]) -> None:
    (finding,) = found(relations(index(7, "note", bytes=900 * MB), **elsewhere))

    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.LOW)
    assert any("each of them" in line for line in finding.sql)
    if "is_standby" in elsewhere:
        assert not any(map(executable, finding.sql)), "a standby can't run it"


def test_names_are_quoted_and_stay_on_their_line() -> None:
    odd = replace(index(7, "note"), name='evil"; DROP TABLE x;\n--', schema="Sch ema")

    (finding,) = found(relations(odd))

    assert not any("\n" in line for line in finding.sql)
    assert finding.subject.startswith('"Sch ema".U&"evil""; DROP TABLE x;')
    assert [line.startswith("DROP INDEX CONCURRENTLY ") for line in finding.sql if executable(line)] == [True]


def test_a_definition_of_several_lines_is_not_put_behind_a_comment() -> None:
    (finding,) = index_hygiene(relations(index(7, "note")), {7: "CREATE INDEX i ON t ((a\n;DROP TABLE t))"})

    assert not any("\n" in line for line in finding.sql)
    assert any("pg_get_indexdef" in line for line in finding.sql)
