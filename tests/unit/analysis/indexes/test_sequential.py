"""Tables that are read as a whole, where there is no plan to tell why."""

from __future__ import annotations

from typing import Any

from exporter.analysis.finding import Confidence, Finding, Severity
from exporter.analysis.indexes.sequential import sequential_scans
from tests.unit.analysis.indexes.making import relations, table

DAY = 86_400.0


def found(statistics_seconds: float | None = DAY, **more: Any) -> list[Finding]:
    known = {"seq_scan": 100_000, "seq_tup_read": 100_000 * 100_000, "idx_scan": 5, **more}
    return list(
        sequential_scans(relations([table(1, "orders", **known)], statistics_seconds=statistics_seconds))
    )


def test_a_large_table_that_is_read_again_and_again() -> None:
    (finding,) = found()

    assert (finding.subject, finding.confidence) == ("shop.orders", Confidence.LOW)
    assert finding.weight == 100_000 * 100_000 / DAY
    assert "CREATE INDEX" not in " ".join(finding.sql)


def test_it_is_a_warning_when_it_is_much() -> None:
    assert [f.severity for f in found()] == [Severity.INFO]
    assert [f.severity for f in found(statistics_seconds=DAY / 10)] == [Severity.WARNING]


def test_small_tables_few_scans_and_scans_that_end_soon_are_fine() -> None:
    assert found(rows=9_000.0, pages=900) == []
    assert found(seq_scan=99, seq_tup_read=99 * 100_000) == []
    assert found(seq_tup_read=100_000 * 1_000, statistics_seconds=1000.0) == []
    assert found(statistics_seconds=DAY * 1000) == []


def test_without_a_beginning_of_the_statistics_it_is_said_all_the_same() -> None:
    assert len(found(statistics_seconds=None)) == 1


def test_partitions_are_one_table() -> None:
    whole = table(1, "e", kind="p", rows=0.0, pages=0)
    parts = [
        table(oid, f"e_{oid}", parent=1, seq_scan=10_000, seq_tup_read=10_000 * 100_000) for oid in (2, 3)
    ]

    (finding,) = sequential_scans(relations([whole, *parts], statistics_seconds=DAY))

    assert finding.subject == "shop.e"


def test_a_name_can_not_break_out_of_its_literal() -> None:
    (finding,) = sequential_scans(relations([table(1, "o'; DROP", seq_scan=10**5, seq_tup_read=10**10)]))

    assert "ILIKE '%o''; DROP%' ORDER" in finding.sql[0]
