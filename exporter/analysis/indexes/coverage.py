"""Whether an index that exists does already what a candidate would do."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.indexes.candidate import Candidate
from exporter.analysis.indexes.catalog import Catalog
from exporter.facts.relations import Index

_DESCENDING = 1
"""A bit of pg_index.indoption."""


def covering(candidate: Candidate, catalog: Catalog) -> Index | None:
    """The index that makes the candidate needless: its first keys are the candidate's."""
    for index in _plain(candidate, catalog):
        if index.valid and covers(index, candidate):
            return index
    return None


def broken(candidate: Candidate, catalog: Catalog) -> Index | None:
    """An invalid index that is the candidate otherwise: it needs REINDEX, or is still being built."""
    for index in _plain(candidate, catalog):
        if not index.valid and covers(index, candidate):
            return index
    return None


def outdone(candidate: Candidate, catalog: Catalog) -> list[Index]:
    """Indexes that the candidate would do the work of: it begins with all their keys."""
    return [
        index
        for index in _plain(candidate, catalog)
        if index.valid
        and not (index.unique or index.constraint or index.replica_identity or index.include)
        and None not in index.keys
        and len(index.keys) < len(candidate.keys) + len(candidate.include)
        and index.keys == tuple(key.column for key in candidate.keys)[: len(index.keys)]
        and not candidate.predicate
        and index.method == "btree"
        and not any(option & _DESCENDING for option in index.options)
    ]


def _plain(candidate: Candidate, catalog: Catalog) -> Iterator[Index]:
    for index in catalog.indexes.get(candidate.table, ()):
        if index.predicate is None:
            yield index


def covers(index: Index, candidate: Candidate) -> bool:
    """Whether an index has all that the candidate would have, in an order that serves."""
    wanted = tuple(key.column for key in candidate.keys)
    if candidate.predicate or None in wanted or not set(candidate.include) <= {*index.include, *index.keys}:
        return False
    if index.method == "hash":
        return candidate.equal == 1 == len(wanted) and index.keys == wanted
    if index.method != "btree" or len(index.keys) < len(wanted):
        return False
    first, rest = set(index.keys[: candidate.equal]), index.keys[candidate.equal : len(wanted)]
    if first != set(wanted[: candidate.equal]) or rest != wanted[candidate.equal :]:
        return False
    return _same_direction(index, candidate)


def _same_direction(index: Index, candidate: Candidate) -> bool:
    """Read from either end, an index gives its keys in the order it has, or all of them turned round."""
    behind = candidate.keys[candidate.equal :]
    options = index.options[candidate.equal : len(candidate.keys)]
    if len(behind) < 2 or len(options) < len(behind):
        return True
    turned = {bool(o & _DESCENDING) ^ k.descending for o, k in zip(options, behind, strict=True)}
    return len(turned) == 1
