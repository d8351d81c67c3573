"""Indexes that could answer a query alone if they had one or two columns more.

Source: https://www.postgresql.org/docs/current/indexes-index-only-scans.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.analysis.finding import Confidence, Finding, Kind, Severity
from exporter.analysis.indexes.access import Access, accesses
from exporter.analysis.indexes.advice import Scene, cost_of, evidence_of, saved_ms, sql_of, writes_of
from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.looked import Looked
from exporter.analysis.indexes.selection import Choice
from exporter.analysis.plans.fetched import fetched
from exporter.analysis.plans.nodes import Node, Scan, plan_of
from exporter.facts.relations import Index
from exporter.sql.identifiers import qualified

FEWEST_ROWS = 100
"""That a scan fetches: below, the table's pages cost little."""
MOST_COLUMNS = 3
WIDEST = 64
"""Bytes of the further columns: an index as wide as its table saves nothing."""


def covering_candidates(seen: Looked, root: Node, catalog: Catalog) -> Iterator[Candidate]:
    """Existing indexes with the columns that the plan still fetches from the table."""
    for access in accesses(plan_of(root), catalog):
        if access.table.kind == "p" or access.table.oid not in seen.tables:
            continue
        by_name = {index.name: index for index in catalog.indexes.get(access.table.oid, ())}
        for scan in access.scans:
            index = by_name.get(scan.index)
            if index and _finds_many(scan):
                yield from _with_more(index, access, scan, root)


def _finds_many(scan: Scan) -> bool:
    """Whether an index finds rows by a condition: read for its order alone, it is not what costs."""
    fetches = scan.type in {"Index Scan", "Bitmap Heap Scan"} and scan.rows >= FEWEST_ROWS
    return fetches and bool(scan.indexed.terms)


def _with_more(index: Index, access: Access, scan: Scan, root: Node) -> Iterator[Candidate]:
    needed = fetched(root, scan.alias)
    if needed is None or index.predicate or index.method != "btree":
        return
    keys = [Key(name) for name in index.keys if name]
    more = sorted((needed & set(access.columns)) - set(index.keys) - set(index.include))
    width = sum(access.columns[name].avg_width or WIDEST for name in more)
    if len(keys) == len(index.keys) and 0 < len(more) <= MOST_COLUMNS and width <= WIDEST:
        include = (*index.include, *more)
        yield Candidate(table=index.table, keys=tuple(keys), equal=0, include=include)


def covering_findings(choices: Sequence[Choice], scene: Scene) -> Iterator[Finding]:
    """One finding for each index."""
    for candidate in dict.fromkeys(choice.candidate for choice in choices):
        chosen = [choice for choice in choices if choice.candidate == candidate]
        table = scene.relations.tables[candidate.table]
        writes = writes_of(candidate, scene)
        first = chosen[0]
        yield Finding(
            kind=Kind.COVERING_INDEX,
            rule="covering_index",
            severity=Severity.INFO,
            confidence=Confidence.PROVEN,
            title=f"An index on {qualified(table.schema, table.name)} {candidate.body} would answer alone",
            datname=scene.relations.datname,
            subject=qualified(table.schema, table.name),
            why=(
                "The query finds its rows by an index, then reads the table for "
                f"{', '.join(candidate.include)}. With these columns in the index the planner reads it "
                f"alone, and the plan's cost goes from {first.before:,.0f} to {first.after:,.0f}. That holds "
                "while VACUUM keeps up: pages that changed since are still read."
            ),
            evidence=tuple(evidence_of(chosen, table, writes)),
            sql=tuple(sql_of(candidate, table, scene.catalog)),
            cost=cost_of(first.bytes, writes),
            statements=tuple(choice.statement.key for choice in chosen),
            weight=saved_ms(chosen, scene.around),
        )
