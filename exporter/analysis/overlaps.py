"""Two findings that say the same about one thing are one too many: the one that says more stays. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from exporter.analysis.finding import Finding, Kind, Severity
from exporter.analysis.indexes.catalog import Catalog
from exporter.facts.relations import Relations
from exporter.sql.identifiers import qualified

OF_INDEXES = frozenset({Kind.MISSING_INDEX, Kind.TRIGRAM_INDEX, Kind.GIN_INDEX})
MENDED_BY_AN_INDEX = frozenset({"seq_scan", "leading_wildcard", "function_on_column"})
"""Rules of anti-patterns about what a missing index is the answer to."""
EXPLAIN = frozenset({*OF_INDEXES, Kind.ANTI_PATTERN})
"""What says why a statement is slow, and why a table is read as a whole."""
_ORDER = {severity: place for place, severity in enumerate(Severity)}


def without_overlaps(findings: Sequence[Finding], relations: Mapping[str, Relations]) -> list[Finding]:
    """Those that say something of their own; each as severe as those that it stands for.

    * An anti-pattern goes where a missing index is found for the statement, and a foreign key without an
      index where a statement lacks the same one.
    * A statement that is slow goes where something else says why, and a table that is read as a whole too.

    Args:
        findings: all of one server.
        relations: of each of its databases.
    """
    roots = {place: root for known in relations.values() for place, root in _roots(known)}
    kept = list(findings)
    for overlap in OVERLAPS:
        kept = _merged(kept, overlap, roots)
    return kept


Place = tuple[str, str]
"""A database and what a finding is about in it."""
Roots = Mapping[Place, str]
"""The partitioned table of each partition."""


class Overlap(NamedTuple):
    """What may go for what.

    Attributes:
        goes: whether a finding is of the kind that goes.
        stays: whether one is of the kind that stays.
        same: whether the first, which stays, says what the second does.
    """

    goes: Callable[[Finding], bool]
    stays: Callable[[Finding], bool]
    same: Callable[[Finding, Finding, Roots], bool]


def _merged(findings: Sequence[Finding], overlap: Overlap, roots: Roots) -> list[Finding]:
    """Without those that another one stands for."""
    staying = [place for place, finding in enumerate(findings) if overlap.stays(finding)]
    worst: dict[int, Severity] = {}
    gone: set[int] = set()
    for place, finding in enumerate(findings):
        others = staying if overlap.goes(finding) else ()
        for other in others:
            if overlap.same(findings[other], finding, roots):
                severities = finding.severity, worst.get(other, findings[other].severity)
                worst[other] = min(severities, key=_ORDER.__getitem__)
                gone.add(place)
                break
    return [
        replace(finding, severity=worst[place]) if place in worst else finding
        for place, finding in enumerate(findings)
        if place not in gone
    ]


def _of_one_statement(other: Finding, finding: Finding, _roots: Roots) -> bool:
    return not set(other.statements).isdisjoint(finding.statements)


def _of_one_scan(other: Finding, finding: Finding, roots: Roots) -> bool:
    return _of_one_statement(other, finding, roots) and _table(other, roots) == _table(finding, roots)


def _of_one_index(other: Finding, finding: Finding, roots: Roots) -> bool:
    """The index's first columns are those of the foreign key, in any order."""
    first = other.index_columns[: len(finding.index_columns)]
    return set(first) == set(finding.index_columns) and _table(other, roots) == _table(finding, roots)


def _of_one_table(other: Finding, finding: Finding, roots: Roots) -> bool:
    """An index that is missing, or something as grave."""
    grave = other.kind in OF_INDEXES or _ORDER[other.severity] <= _ORDER[finding.severity]
    return grave and _table(other, roots) == _table(finding, roots)


OVERLAPS = (
    Overlap(lambda f: f.rule in MENDED_BY_AN_INDEX, lambda f: f.kind in OF_INDEXES, _of_one_scan),
    Overlap(
        lambda f: f.kind is Kind.UNINDEXED_FOREIGN_KEY and bool(f.index_columns),
        lambda f: f.kind is Kind.MISSING_INDEX,
        _of_one_index,
    ),
    Overlap(lambda f: f.kind is Kind.SLOW_STATEMENT, lambda f: f.kind in EXPLAIN, _of_one_statement),
    Overlap(lambda f: f.kind is Kind.SEQUENTIAL_SCANS, lambda f: f.kind in EXPLAIN, _of_one_table),
)


def _table(finding: Finding, roots: Roots) -> Place:
    """What it is about; of a partition the partitioned table."""
    place = finding.datname, finding.subject
    return finding.datname, roots.get(place, finding.subject)


def _roots(relations: Relations) -> Iterator[tuple[Place, str]]:
    catalog = Catalog.of(relations)
    for table in relations.tables.values():
        if table.parent is not None:
            root = catalog.root_of(table)
            subject = qualified(table.schema, table.name)
            yield (relations.datname, subject), qualified(root.schema, root.name)
