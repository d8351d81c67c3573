"""What an index would be worth where there is no HypoPG: the planner's arithmetic, much simplified.

Source: https://www.postgresql.org/docs/current/index-cost-estimation.html, row-estimation-examples.html.
"""

from __future__ import annotations

from math import sqrt

from exporter.analysis.indexes.access import Access
from exporter.analysis.indexes.candidate import Candidate, Key
from exporter.analysis.indexes.candidates import Proposal, key_of
from exporter.analysis.indexes.immutable import surely_immutable
from exporter.analysis.indexes.looked import Looked
from exporter.analysis.plans.conditions import Term, Use
from exporter.analysis.plans.fetched import fetched
from exporter.analysis.plans.nodes import Ordering, Plan

_STARTING = 12.0
"""Of a look-up: the pages from the root to a leaf, two or three of them not in memory."""
_LOOKUP = 2.0
"""Of each further look-up: the upper pages are in memory by then."""
_ROW = 0.015
"""Of a row, in the index and in the table: cpu_index_tuple_cost and cpu_tuple_cost."""
_UNKNOWN_EQUAL, _ONE_BOUND, _TWO_BOUNDS = 0.005, 1 / 3, 0.005
"""What the planner takes where it knows nothing."""
_NEXT_PAGE = 1.0
"""Of a page behind the last one: seq_page_cost."""
_VISIBLE = 0.1
"""Share of the table's pages that an index-only scan reads nevertheless: they changed since VACUUM."""
_ENTRY = 16
"""Bytes of an index entry beside its keys: header and line pointer."""
_FILLED = 0.9
_UNKNOWN_WIDTH = 16


def cost_with(proposal: Proposal, access: Access, seen: Looked, page_cost: float) -> float | None:
    """The plan's cost with indexes that would be read together; None if they could not be used.

    Args:
        proposal: the indexes.
        access: what the plan asks of their table, which it reads as a whole now, or by an index that has
            only a part of the keys.
        seen: the statement with its plan as it is.
        page_cost: the server's random_page_cost.
    """
    if not access.large or not _takes(proposal, access):
        return None
    found = [_by_alternatives(proposal, access, seen, page_cost)]
    if len(proposal) == 1 and (access.sequential or _completes(proposal[0], access)):
        (candidate,) = proposal
        found += [
            _by_conditions(candidate, access, seen.plan, page_cost),
            _by_order(candidate, access, page_cost),
            _by_join(candidate, access, seen, page_cost),
        ]
    return min((cost for cost in found if cost is not None), default=None)


def _completes(candidate: Candidate, access: Access) -> bool:
    """Whether it has all that the index has which is read now, and more."""
    indexed = {key_of(term, access) for scan in access.scans for term in scan.indexed.terms}
    return indexed < set(candidate.keys)


def _takes(proposal: Proposal, access: Access) -> bool:
    """Whether the server would surely take the expressions: nobody is asked here."""
    return all(surely_immutable(e, access.columns) for candidate in proposal for e in candidate.expressions)


def bytes_of(candidate: Candidate, access: Access) -> int:
    """The size of the index at most, if no two rows have the same key."""
    known = [access.columns.get(name) for name in (*candidate.columns, *candidate.include)]
    width = sum((column and column.avg_width) or _UNKNOWN_WIDTH for column in known)
    width += _UNKNOWN_WIDTH * len(candidate.expressions)
    share = access.expected / max(access.rows, 1.0) if candidate.predicate else 1.0
    return round(access.rows * min(share, 1.0) * (_ENTRY + width) / _FILLED)


def _by_conditions(candidate: Candidate, access: Access, plan: Plan, page_cost: float) -> float | None:
    share, left = _share(candidate, access)
    if share is None:
        return None
    rows = access.rows * share
    order = _order_of(candidate.keys[len(candidate.keys) - len(left) :], access) if left else None
    if order and order.limit is not None:
        # In the order that is wanted: reading ends with the last row that is.
        residual = min(1.0, access.expected / max(rows, 1.0)) or 1.0
        rows = min(rows, order.limit / residual)
        return _read(rows, access.pages, page_cost)
    times = _times(access, plan)
    return max(plan.cost - times * access.cost, 0) + times * _read(rows, access.pages, page_cost)


def _times(access: Access, plan: Plan) -> int:
    """How often the plan reads the table: a subquery that asks for a row of the outer query, for each."""
    again = any(term.others for term in access.unanswered)
    return max(1, round(plan.cost / access.cost)) if again and access.cost else 1


def _by_order(candidate: Candidate, access: Access, page_cost: float) -> float | None:
    order = _order_of(candidate.keys, access)
    if order is None or order.limit is None or len(access.scans) > 1 or candidate.predicate:
        return None
    passing = min(1.0, access.expected / max(access.rows, 1.0)) or 1.0
    rows = order.limit / passing
    if len(candidate.keys) < len(order.keys):  # what is equal by these keys is read in one go, and sorted
        rows += access.rows / (access.distinct(candidate.keys[-1].column) or 1.0)
    return _STARTING + min(rows, access.rows) * (page_cost + _ROW)


def _by_join(candidate: Candidate, access: Access, seen: Looked, page_cost: float) -> float | None:
    """As the inner side of a nested loop, instead of the whole join that there is now."""
    for join in access.joins:
        if join.term.use is Use.EQUAL and key_of(join.term, access) == candidate.keys[0]:
            rows = join.rows * _equal(join.term, access) * access.rows
            pages = min(rows, access.pages) * (_VISIBLE if _answers_alone(candidate, access, seen) else 1.0)
            cost = _STARTING + join.rows * _LOOKUP + pages * page_cost + rows * _ROW
            return max(seen.plan.cost - join.cost, 0) + join.other_cost + cost
    return None


def _answers_alone(candidate: Candidate, access: Access, seen: Looked) -> bool:
    """Whether the index has all that is needed of the table."""
    needed = fetched(seen.root, access.scans[0].alias) if len(access.scans) == 1 else None
    return needed is not None and needed & set(access.columns) <= {*candidate.columns, *candidate.include}


def _by_alternatives(proposal: Proposal, access: Access, seen: Looked, page_cost: float) -> float | None:
    """Each side of an OR by its own index, or by the same one again."""
    firsts = {candidate.keys[0] for candidate in proposal}
    for sides in access.alternatives:
        shares = [
            min((_matched([t], access) for t in side if key_of(t, access) in firsts), default=None)
            for side in sides
        ]
        known = [share for share in shares if share is not None]
        if len(known) == len(shares) and access.sequential:
            reading = sum(_read(access.rows * share, access.pages, page_cost) for share in known)
            return max(seen.plan.cost - access.cost, 0) + reading
    return None


def _read(rows: float, pages: float, page_cost: float) -> float:
    """Of rows all over a table: pages by the formula of Mackert and Lohman, cheaper each if they are many."""
    pages = max(pages, 1.0)
    fetched = min(2 * pages * rows / (2 * pages + rows), pages)
    each = page_cost - (page_cost - _NEXT_PAGE) * sqrt(fetched / pages) if fetched >= 2 else page_cost
    return _STARTING + fetched * each + rows * _ROW


def _share(candidate: Candidate, access: Access) -> tuple[float | None, tuple[Key, ...]]:
    """The share of rows that conditions on its first keys leave, and the keys that have none."""
    terms = access.terms
    asked = {term.text for term in terms if term.text and term.text == candidate.predicate}
    share, used = (_planned(access), list(asked)) if asked else (None, [])
    for place, key in enumerate(candidate.keys):
        matching = [t for t in terms if key_of(t, access) == key and t.use not in {Use.PATTERN, Use.CONTAINS}]
        if not matching:
            return share, candidate.keys[place:]
        used += [term.text for term in matching]
        share = (1.0 if share is None else share) * _matched(matching, access)
        if all(term.use is Use.RANGE for term in matching):
            break
    if len(used) >= len(access.terms):
        return _planned(access), ()
    return share, ()


def _planned(access: Access) -> float:
    """What the planner itself expects of all conditions together."""
    return min(1.0, access.expected / max(access.rows, 1.0))


def _matched(terms: list[Term], access: Access) -> float:
    ranges = [term for term in terms if term.use is Use.RANGE]
    if len(ranges) == len(terms):
        return _TWO_BOUNDS if len({term.operator[0] for term in ranges}) > 1 else _ONE_BOUND
    return min(_equal(term, access) for term in terms if term.use is not Use.RANGE)


def _equal(term: Term, access: Access) -> float:
    known = access.columns.get(term.column or "")
    if term.use is Use.NULL:
        return known.null_frac if known and known.null_frac is not None else _UNKNOWN_EQUAL
    if term.use is Use.FLAG:
        return _planned(access)
    distinct = access.distinct(term.column)
    return min(1.0, term.values / distinct if distinct else term.values * _UNKNOWN_EQUAL)


def _order_of(keys: tuple[Key, ...], access: Access) -> Ordering | None:
    """The order that the keys give."""
    wanted = tuple(key.column for key in keys)
    for ordering in access.orderings:
        have = tuple(key.column for key in ordering.keys)
        if have[: len(wanted)] == wanted:
            return ordering
    return None
