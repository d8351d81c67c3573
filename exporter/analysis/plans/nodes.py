"""The nodes of a plan that read tables, sort and join, as an advice needs them.

Source: the JSON of EXPLAIN (VERBOSE), https://www.postgresql.org/docs/current/using-explain.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exporter.analysis.plans.conditions import Conditions, Term, conditions_of
from exporter.analysis.plans.deparsed import column_of, parsed

Node = Mapping[str, Any]

SCANS = frozenset({"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"})
_JOINS = frozenset({"Hash Join", "Merge Join", "Nested Loop"})
_PASSING = frozenset(
    {"Gather", "Gather Merge", "Limit", "Sort", "Incremental Sort", "Result", "LockRows", "ModifyTable"}
)
"""What hands rows on as they are."""
_INDEXED = ("Index Cond", "Recheck Cond")
_JOINED = ("Hash Cond", "Merge Cond", "Join Filter")
_SORT_KEY = re.compile(
    r"^(?P<key>.+?)(?P<collate> COLLATE .+?)?(?P<down> DESC)?(?: NULLS (?P<nulls>FIRST|LAST))?$", re.DOTALL
)
_EXTREME = re.compile(r"^(?:min|max)\((?P<key>.+)\)$", re.DOTALL)


class SortKey(NamedTuple):
    """One key of a sort.

    Attributes:
        alias: of the table.
        column: its column.
        descending: whether DESC.
        nulls_first: whether NULL comes first, which is what DESC means by itself.
    """

    alias: str
    column: str
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One node that reads a table.

    Attributes:
        schema, relation: the table; a partition where the query asks for the whole.
        alias: its name in the plan's conditions.
        type: `Seq Scan`, `Index Scan`, `Index Only Scan` or `Bitmap Heap Scan`.
        index: that it reads; empty for none, several names with commas for a bitmap of several.
        cost: of this node with what is below it.
        rows: that the planner expects it to give.
        filters: what it checks row by row: no index answers that yet.
        indexed: what its index answers.
    """

    schema: str
    relation: str
    alias: str
    type: str
    index: str = ""
    cost: float
    rows: float
    filters: Conditions = field(default_factory=Conditions)
    indexed: Conditions = field(default_factory=Conditions)


class Ordering(NamedTuple):
    """Rows that are wanted in an order: by a Sort, for groups, or for min() and max() of a column.

    Attributes:
        keys: all of one table.
        limit: how many rows of it are wanted; None for all.
    """

    keys: tuple[SortKey, ...]
    limit: float | None


class Join(NamedTuple):
    """A condition between two tables.

    Attributes:
        term: seen from one of them.
        rows: that the other side gives: how often an index would be asked.
        other_cost: of the other side.
        cost: of the join's node.
    """

    term: Term
    rows: float
    other_cost: float
    cost: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan.

    Attributes:
        cost: its total cost, in the planner's units.
        rows: that it is expected to give.
        limited: whether a LIMIT stands at its top.
        whole: whether each row read becomes at most one row of the answer: no aggregate on the way.
        scans, orderings, joins: in the order of the plan.
    """

    cost: float
    rows: float
    limited: bool = False
    whole: bool = False
    scans: tuple[Scan, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    joins: tuple[Join, ...] = ()


def plan_of(root: Node) -> Plan:
    """The plan of EXPLAIN's `Plan` object."""
    found = _Found()
    _visit(root, None, found)
    return Plan(
        cost=_number(root, "Total Cost"),
        rows=_number(root, "Plan Rows"),
        limited=_outermost(root).get("Node Type") == "Limit",
        whole=_giving(root).get("Node Type") in {*SCANS, "Append"},
        scans=tuple(found.scans),
        orderings=tuple(found.orderings),
        joins=tuple(found.joins),
    )


def nodes(root: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield root
    for child in root.get("Plans") or ():
        yield from nodes(child)


def indexes_used(root: Node) -> set[str]:
    """The names of all indexes that the plan reads."""
    return {str(node["Index Name"]) for node in nodes(root) if "Index Name" in node}


@dataclass
class _Found:
    scans: list[Scan] = field(default_factory=list)
    orderings: list[Ordering] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)


def _visit(node: Node, limit: float | None, found: _Found) -> None:
    kind = str(node.get("Node Type", ""))
    children: Sequence[Node] = node.get("Plans") or ()
    if kind in SCANS:
        found.scans.append(_scan(node))
    elif kind in _JOINS:
        found.joins += _joins(node, children)
    limit = _number(node, "Plan Rows") if kind == "Limit" else limit if kind in _PASSING else None
    _order(node, kind, limit, found)
    for child in children:
        _visit(child, None if child.get("Subplan Name") else limit, found)


def _scan(node: Node) -> Scan:
    below = [child for child in nodes(node) if child.get("Node Type") == "Bitmap Index Scan"]
    names = [str(child.get("Index Name")) for child in below] or [str(node.get("Index Name", ""))]
    return Scan(
        schema=str(node.get("Schema", "")),
        relation=str(node.get("Relation Name", "")),
        alias=str(node.get("Alias", "")),
        type=str(node["Node Type"]),
        index=", ".join(names),
        cost=_number(node, "Total Cost"),
        rows=_number(node, "Plan Rows"),
        filters=conditions_of(str(node.get("Filter", ""))),
        indexed=_merged([conditions_of(str(node[name])) for name in _INDEXED if name in node]),
    )


def _merged(found: Sequence[Conditions]) -> Conditions:
    return Conditions(
        tuple(term for conditions in found for term in conditions.terms),
        tuple(either for conditions in found for either in conditions.alternatives),
    )


def _joins(node: Node, children: Sequence[Node]) -> Iterator[Join]:
    main = [child for child in children if not child.get("Subplan Name")]
    terms = [t for name in _JOINED if name in node for t in conditions_of(str(node[name])).terms]
    aliases = [_aliases(child) for child in main]
    for term in (term for term in terms if term.others):
        for place, child in enumerate(main):
            if not any(_same(alias, term.alias) for alias in aliases[place]):
                rows, other = _number(child, "Plan Rows"), _number(child, "Total Cost")
                yield Join(term, rows, other, _number(node, "Total Cost"))


def _aliases(node: Node) -> set[str]:
    return {str(below["Alias"]) for below in nodes(node) if "Alias" in below}


def _same(alias: str, wanted: str) -> bool:
    # Above an Append, conditions have the alias of the partitioned table, which no node has.
    return alias == wanted or is_member(alias, wanted)


def is_member(alias: str, whole: str) -> bool:
    """Whether an alias is that of a partition, as EXPLAIN numbers them: `events_3` of `events`."""
    return alias.startswith(f"{whole}_") and alias[len(whole) + 1 :].isdigit()


def _order(node: Node, kind: str, limit: float | None, found: _Found) -> None:
    if kind in {"Sort", "Incremental Sort"}:
        found.orderings += _of_one_table(node.get("Sort Key"), limit)
    elif kind == "Aggregate" and node.get("Group Key"):
        found.orderings += _of_one_table(node.get("Group Key"), None)
    elif kind == "Aggregate":
        extremes = [_EXTREME.match(str(text)) for text in node.get("Output") or ()]
        keys = [_extreme(node, extreme["key"]) if extreme else None for extreme in extremes]
        if all(keys):
            found.orderings += [Ordering((key,), 1) for key in dict.fromkeys(keys) if key]


def _of_one_table(texts: Sequence[str] | None, limit: float | None) -> Iterator[Ordering]:
    keys = [_sort_key(str(text)) for text in texts or ()]
    known = tuple(key for key in keys if key)
    if known and len(known) == len(keys) and len({key.alias for key in known}) == 1:
        yield Ordering(known, limit)


def _sort_key(text: str) -> SortKey | None:
    match = _SORT_KEY.match(text)
    column = column_of(parsed(match["key"])) if match and not match["collate"] else None
    if not match or not column:
        return None
    down = bool(match["down"])
    return SortKey(*column, down, match["nulls"] == "FIRST" if match["nulls"] else down)


def _extreme(node: Node, text: str) -> SortKey | None:
    """The column of min() or max(); without alias where the query has one table only."""
    items = parsed(text)
    if column := column_of(items):
        return SortKey(*column)
    below = _innermost(node)
    if len(items) == 1 and "Alias" in below:
        name = column_of(parsed(f"x.{text}"))
        return SortKey(str(below["Alias"]), name[1]) if name else None
    return None


def _outermost(node: Node) -> Node:
    while node.get("Node Type") in {"LockRows", "Result"} and len(node.get("Plans") or ()) == 1:
        node = node["Plans"][0]
    return node


def _innermost(aggregate: Node) -> Node:
    """What an aggregate computes from; there may be two of them where the plan is parallel."""
    node = aggregate
    while node.get("Node Type") in _PASSING | {"Aggregate"} and node.get("Plans"):
        node = node["Plans"][0]
    return node


def _giving(node: Node) -> Node:
    """The node whose rows are those of the answer."""
    while node.get("Node Type") in _PASSING and node.get("Plans"):
        node = node["Plans"][0]
    return node


def _number(node: Node, name: str) -> float:
    value = node.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
