"""N+1: one statement lists rows, and another one is sent for each of them. Pure.

The extension does not know which statement follows which, so pairs are found by their counts: in every
interval the one ran the same number of times for each call of the other (`dispersion.py`). What is found is
called suspected; and likely where the number is that of the rows, or a foreign key lies between both tables.
It can't see loops that a cache hides, loops across services, and lists that the extension has evicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.analysis.dispersion import bound, dispersion, scatter
from exporter.analysis.features import features_of
from exporter.analysis.finding import Finding, Gap
from exporter.analysis.n_plus_one_findings import (
    Described,
    Pair,
    as_many_as_rows,
    pair_finding,
)
from exporter.facts.relations import Relations
from exporter.facts.statement import Counters, Interval, StatementKey

MOST_DISPERSION = 0.35
LEAST_FAN_OUT = 3.0
MOST_FOR_A_ROW = 2.05
"""Calls for each row of the list: a row may refer to two rows of the same table."""
LEAST_INTERVALS = 8
LEAST_PARENT_CALLS = 30
LEAST_PARENT_ROWS = 2.0
LEAST_SHARE = 0.02
MOST_CHILD_MS = 5.0
MOST_CHILD_ROWS = 100.0
LEAST_SCATTER = 0.7
"""Of the list's own calls: two clocks that tick always have the same ratio, and nothing to do with it."""

Statements = Mapping[StatementKey, Described]


@dataclass(frozen=True, slots=True)
class _Side:
    """The statements of one role in one database, with what they counted in all intervals together."""

    children: dict[StatementKey, Counters] = field(default_factory=dict)
    parents: dict[StatementKey, Counters] = field(default_factory=dict)


def suspected_pairs(
    history: Sequence[Interval],
    statements: Statements,
    relations: Mapping[str, Relations] | None = None,
    own: Collection[str] = (),
) -> Iterator[Finding]:
    """Statements that run once for each row of another one.

    Args:
        history: what was counted between readings, 8 of them or more; better 20. What functions and
            triggers ran is left out.
        statements: the texts of all that ran, with their tables.
        relations: of each database, for foreign keys; those not there are not known.
        own: roles to leave out: the exporter's.

    Yields:
        A finding for each child, with the parent that fits best.
    """
    if len(history) < LEAST_INTERVALS:
        return
    totals = _totals(history, statements, own)
    sides = _sides(totals, statements)
    candidates = [
        (parent, child)
        for side in sides.values()
        for child in side.children
        for parent in side.parents
        if parent != child and _may_belong(side.parents[parent], side.children[child])
    ]
    best: dict[StatementKey, Pair] = {}
    for parent, child in candidates:
        known = (relations or {}).get(child.datname)
        pair = _pair(history, (child, parent), totals[parent], len(candidates))
        if pair and known:
            pair = replace(pair, foreign_key=_linked(statements[parent], statements[child], known))
        if pair and (child not in best or pair.rank < best[child].rank):
            best[child] = pair
    seconds = sum(interval.seconds for interval in history)
    for child, pair in best.items():
        whole = _whole(totals, child.datname)
        yield pair_finding(pair, statements, totals[child], whole, seconds)


def gaps(history: Sequence[Interval]) -> Iterator[Gap]:
    """Why N+1 was not looked for, if it was not."""
    if len(history) < LEAST_INTERVALS:
        yield Gap(
            "N+1",
            f"It takes {LEAST_INTERVALS} intervals between readings of pg_stat_statements;"
            f" there are {len(history)}.",
            "Run longer: the exporter's history grows by one interval with each reading.",
        )


def _totals(
    history: Sequence[Interval], statements: Statements, own: Collection[str]
) -> dict[StatementKey, Counters]:
    totals: dict[StatementKey, Counters] = defaultdict(Counters)
    for interval in history:
        for key, counted in interval.counted.items():
            if key in statements and key.user not in own:
                totals[key] = totals[key].plus(counted)
    return totals


def _whole(totals: Mapping[StatementKey, Counters], datname: str) -> Counters:
    """All that ran in one database."""
    whole = Counters()
    for key, counted in totals.items():
        if key.datname == datname:
            whole = whole.plus(counted)
    return whole


def _sides(totals: Mapping[StatementKey, Counters], statements: Statements) -> Mapping[object, _Side]:
    sides: dict[object, _Side] = defaultdict(_Side)
    calls = {datname: _whole(totals, datname).calls for datname in {key.datname for key in totals}}
    for key, counted in totals.items():
        side = sides[key.datname, key.user]
        if counted.calls >= LEAST_SHARE * calls[key.datname] and _is_child(statements[key], counted):
            side.children[key] = counted
        if _is_parent(statements[key], counted):
            side.parents[key] = counted
    return sides


def _is_child(statement: Described, counted: Counters) -> bool:
    return (
        counted.calls > 0
        and counted.mean_ms < MOST_CHILD_MS
        and counted.rows <= MOST_CHILD_ROWS * counted.calls
        and features_of(statement.text).lookup is not None
    )


def _is_parent(statement: Described, counted: Counters) -> bool:
    return (
        counted.calls >= LEAST_PARENT_CALLS * LEAST_INTERVALS
        and counted.rows >= LEAST_PARENT_ROWS * counted.calls
        and features_of(statement.text).rows_wanted
    )


def _may_belong(parent: Counters, child: Counters) -> bool:
    return LEAST_FAN_OUT * parent.calls <= child.calls <= MOST_FOR_A_ROW * parent.rows


def _pair(
    history: Sequence[Interval], keys: tuple[StatementKey, StatementKey], counted: Counters, pairs: int
) -> Pair | None:
    """The pair, if the child follows the parent in each interval where that ran often enough."""
    child, parent = keys
    nothing = Counters()
    rows = [
        (i.counted.get(child, nothing).calls, i.counted[parent].calls, i.seconds)
        for i in history
        if i.counted.get(parent, nothing).calls >= LEAST_PARENT_CALLS
    ]
    if len(rows) < LEAST_INTERVALS:
        return None
    children, parents, seconds = zip(*rows, strict=True)
    regular = dispersion(children, parents)
    fan_out = sum(children) / sum(parents)
    for_a_row = fan_out * counted.calls / counted.rows
    if fan_out < LEAST_FAN_OUT or regular > bound(len(rows), pairs, MOST_DISPERSION):
        return None
    if scatter(parents, seconds) < LEAST_SCATTER and not as_many_as_rows(for_a_row):
        return None
    return Pair(keys, fan_out, for_a_row, regular, len(rows))


def _linked(parent: Described, child: Described, known: Relations) -> bool:
    """Whether a foreign key leads from one table to the other by the column that is looked up."""
    column = features_of(child.text).lookup
    listed = {oid for oid, table in known.tables.items() if _names(table.schema, table.name, parent)}
    looked_up = {oid for oid, table in known.tables.items() if _names(table.schema, table.name, child)}
    return any(
        (key.table in looked_up and key.referenced in listed and key.columns == (column,))
        or (key.table in listed and key.referenced in looked_up and key.referenced_columns == (column,))
        for key in known.foreign_keys
    )


def _names(schema: str, name: str, statement: Described) -> bool:
    return name in statement.tables or f"{schema}.{name}" in statement.tables
