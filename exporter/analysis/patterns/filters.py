"""Conditions that a scan checks row by row because no index can: taken from the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.patterns._seen import Seen
from exporter.analysis.plans.conditions import conditions_of
from exporter.analysis.plans.deparsed import (
    Group,
    Item,
    bare,
    columns_in,
    parsed,
    split,
    without_alias,
)
from exporter.analysis.plans.nodes import Node
from exporter.facts.relations import Relation
from exporter.sql.identifiers import identifier, qualified
from exporter.sql.literals import without_literals
from exporter.sql.tokens import Kind, Token

BIG_ROWS = 50_000
SCANNED_ROWS = 10_000
SELECTIVE = 0.05
READ_SHARE = 0.5
NOTICED_MS = 5.0
COMPARISONS = frozenset({"=", "<", ">", "<=", ">="})
OF_TIME = frozenset({"date", "date_trunc", "to_char", "extract", "date_part", "timezone"})
SAME_IN_INDEXES = frozenset(
    {("character varying", "text"), ("text", "character varying"), ("name", "text"), ("cidr", "inet")}
)
"""Casts that an index sees through, of a column's type to another."""
WHOLE = frozenset({"Seq Scan", "Index Scan", "Index Only Scan"})
"""Those of an index without a condition read all of it."""
PATTERNS = {"~~": "LIKE", "~~*": "ILIKE"}


class Around(NamedTuple):
    """Something around a column that a filter compares with a value.

    Attributes:
        table: that is scanned.
        column: the column.
        function: the function; empty for a cast.
        cast: the type that it is cast to; empty for a function.
        expression: both, as an index would have it; literals are `?`.
    """

    table: Relation
    column: str
    function: str
    cast: str
    expression: str


def seq_scan(seen: Seen) -> Finding | None:
    """A sequential scan of a big table, of which a filter leaves little, and no other rule says why."""
    if leading_wildcard(seen) or function_on_column(seen) or implicit_cast(seen):
        return None
    for node, table in _scans(seen):
        rows = table.rows or 0
        estimated = float(node.get("Plan Rows", rows))
        few = rows >= BIG_ROWS and estimated <= SELECTIVE * rows
        if not few or node["Node Type"] != "Seq Scan" or not _is_known(node):
            continue
        if seen.blocks_per_call < READ_SHARE * table.pages or seen.mean_ms < NOTICED_MS:
            continue
        name = qualified(table.schema, table.name)
        return seen.finding(
            "seq_scan",
            f"All {rows:,.0f} rows of {name} are read to find a few",
            "The plan has a sequential scan whose filter throws nearly all rows away, and the blocks that a"
            " call reads say that it is really done.",
            evidence=(
                Evidence("rows of the table", round(rows), "rows"),
                Evidence("rows that the planner expects to be left", round(estimated), "rows"),
                Evidence("blocks a call", round(seen.blocks_per_call)),
                Evidence("blocks of the table", table.pages),
            ),
            sql=("-- An index on the columns of the filter: datastack-exporter suggest-indexes",),
            cost="An index costs disk, and a little at each write.",
            severity=Severity.WARNING,
            confidence=Confidence.HIGH,
            subject=name,
        )
    return None


def _is_known(node: Node) -> bool:
    """Whether a condition is on a column, whose values ANALYZE knows: of expressions the planner guesses."""
    terms = conditions_of(str(node["Filter"])).terms
    return any(term.column and not term.cast and not term.others for term in terms)


def leading_wildcard(seen: Seen) -> Finding | None:
    """LIKE that reads the whole table: its pattern starts with %, or no index is fit for it."""
    for table, column, operator in _matches(seen):
        rows = table.rows or 0
        whole = seen.blocks_per_call >= READ_SHARE * table.pages and rows >= SCANNED_ROWS
        if not whole or seen.rows_per_call > SELECTIVE * rows or not seen.often:
            continue
        name, quoted = qualified(table.schema, table.name), identifier(column)
        return seen.finding(
            "leading_wildcard",
            f"{operator} on {name}.{quoted} reads the whole table",
            "A pattern that starts with % can use no B-tree. The pattern itself is not known here: each call"
            " reads the table from end to end, as that would.",
            evidence=(
                Evidence("blocks a call", round(seen.blocks_per_call)),
                Evidence("blocks of the table", table.pages),
                Evidence("rows a call", round(seen.rows_per_call, 1), "rows"),
            ),
            sql=(
                (
                    "-- If patterns start with %:\n"
                    "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n"
                    f"CREATE INDEX CONCURRENTLY ON {name} USING gin ({quoted} gin_trgm_ops);"
                ),
                f"-- If they don't:\nCREATE INDEX CONCURRENTLY ON {name} ({quoted} text_pattern_ops);",
            ),
            cost="A trigram index can be as large as the column, and makes writes of it slower.",
            confidence=Confidence.LOW,
            subject=name,
        )
    return None


def function_on_column(seen: Seen) -> Finding | None:
    """A function or an explicit cast around a column that is searched by."""
    for found in _around(seen):
        if not found.function and not _explicit(seen, found):
            continue
        name, column = qualified(found.table.schema, found.table.name), identifier(found.column)
        of_time = found.function in OF_TIME or found.cast == "date"
        as_range = "-- A range of the column itself, which its index can answer:\n"
        index = f"CREATE INDEX CONCURRENTLY ON {name} (({found.expression}));"
        if set(found.expression) & {"?", "$"}:
            index = f"-- With the value in its place:\n-- {index}"
        return seen.finding(
            "function_on_column",
            f"The search is by {found.expression}, so an index on {column} is of no use",
            "An index on a column knows nothing of what a function makes of it: each row is computed.",
            evidence=(
                Evidence("rows of the table", round(found.table.rows or 0), "rows"),
                Evidence("blocks a call", round(seen.blocks_per_call)),
            ),
            sql=(f"{as_range}... WHERE {column} >= $1 AND {column} < $2" if of_time else index,),
            cost="" if of_time else "An index costs disk, and a little at each write.",
            severity=Severity.WARNING if seen.mean_ms >= 10 * NOTICED_MS else Severity.INFO,
            confidence=Confidence.HIGH,
            subject=name,
        )
    return None


def implicit_cast(seen: Seen) -> Finding | None:
    """A column that the server casts because the value has another type."""
    for found in _around(seen):
        if found.function or _explicit(seen, found):
            continue
        name, column = qualified(found.table.schema, found.table.name), identifier(found.column)
        known = found.table.columns.get(found.column)
        kind = known.type if known else "its own type"
        return seen.finding(
            "implicit_cast",
            f"{name}.{column} is cast to {found.cast} in each row, so its index is of no use",
            f"The value comes as {found.cast}, the column is {kind}: the server casts the column.",
            evidence=(
                Evidence("type of the column", kind),
                Evidence("type of the value", found.cast),
                Evidence("blocks a call", round(seen.blocks_per_call)),
            ),
            sql=(f"-- Send the value in the column's type, or cast it:\n... WHERE {column} = $1::{kind}",),
            severity=Severity.WARNING,
            confidence=Confidence.HIGH,
            subject=name,
        )
    return None


def _explicit(seen: Seen, found: Around) -> bool:
    """Whether the text itself casts to that type."""
    return found.cast.split(" ")[0].split("(")[0] in seen.text.casts


def _scans(seen: Seen) -> Iterator[tuple[Node, Relation]]:
    """The scans of tables that were read, of all rows, with a filter; if it runs often."""
    for node in seen.nodes if seen.often else ():
        table = seen.table_of(node)
        if node.get("Node Type") in WHOLE and "Filter" in node and "Index Cond" not in node and table:
            yield node, table


def _around(seen: Seen) -> Iterator[Around]:
    """What stands around columns, in scans of tables that are not small."""
    for node, table in _scans(seen):
        if (table.rows or 0) >= SCANNED_ROWS:
            text = str(node["Filter"])
            yield from (found for found in _casts(table, text) if not _harmless(found))
            yield from _functions(table, text)


def _casts(table: Relation, text: str) -> Iterator[Around]:
    for term in conditions_of(text).terms:
        if term.column and term.cast and term.operator in COMPARISONS and not term.others:
            expression = f"({identifier(term.column)})::{term.cast}"
            yield Around(table, term.column, "", term.cast, expression)


def _functions(table: Relation, text: str) -> Iterator[Around]:
    for items in _compared(parsed(text)):
        place = next((at for at, item in enumerate(items) if _is_comparison(item)), None)
        if place is None:
            continue
        for side, other in ((items[:place], items[place + 1 :]), (items[place + 1 :], items[:place])):
            kept = bare(side)
            columns = {column for _, column in columns_in(kept)}
            function = _called(kept)
            if function and len(columns) == 1 and not list(columns_in(other)):
                expression = without_literals(without_alias(text, kept))
                yield Around(table, columns.pop(), function, "", expression)


def _called(items: Sequence[Item]) -> str:
    """The function that is called, in lower case; empty if none is."""
    name = items[0] if len(items) > 1 and isinstance(items[1], Group) else None
    return name.text.lower() if isinstance(name, Token) and name.kind is Kind.WORD else ""


def _compared(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The conditions that AND joins."""
    parts = split(bare(items), "AND")
    for part in parts:
        yield from _compared(part) if len(parts) > 1 else [bare(part)]


def _is_comparison(item: Item) -> bool:
    return isinstance(item, Token) and item.kind is Kind.OPERATOR and item.text in COMPARISONS


def _matches(seen: Seen) -> Iterator[tuple[Relation, str, str]]:
    """LIKE and ILIKE: of the plan, or of the text if there is no plan and one table."""
    for node, table in _scans(seen):
        for term in conditions_of(str(node["Filter"])).terms:
            if term.column and term.operator in PATTERNS:
                yield table, term.column, PATTERNS[term.operator]
    if not seen.nodes and len(seen.tables) == 1:
        yield from ((seen.tables[0], column, operator) for column, operator in seen.text.patterns)


def _harmless(found: Around) -> bool:
    """Whether an index of the column answers in spite of the cast, or may do so for what is known."""
    column = found.table.columns.get(found.column)
    if column is None:
        return found.cast in ("text", "inet")
    return (column.type.partition("(")[0], found.cast) in SAME_IN_INDEXES


RULES = (seq_scan, leading_wildcard, function_on_column, implicit_cast)
