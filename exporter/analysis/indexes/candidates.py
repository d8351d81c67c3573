"""Which indexes might help a plan. Too many rather than too few: what they are worth is asked afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from exporter.analysis.indexes.access import Access
from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.plans.conditions import Term, Use
from exporter.analysis.plans.nodes import SortKey

Proposal = tuple[Candidate, ...]
"""Indexes that only help together: one for each side of an OR. Most often one."""

_MOST = 24
"""Proposals for one table in one plan."""
_WIDEST = 3
_FEW_NULLS = 0.2
"""Share of NULL up to which an index of these rows alone is worth its restriction."""
_SINGLE = frozenset({Use.EQUAL, Use.NULL})
"""A flag is no key: where few rows have it, it makes a partial index, else it selects nothing."""


def proposals(access: Access) -> list[Proposal]:
    """The indexes that might help to read one table, without those that exist already in another form."""
    equal, ranges = _asked(access, by_equality=True), _asked(access, by_equality=False)
    joins = _unique(
        key_of(join.term, access) for join in access.joins if join.term.use in {Use.EQUAL, Use.RANGE}
    )
    sorts = [
        (_sorted(o.keys[:count]), o.limit is not None)
        for o in access.orderings
        for count in dict.fromkeys((len(o.keys), 1))
    ]
    found = [
        *_singles(equal, ranges, joins),
        *_combined(equal, ranges, joins),
        *_ordered(equal, sorts),
    ]
    made = [_candidate(access, keys, count) for keys, count in found]
    partial = list(_partial(access, made))
    every: list[Proposal] = [(candidate,) for candidate in (*made, *partial)]
    return list(dict.fromkeys([*every, *_either(access)]))[:_MOST]


Keys = tuple[tuple[Key, ...], int]


def _asked(access: Access, *, by_equality: bool) -> list[Key]:
    """The keys of its conditions, those with most different values first; lists last among equals."""
    wanted = _SINGLE if by_equality else {Use.RANGE}
    terms = [term for term in access.terms if term.use in wanted]
    terms.sort(key=lambda term: (-(access.distinct(term.column) or 0), term.values))
    return _unique(key_of(term, access) for term in terms)


def key_of(term: Term, access: Access) -> Key | None:
    """The key that answers a condition: its column, or the expression."""
    if term.expression:
        return Key(None, term.expression)
    known = access.columns.get(term.column or "")
    if not term.cast or known is None or same_order(known.type, term.cast):
        return Key(term.column)
    return Key(None, f"{Key(term.column).sql}::{term.cast}")


def same_order(kept: str, cast: str) -> bool:
    """Whether a cast changes nothing that an index has: the planner sees through `varchar::text`."""
    return kept.startswith(("character varying", "name")) and cast == "text"


def _unique(keys: Iterable[Key | None]) -> list[Key]:
    return list(dict.fromkeys(key for key in keys if key))


def _sorted(keys: Sequence[SortKey]) -> tuple[Key, ...]:
    """The keys of an order, turned round if it begins downwards: an index is read from both ends."""
    kept = keys[:_WIDEST]
    turn = kept[0].descending
    return tuple(Key(k.column, "", k.descending ^ turn, k.nulls_first ^ turn) for k in kept)


def _singles(equal: list[Key], ranges: list[Key], joins: list[Key]) -> Iterator[Keys]:
    for key in dict.fromkeys([*equal, *joins]):
        yield (key,), 1
    for key in ranges:
        yield (key,), 0


def _combined(equal: list[Key], ranges: list[Key], joins: list[Key]) -> Iterator[Keys]:
    for first, second in pairwise(equal[:4]):
        yield (first, second), 2
    if len(equal) > 2:
        yield tuple(equal[:_WIDEST]), _WIDEST
        yield (equal[0], equal[2]), 2
    for key in ranges[:3]:
        for count in (1, 2):
            if len(equal) >= count and key not in equal[:count]:
                yield (*equal[:count], key), count
    for first in joins[:3]:
        for second in equal[:2]:
            if first != second:
                yield (second, first), 2
                yield (first, second), 2
    for first, second in pairwise(joins[:3]):
        yield (first, second), 2


def _ordered(equal: list[Key], sorts: Sequence[tuple[tuple[Key, ...], bool]]) -> Iterator[Keys]:
    """For each order, and whether its first rows are enough."""
    for keys, few in sorts:
        for count in (1, 2):
            # A column that is asked by equality has one value: its place in the order does not matter.
            rest = tuple(key for key in keys if key.column not in {k.column for k in equal[:count]})
            if len(equal) >= count and rest:
                yield (*equal[:count], *rest[: _WIDEST - count]), count
        # To have all rows in order, sorting them is better than reading them from all over the table.
        if few:
            yield keys, 0


def _candidate(access: Access, keys: tuple[Key, ...], equal: int) -> Candidate:
    return Candidate(table=access.table.oid, keys=keys, equal=equal)


def _partial(access: Access, made: Sequence[Candidate]) -> Iterator[Candidate]:
    """Indexes of the rows alone that a condition without parameter selects, where these are few."""
    for term in access.unanswered:
        if not _rare(term, access):
            continue
        others = [
            candidate
            for candidate in made
            if len(candidate.keys) < _WIDEST and term.column not in (key.column for key in candidate.keys)
        ]
        for candidate in others:
            yield replace(candidate, predicate=term.text)
        if not others:
            # With a key that nothing asks for: the planner takes it for cheaper than it is where rows lie in
            # its order, so it is no rival of those that other conditions are answered by.
            key = access.identity or term.column
            yield Candidate(table=access.table.oid, keys=(Key(key),), equal=1, predicate=term.text)


def _rare(term: Term, access: Access) -> bool:
    known = access.columns.get(term.column or "")
    if term.use is Use.NULL:
        return known is not None and known.null_frac is not None and known.null_frac <= _FEW_NULLS
    return term.use is Use.FLAG and access.expected <= access.rows * _FEW_NULLS


def _either(access: Access) -> Iterator[Proposal]:
    """One index for each side of an OR: the server reads them all and puts the rows together."""
    for sides in access.alternatives:
        keys = [
            _unique(key_of(t, access) for t in side if t.use in {*_SINGLE, Use.RANGE})[:1] for side in sides
        ]
        if all(keys) and len(keys) <= _WIDEST:
            flat = dict.fromkeys(key for side in keys for key in side)
            yield tuple(_candidate(access, (key,), 1) for key in flat)
