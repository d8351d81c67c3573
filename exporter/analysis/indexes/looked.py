"""A statement with its plan, read for indexes."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.analysis.indexes.access import Access, accesses
from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.candidates import Proposal, proposals
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.coverage import broken, covering
from exporter.analysis.plans.nodes import Node, Plan, plan_of
from exporter.facts.statement import Statement
from exporter.sql.tokens import Kind, tokens

_READ_SHARE = 0.5
CHEAP = 100.0
"""Cost of a plan below which no index is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A statement with its plan.

    Attributes:
        statement: it.
        text: what was planned: with a number for LIMIT.
        search_path: with which it was.
        root: EXPLAIN's `Plan` object.
        plan: what it says of tables.
        accesses: what it asks of each large table that is known.
    """

    statement: Statement
    text: str
    search_path: str = ""
    root: Node
    plan: Plan
    accesses: tuple[Access, ...]

    @property
    def tables(self) -> set[int]:
        """The oids of its tables."""
        return {access.table.oid for access in self.accesses}


def looked(statement: Statement, text: str, root: Node, search_path: str, catalog: Catalog) -> Looked:
    """Reads a plan."""
    plan = plan_of(root)
    large = tuple(access for access in accesses(plan, catalog) if access.large)
    return Looked(
        statement=statement, text=text, search_path=search_path, root=root, plan=plan, accesses=large
    )


def proposed(statement: Looked, catalog: Catalog) -> list[tuple[Access, list[Proposal]]]:
    """The indexes that might help, for each table that could have one; none where the plan is cheap."""
    if statement.plan.cost < CHEAP:
        return []
    literals = _literals(statement.statement.raw)
    found = []
    for access in statement.accesses:
        if access.table.of_extension or _is_read_otherwise(statement, access, catalog):
            continue
        kept = [p for p in proposals(access) if all(_allowed(c, literals, catalog) for c in p)]
        if kept:
            found.append((access, kept))
    return found


def _is_read_otherwise(seen: Looked, access: Access, catalog: Catalog) -> bool:
    """Whether calls read far less than a scan of the whole table must.

    The server plans with the values, and so may use a partial index, where a plan without them can't. Told
    only where it can be nothing else: of one table, without LIMIT, and of the smallest of its partitions.
    """
    counted = seen.statement.counters
    blocks = counted.shared_blks_hit + counted.shared_blks_read
    if not blocks or not counted.calls or not access.sequential:
        return False
    if seen.plan.limited or len(seen.plan.scans) != len(access.scans):
        return False
    pages = min(catalog.by_name[scan.schema, scan.relation].pages for scan in access.scans)
    return blocks / counted.calls < _READ_SHARE * pages


def _only_cast(key: Key, candidate: Candidate, catalog: Catalog) -> bool:
    """Whether a key is nothing but the cast of a column that has an index: then the value's type is wrong."""
    column, _, kind = key.expression.rpartition("::")
    indexed = (index.keys[:1] for index in catalog.indexes.get(candidate.table, ()))
    return bool(kind) and any(Key(keys[0]).sql == column for keys in indexed if keys and keys[0])


def _allowed(candidate: Candidate, literals: set[str], catalog: Catalog) -> bool:
    if covering(candidate, catalog) is not None:
        return False
    if (other := broken(candidate, catalog)) is not None and other.building:
        return False
    if any(_only_cast(key, candidate, catalog) for key in candidate.keys):
        return False
    # A literal of the statement may be anybody's; one of a view is a part of the schema.
    return not any(literals & _literals(text) for text in (*candidate.expressions, candidate.predicate))


def _literals(text: str) -> set[str]:
    return {token.text for token in tokens(text) if token.kind in {Kind.STRING, Kind.NUMBER}}
