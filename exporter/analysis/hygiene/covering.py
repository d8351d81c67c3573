"""Which index can stand in for which other one, from the raw columns of pg_index."""

from __future__ import annotations

from exporter.facts.relations import Index

REVERSED = 3
"""Both bits of pg_index.indoption: DESC and NULLS FIRST. A b-tree is read backwards as well."""


def stands_in(kept: Index, other: Index) -> bool:
    """Whether `kept` does all that `other` does: finds the same rows, in the same order, holds the same rule.

    It is for one table, method, and predicate. The keys of `other` are those of `kept`, or of a b-tree that
    is not unique its first ones; columns of INCLUDE are in `kept` too. Operator class, collation and order
    of each key count.
    """
    if kept.oid == other.oid or kept.table != other.table or kept.method != other.method:
        return False
    if not kept.valid or kept.predicate != other.predicate or not _same_start(kept, other):
        return False
    if not _includes(kept, other) or not _same_parameters(kept, other):
        return False
    whole = len(kept.keys) == len(other.keys)
    if whole:
        return kept.expressions == other.expressions and _holds_rule(kept, other)
    # Which of several expressions belongs to which key can't be told here.
    return other.method == "btree" and other.expressions is None and not other.unique


def same(one: Index, other: Index) -> bool:
    """Whether each can stand in for the other."""
    return stands_in(one, other) and stands_in(other, one)


def _same_start(kept: Index, other: Index) -> bool:
    count = len(other.keys)
    if not 0 < count <= len(kept.keys) or kept.keys[:count] != other.keys:
        return False
    # What holds for a key holds for the columns of INCLUDE in none of the three.
    if kept.opclasses[:count] != other.opclasses[:count]:
        return False
    return kept.collations[:count] == other.collations[:count] and _same_order(kept, other, count)


def _same_order(kept: Index, other: Index, count: int) -> bool:
    ours, theirs = kept.options[:count], other.options[:count]
    if ours == theirs:
        return True
    return kept.method == "btree" and ours == tuple(option ^ REVERSED for option in theirs)


def _includes(kept: Index, other: Index) -> bool:
    if kept.method != "btree":
        return set(other.include) == set(kept.include)
    return set(other.include) <= {*kept.include, *(key for key in kept.keys if key is not None)}


def _same_parameters(kept: Index, other: Index) -> bool:
    """Those of a b-tree or hash change only how full pages are; others change what is found how fast."""
    return kept.method in ("btree", "hash") or kept.parameters == other.parameters


def _holds_rule(kept: Index, other: Index) -> bool:
    """Whether a unique index finds in `kept` the rule that it holds."""
    if not other.unique:
        return True
    same_nulls = kept.nulls_not_distinct == other.nulls_not_distinct
    return kept.unique and same_nulls and (kept.immediate or not other.immediate)
