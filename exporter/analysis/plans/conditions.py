"""What a condition of a plan asks of columns: `(orders.status = $1)` wants rows by equality of `status`.

Source: https://www.postgresql.org/docs/current/indexes-types.html#INDEXES-TYPES-BTREE for what an index of
the type btree can answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.analysis.plans.deparsed import (
    Group,
    Item,
    bare,
    column_of,
    columns_in,
    end_of,
    flat,
    is_operator,
    is_text,
    parsed,
    split,
    without_alias,
)
from exporter.sql.tokens import Kind, Token


class Use(StrEnum):
    """How a condition looks for rows."""

    EQUAL = "equal"
    RANGE = "range"
    NULL = "null"
    """IS NULL."""
    FLAG = "flag"
    """A column of the type boolean that is the condition, or its opposite."""
    PATTERN = "pattern"
    """LIKE, ILIKE and regular expressions."""
    CONTAINS = "contains"
    """What GIN answers: `@>`, `&&`, `?`, `@@`."""


_USES = {
    **dict.fromkeys(("=",), Use.EQUAL),
    **dict.fromkeys(("<", "<=", ">", ">="), Use.RANGE),
    **dict.fromkeys(("~~", "~~*", "~", "~*"), Use.PATTERN),
    **dict.fromkeys(("@>", "&&", "?", "?|", "?&", "@@", "@?"), Use.CONTAINS),
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "&&": "&&", "@@": "@@"}
_VOLATILE = frozenset({"random", "clock_timestamp", "timeofday", "nextval", "gen_random_uuid"})
_NEVER = _VOLATILE | {"SubPlan", "InitPlan", "now", "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER"}
"""What no index can have in an expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition on one column, or on one expression of columns, of one table.

    Attributes:
        alias: of the table in the plan.
        column: the column; None for an expression.
        expression: of columns of this table alone, as in an index's definition; empty for a column.
        cast: the type that a column is cast to: `text`; empty without.
        use: how it looks for rows.
        operator: as written: `=`, `~~*`; turned where the column stands on the right.
        values: how many it is compared to: 3 for `= ANY (ARRAY[$1, $2, $3])`; 10 for an array that is a
            parameter, as the planner takes it.
        others: aliases on the other side: a join; empty for parameters and constants.
        text: the condition, as in the predicate of a partial index, where it compares with nothing else.
    """

    alias: str
    column: str | None
    expression: str = ""
    cast: str = ""
    use: Use
    operator: str
    values: int = 1
    others: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that must hold together.

    Attributes:
        terms: those that must all be true.
        alternatives: of each OR, what each side asks: a side is what must hold together there.
    """

    terms: tuple[Term, ...] = ()
    alternatives: tuple[tuple[tuple[Term, ...], ...], ...] = ()


def conditions_of(text: str) -> Conditions:
    """What a `Filter`, `Index Cond`, `Hash Cond`, ... asks; conditions that no index answers are left out."""
    terms: list[Term] = []
    alternatives: list[tuple[tuple[Term, ...], ...]] = []
    for items in _together(parsed(text)):
        sides = split(items, "OR")
        if len(sides) > 1:
            asked = [tuple(t for i in _together(side) for t in _terms(text, i)) for side in sides]
            if all(asked):
                alternatives.append(tuple(asked))
        else:
            terms += _terms(text, items)
    return Conditions(tuple(terms), tuple(alternatives))


def _together(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    kept = bare(items)
    parts = split(kept, "AND")
    if len(parts) == 1:
        yield kept
        return
    for part in parts:
        yield from _together(part)


def _terms(text: str, items: Sequence[Item]) -> Iterator[Term]:
    if len(items) > 2 and is_text(items[-2], "IS") and is_text(items[-1], "NULL"):
        yield from _alone(text, items[:-2], Use.NULL, "IS NULL")
        return
    places = [place for place, item in enumerate(items) if is_operator(item) or is_text(item, "OPERATOR")]
    if not places:
        positive = items[1:] if items and is_text(items[0], "NOT") else items
        yield from _alone(text, positive, Use.FLAG, "" if positive is items else "NOT")
        return
    place = places[0]
    operator = _operator(items, place)
    left, right = items[:place], items[place + (2 if operator[1] else 1) :]
    if left and is_text(left[0], "ROW"):
        left, right = _first_of_row(left), _first_of_row(right)
    yield from _compared(text, left, right, operator[0])
    if operator[0] in _TURNED and right and not is_text(right[0], "ANY", "ALL"):
        yield from _compared(text, right, left, _TURNED[operator[0]])


def _operator(items: Sequence[Item], place: int) -> tuple[str, bool]:
    """The operator, and whether it takes two items: `OPERATOR(schema.=)`."""
    item, after = items[place], items[place + 1] if place + 1 < len(items) else None
    if is_text(item, "OPERATOR") and isinstance(after, Group):
        last = after.items[-1] if after.items else None
        return (last.text if isinstance(last, Token) else ""), True
    assert isinstance(item, Token)
    return item.text, False


def _first_of_row(items: Sequence[Item]) -> Sequence[Item]:
    # Rows are compared from the left: the first of each decides where an index starts to read.
    row = items[1] if len(items) > 1 else None
    return split(row.items, ",")[0] if isinstance(row, Group) else ()


def _alone(text: str, items: Sequence[Item], use: Use, operator: str) -> Iterator[Term]:
    """A condition on a column that compares it with nothing."""
    if found := column_of(items):
        alias, name = found
        source = without_alias(text, items)
        condition = {"NOT": f"NOT {source}", "": source}.get(operator, f"{source} {operator}")
        yield Term(alias=alias, column=name, use=use, operator=operator, text=condition)


def _compared(text: str, left: Sequence[Item], right: Sequence[Item], operator: str) -> Iterator[Term]:
    use = _USES.get(operator)
    aliases = {alias for alias, _ in columns_in(left)}
    others = frozenset(alias for alias, _ in columns_in(right))
    if use is None or not right or is_text(right[0], "ALL") or _volatile(right):
        return
    if len(aliases) != 1 or aliases & others:
        return
    (alias,) = aliases
    column, cast = _cast_column(text, left)
    expression = "" if column else _expression(text, left)
    if column or expression:
        yield Term(
            alias=alias, column=column, expression=expression, cast=cast, use=use, operator=operator,
            values=_values(right), others=others,
        )  # fmt: skip


def _cast_column(text: str, items: Sequence[Item]) -> tuple[str | None, str]:
    """A column, also where all that is done to it is a cast; which may be none at all: varchar to text."""
    kept = bare(items)
    for place, item in enumerate(kept):
        if is_text(item, "::"):
            found = column_of(kept[:place])
            cast = text[kept[place + 1].start : end_of(kept[-1])] if place + 1 < len(kept) else ""
            return (found[1], cast) if found else (None, "")
    found = column_of(kept)
    return (found[1], "") if found else (None, "")


def _expression(text: str, items: Sequence[Item]) -> str:
    """The expression if an index could have it: no parameter, no subquery, nothing volatile in it."""
    if any(token.kind is Kind.PARAMETER or token.text in _NEVER for token in flat(items)):
        return ""
    kept = bare(items)
    return without_alias(text, kept)


def _values(items: Sequence[Item]) -> int:
    if not is_text(items[0], "ANY"):
        return 1
    inner = bare(items[1:])
    if len(inner) > 1 and is_text(inner[0], "ARRAY") and isinstance(inner[1], Group):
        return len(split(inner[1].items, ","))
    first = inner[0] if inner else None
    if isinstance(first, Token) and first.kind is Kind.STRING:
        return first.text.count(",") + 1
    return 10


def _volatile(items: Sequence[Item]) -> bool:
    return any(token.text in _VOLATILE for token in flat(items))
