"""Which expressions an index takes for sure: all functions in them must be IMMUTABLE.

Source: https://www.postgresql.org/docs/current/sql-createindex.html, and pg_proc.provolatile on 13 to 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.analysis.plans.deparsed import Group, Item, flat, is_name, is_text, name_of, parsed
from exporter.facts.relations import Column
from exporter.sql.tokens import Kind, Token

_FUNCTIONS = frozenset(
    {
        *("lower", "upper", "btrim", "ltrim", "rtrim", "length", "char_length", "octet_length", "reverse"),
        *("replace", "split_part", "left", "right", "substr", "substring", "md5", "abs", "ceil", "ceiling"),
        *("floor", "round", "trunc", "mod", "COALESCE", "NULLIF", "GREATEST", "LEAST", "TRIM"),
        *("jsonb_extract_path_text", "jsonb_array_length", "array_length", "cardinality"),
    }
)
_TYPES = frozenset({"text", "integer", "bigint", "smallint", "numeric", "boolean", "uuid"})
_SAFE = ("character", "text", "citext", "integer", "bigint", "smallint", "numeric", "boolean", "uuid", "json")
"""Types of columns whose casts to the above depend on no setting: not those of time."""


def surely_immutable(expression: str, columns: Mapping[str, Column]) -> bool:
    """Whether nothing in it is anything but well known and immutable; columns stand there without alias."""
    items = parsed(expression)
    used = [columns[name_of(token)] for token in flat(items) if is_name(token) and name_of(token) in columns]
    return all(column.type.startswith(_SAFE) for column in used) and _immutable(items)


def _immutable(items: Sequence[Item]) -> bool:
    around = zip([None, *items], items, [*items[1:], None], strict=False)
    return all(
        _immutable(item.items) if isinstance(item, Group) else _known(item, before, after)
        for before, item, after in around
    )


def _known(token: Token, before: Item | None, after: Item | None) -> bool:
    if before is not None and is_text(before, "::"):
        return token.text in _TYPES
    if token.kind is Kind.WORD and isinstance(after, Group):
        return token.text in _FUNCTIONS
    # `AT TIME ZONE`, `CASE`, `COLLATE` and `schema.function()` are left to the server.
    return token.text not in {"AT", "CASE", "COLLATE", "EXTRACT", ".", "CURRENT_DATE"}
