"""Indexes that can't be proven."""

from __future__ import annotations

from exporter.analysis.finding import Confidence, Finding, Kind
from exporter.analysis.indexes.advice import Scene, Surroundings
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.hints import hints
from exporter.facts.relations import Index
from tests.unit.analysis.indexes.making import (
    Node,
    column,
    index,
    node,
    relations,
    scan,
    seen,
    statement,
    table,
)

COLUMNS = (
    column("name", -1, "text"), column("data", -1, "jsonb"), column("tags", -1, "text[]"),
    column("words", -1, "tsvector"), column("status", 3, "text", most_common_freq=0.95),
    column("kind", 3, "text", most_common_freq=0.4), column("at", -1, "date"),
)  # fmt: skip


def found(
    root: Node, *indexes: Index, extensions: frozenset[str] | None = None, rows: float = 300
) -> list[Finding]:
    known = relations([table(1, "orders", *COLUMNS)], *indexes)
    asked = statement(rows=rows)
    scene = Scene(Catalog.of(known), [asked], Surroundings(seconds=3600, extensions=extensions))
    return list(hints([seen(root, known, asked)], set(), scene))


def one(root: Node, rows: float = 300) -> Finding:
    (finding,) = found(root, rows=rows)
    return finding


def test_patterns_want_trigrams_and_the_extension() -> None:
    root = scan(condition="(orders.name ~~* $1)")
    (without,) = found(root)
    (there,) = found(root, extensions=frozenset({"pg_trgm"}))

    assert without.kind is Kind.TRIGRAM_INDEX
    assert without.sql == (
        "CREATE EXTENSION IF NOT EXISTS pg_trgm;",
        "CREATE INDEX CONCURRENTLY orders_name_gin_idx ON shop.orders USING gin (name gin_trgm_ops);",
    )
    assert there.sql == without.sql[1:]
    assert "nverified" in without.why
    assert without.weight == 10


def test_what_gin_answers() -> None:
    def keys(condition: str) -> str:
        finding = one(scan(condition=condition))
        assert finding.kind is Kind.GIN_INDEX
        return finding.sql[0].partition("USING gin ")[2]

    assert keys("(orders.data @> $1)") == "(data jsonb_path_ops);"
    assert keys("(orders.data ? $1)") == "(data);"
    assert keys("(orders.tags && $1)") == "(tags);"
    assert keys("(orders.words @@ $1)") == "(words);"


def test_what_is_there_is_not_suggested() -> None:
    root = scan(condition="(orders.tags && $1)")

    assert found(root, index("i", "tags", method="gin")) == []
    assert found(root, index("i", "tags", method="gin", valid=False)) != []


def test_a_rare_value_of_a_skewed_column_is_worth_a_look() -> None:
    root = scan(condition="(orders.status = $1)", rows=33_000)

    rare = one(root, rows=100 * 50)

    assert (rare.kind, rare.rule, rare.confidence) == (Kind.MISSING_INDEX, "skewed_column", Confidence.LOW)
    assert "WHERE status = '...'" in rare.sql[1]
    assert found(root, rows=100 * 90_000) == []
    assert found(scan(condition="(orders.kind = $1)", rows=33_000), rows=5000) == []


def test_an_open_range_that_gives_few_rows_is_worth_a_look() -> None:
    root = scan(condition="(orders.at > $1)", rows=33_333)

    assert one(root, rows=700).rule == "open_range"
    assert found(root, rows=100 * 30_000) == []


def test_few_rows_prove_nothing_with_a_limit_an_aggregate_or_another_condition() -> None:
    skewed = scan(condition="(orders.status = $1)", rows=33_000)

    assert found(node("Limit", skewed), rows=100) == []
    assert found(node("Aggregate", skewed), rows=100) == []
    assert found(scan(condition="((orders.status = $1) AND (orders.at > $2))", rows=11_000), rows=100) == []


def test_what_an_index_reads_already_needs_no_hint() -> None:
    root = {**scan(condition="(orders.name ~~ $1)"), "Node Type": "Index Scan", "Index Name": "i"}

    assert found(root) == []
