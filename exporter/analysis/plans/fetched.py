"""Which columns of a table a plan needs beside its conditions: what an index would have to hold as well."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.plans.deparsed import columns_in, flat, is_name, name_of, parsed
from exporter.analysis.plans.nodes import SCANS, Node, nodes

_CONDITIONS = ("Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter")
_LISTS = ("Output", "Sort Key", "Group Key")
_CHANGING = frozenset({"ModifyTable", "LockRows"})


def fetched(root: Node, alias: str) -> frozenset[str] | None:
    """The names of all columns of one scan that a plan needs, and maybe names that are none.

    The scan's own output is not asked where something stands above it: below an aggregate the planner hands
    on the whole row, as that is cheaper than a part of it.

    Returns:
        None if it needs the row itself: to change or lock it, or as a value.
    """
    every = list(nodes(root))
    if any(node.get("Node Type") in _CHANGING for node in every):
        return None
    alone = len({node["Alias"] for node in every if "Alias" in node}) == 1
    found: set[str] = set()
    for text in _texts(root, every):
        if text in {f"{alias}.*", "*"}:
            return None
        items = parsed(text)
        found |= {column for name, column in columns_in(items) if name == alias}
        if alone:  # then EXPLAIN leaves the alias out of what nodes give
            found |= {name_of(token) for token in flat(items) if is_name(token)}
    return frozenset(found)


def _texts(root: Node, every: list[Node]) -> Iterator[str]:
    for node in every:
        yield from (str(node[name]) for name in _CONDITIONS if name in node)
        if node is root or node.get("Node Type") not in SCANS:
            yield from (str(text) for name in _LISTS for text in node.get(name) or ())
