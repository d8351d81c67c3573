"""One finding for one thing: which goes, which stays, and how severe that is then."""

from __future__ import annotations

from typing import Any

from exporter.analysis.finding import Confidence, Finding, Kind, Severity
from exporter.analysis.overlaps import without_overlaps
from exporter.facts.relations import Relation, Relations
from exporter.facts.statement import StatementKey

EVENTS = Relations(
    datname="shop",
    taken_at=0.0,
    tables={
        1: Relation(oid=1, schema="shop", name="events", kind="p"),
        2: Relation(oid=2, schema="shop", name="events_1", parent=1),
    },
    indexes={},
)
A, B = StatementKey("shop", "web", "a" * 16), StatementKey("shop", "web", "b" * 16)


def finding(kind: Kind, rule: str = "", **changed: Any) -> Finding:
    fields: dict[str, Any] = {
        "severity": Severity.INFO,
        "confidence": Confidence.HIGH,
        "title": rule or str(kind),
        "datname": "shop",
        "subject": "shop.items",
        "why": "",
        "statements": (A,),
    }
    return Finding(kind=kind, rule=rule, **(fields | changed))


def kept(*findings: Finding) -> list[tuple[str, Severity]]:
    return [(f.title, f.severity) for f in without_overlaps(findings, {"shop": EVENTS})]


INDEX = finding(Kind.MISSING_INDEX, index_columns=("order_id", "created_at"))


def test_an_index_stands_for_the_pattern_that_it_mends() -> None:
    pattern = finding(Kind.ANTI_PATTERN, "leading_wildcard", severity=Severity.WARNING)
    trigram = finding(Kind.TRIGRAM_INDEX)

    assert kept(pattern, trigram) == [("trigram_index", Severity.WARNING)], "as severe as the worst"
    assert len(kept(pattern, finding(Kind.TRIGRAM_INDEX, statements=(B,)))) == 2
    assert len(kept(pattern, finding(Kind.TRIGRAM_INDEX, subject="shop.orders"))) == 2
    assert len(kept(finding(Kind.ANTI_PATTERN, "missing_limit"), trigram)) == 2


def test_a_partition_is_the_table_that_it_is_of() -> None:
    scan = finding(Kind.ANTI_PATTERN, "seq_scan", subject="shop.events_1")

    assert kept(scan, finding(Kind.MISSING_INDEX, subject="shop.events")) == [
        ("missing_index", Severity.INFO)
    ]


def test_a_foreign_key_wants_the_index_that_a_statement_lacks() -> None:
    key = finding(Kind.UNINDEXED_FOREIGN_KEY, index_columns=("order_id",), statements=())
    both = finding(Kind.UNINDEXED_FOREIGN_KEY, index_columns=("created_at", "order_id"), statements=())
    other = finding(Kind.UNINDEXED_FOREIGN_KEY, index_columns=("created_at",), statements=())
    partial = finding(Kind.MISSING_INDEX)

    assert kept(key, INDEX) == kept(both, INDEX) == [("missing_index", Severity.INFO)]
    assert len(kept(other, INDEX)) == 2
    assert len(kept(key, partial)) == 2


def test_a_slow_statement_stays_where_nothing_says_why() -> None:
    slow = finding(Kind.SLOW_STATEMENT, severity=Severity.WARNING, subject="a" * 16)

    assert kept(slow, INDEX) == [("missing_index", Severity.WARNING)]
    assert len(kept(slow, finding(Kind.MISSING_INDEX, statements=(B,)))) == 2
    assert len(kept(slow, finding(Kind.UNUSED_INDEX))) == 2


def test_scans_of_a_table_are_explained_by_what_is_as_grave() -> None:
    scans = finding(Kind.SEQUENTIAL_SCANS, severity=Severity.WARNING, statements=())
    counted = finding(Kind.ANTI_PATTERN, "count_all", statements=(B,))

    assert kept(scans, INDEX) == [("missing_index", Severity.WARNING)]
    assert len(kept(scans, counted)) == 2
    assert kept(finding(Kind.SEQUENTIAL_SCANS, statements=()), counted) == [("count_all", Severity.INFO)]


def test_of_two_in_one_chain_the_last_stays_with_the_worst_severity() -> None:
    slow = finding(Kind.SLOW_STATEMENT, severity=Severity.CRITICAL)
    pattern = finding(Kind.ANTI_PATTERN, "function_on_column", severity=Severity.WARNING)

    assert kept(slow, pattern, INDEX) == [("missing_index", Severity.CRITICAL)]
