"""What one plan asks of one table: its conditions, joins and orders, from all its partitions together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.plans.conditions import Term, Use
from exporter.analysis.plans.nodes import Join, Ordering, Plan, Scan, is_member
from exporter.facts.relations import Column, Relation

FEWEST_ROWS = 10_000
FEWEST_PAGES = 1_000
"""Tables below both are read as a whole faster than an index pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One table under one alias in one plan.

    Attributes:
        table: the table; the topmost of partitioned ones.
        columns: its columns, with the statistics of a partition where the table itself has none.
        rows, pages: of the partitions that the plan reads.
        scans: the nodes that read it.
        joins: conditions with other tables that no index answers yet.
        orderings: in which its rows are wanted.
        identity: the column of its primary key; empty if that has several, or is not there.
    """

    table: Relation
    columns: Mapping[str, Column]
    rows: float
    pages: int
    scans: tuple[Scan, ...]
    joins: tuple[Join, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    identity: str = ""

    @property
    def large(self) -> bool:
        """Whether an index can pay at all."""
        return self.rows >= FEWEST_ROWS or self.pages >= FEWEST_PAGES

    @property
    def cost(self) -> float:
        """Of reading it, in the planner's units."""
        return sum(scan.cost for scan in self.scans)

    @property
    def expected(self) -> float:
        """Rows that the planner expects after its conditions."""
        return sum(scan.rows for scan in self.scans)

    @property
    def sequential(self) -> bool:
        """Whether it is read as a whole."""
        return all(scan.type == "Seq Scan" for scan in self.scans)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Its conditions, those that an index answers already included; of one partition for all."""
        scan = max(self.scans, key=lambda scan: len(scan.filters.terms))
        return tuple({_unnamed(t): t for t in (*scan.filters.terms, *scan.indexed.terms)}.values())

    @property
    def unanswered(self) -> tuple[Term, ...]:
        """Its conditions that are checked row by row."""
        return max((scan.filters.terms for scan in self.scans), key=len)

    @property
    def alternatives(self) -> tuple[tuple[tuple[Term, ...], ...], ...]:
        """The conditions with OR that are checked row by row."""
        return max((scan.filters.alternatives for scan in self.scans), key=len)

    def distinct(self, column: str | None) -> float | None:
        """How many different values a column has; None if that is not known."""
        known = self.columns.get(column or "")
        if known is None or known.n_distinct is None or known.n_distinct == 0:
            return None
        return known.n_distinct if known.n_distinct > 0 else -known.n_distinct * max(self.rows, 1.0)


def _unnamed(term: Term) -> tuple[str | None, str, Use, str]:
    return term.column, term.expression, term.use, term.operator


def accesses(plan: Plan, catalog: Catalog) -> Iterator[Access]:
    """What a plan asks of each table that is known."""
    groups: dict[tuple[int, str], list[tuple[Scan, Relation]]] = {}
    for scan in plan.scans:
        if found := catalog.by_name.get((scan.schema, scan.relation)):
            root = catalog.root_of(found)
            alias = scan.alias.rpartition("_")[0] if root is not found else ""
            key = root.oid, alias if alias and is_member(scan.alias, alias) else scan.alias
            groups.setdefault(key, []).append((scan, found))
    for (oid, _), members in groups.items():
        keys = [index.keys for index in catalog.indexes.get(oid, ()) if index.primary]
        identity = keys[0][0] if keys and len(keys[0]) == 1 else None
        yield _access(catalog.relations.tables[oid], members, plan, identity or "")


def _access(root: Relation, members: Sequence[tuple[Scan, Relation]], plan: Plan, identity: str) -> Access:
    scans = tuple(scan for scan, _ in members)
    largest = max((table for _, table in members), key=lambda table: table.rows or 0)
    known = {name: c for name, c in root.columns.items() if c.n_distinct is not None}

    def ours(alias: str) -> bool:
        return any(scan.alias == alias or is_member(scan.alias, alias) for scan in scans)

    return Access(
        table=root,
        columns={**root.columns, **largest.columns, **known},
        rows=sum(max(table.rows or 0, table.n_live_tup) for _, table in members),
        pages=sum(table.pages for _, table in members),
        scans=scans,
        joins=tuple(join for join in plan.joins if ours(join.term.alias)),
        orderings=tuple(ordering for ordering in plan.orderings if ours(ordering.keys[0].alias)),
        identity=identity,
    )
