"""A plan as EXPLAIN (FORMAT JSON) gives it: what of it may be shown, and what tells plans apart. No I/O.

Source: https://www.postgresql.org/docs/current/sql-explain.html, using-explain.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import count
from typing import Any

from exporter.sql.aliases import renamed_aliases
from exporter.sql.commands import without_comments
from exporter.sql.names import MASK, is_plain, name_of
from exporter.sql.squeeze import squeezed
from exporter.sql.tokens import Kind, tokens

Plan = Mapping[str, Any]

_WORDS = frozenset(
    {
        "Node Type",
        "Parent Relationship",
        "Strategy",
        "Partial Mode",
        "Operation",
        "Command",
        "Join Type",
        "Scan Direction",
        "Conflict Resolution",
        "Cache Mode",
    }
)
"""What EXPLAIN fills with words of its own."""
_NAMES = frozenset(
    {
        "Schema",
        "Relation Name",
        "Alias",
        "Index Name",
        "CTE Name",
        "Function Name",
        "Table Function Name",
        "Tuplestore Name",
        "Custom Plan Provider",
        "Conflict Arbiter Indexes",
    }
)
"""What it fills with one name; all other text is expressions, as far as we know."""
_SUBPLAN = "Subplan Name"
_CTE = "CTE "
# A name of the planner's: `*VALUES*`, `*SELECT* 1`; of HypoPG: `<13543>btree_orders_customer_id`.
_GENERATED = re.compile(r"\*[A-Z]+\*(?: [0-9]+)?|<[0-9]+>[\w$]+")
_LONGEST_KEPT = 4
"""Characters of a name that the statement makes up and that is shown, as in statements themselves."""

_STRUCTURE = (
    "Node Type",
    "Parent Relationship",
    "Strategy",
    "Partial Mode",
    "Operation",
    "Command",
    "Join Type",
    "CTE Name",
    "Function Name",
)
_WHERE = ("Schema", "Relation Name", "Alias", "Index Name")


def redacted_plan(plan: Plan, statement: str = "") -> Plan:
    """The plan as it may be shown: without values, and without names that may hide data.

    Values stand in it though the statement has none: those of views, functions, policies, partial indexes.
    As in `exporter.sql.redaction` they are `?`, names that are no plain ones too, and the statement's own
    aliases and WITH queries are `a1`, `a2` ... if they have more than four characters.

    Args:
        plan: EXPLAIN's `Plan` object.
        statement: the text that it is of, not redacted: it tells the names of columns and windows that it
            makes up, which the plan does not tell from others.
    """
    aliases = dict(renamed_aliases(without_comments(squeezed(statement))))
    taken = set(aliases.values())
    numbers = (name for name in map("a{}".format, count(1)) if name not in taken)
    for name in _made_up(plan):
        if len(name) > _LONGEST_KEPT and name not in aliases:
            aliases[name] = next(numbers)
    return _shown_node(plan, aliases)


def _made_up(node: Plan) -> Iterator[str]:
    alias, relation = node.get("Alias"), node.get("Relation Name")
    if alias and not (relation and re.fullmatch(rf"{re.escape(relation)}(?:_[0-9]+)?", alias)):
        yield alias
    if name := node.get("CTE Name"):
        yield name
    if (name := node.get(_SUBPLAN, "")).startswith(_CTE):
        yield name.removeprefix(_CTE)
    for child in node.get("Plans", ()):
        yield from _made_up(child)


def _shown_node(node: Plan, aliases: Mapping[str, str]) -> dict[str, Any]:
    return {key: _shown(key, value, aliases) for key, value in node.items()}


def _shown(key: str, value: Any, aliases: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_shown(key, one, aliases) for one in value]
    if isinstance(value, dict):
        return _shown_node(value, aliases)
    if not isinstance(value, str) or key in _WORDS:
        return value
    if key in _NAMES:
        return _name(value, aliases)
    if key == _SUBPLAN:  # else it is the planner's own: `InitPlan 1 (returns $0)`
        return _CTE + _name(value.removeprefix(_CTE), aliases) if value.startswith(_CTE) else value
    return _expression(value, aliases)


def _name(name: str, aliases: Mapping[str, str]) -> str:
    if _GENERATED.fullmatch(name):
        return name
    return aliases.get(name, name) if is_plain(name) else MASK


def _expression(text: str, aliases: Mapping[str, str]) -> str:
    """An expression with `?` for each string and number; parameters stay as they are."""
    kept, place = [], 0
    for token in tokens(text):
        if token.kind in {Kind.STRING, Kind.NUMBER, Kind.COMMENT}:
            instead = MASK
        elif token.kind in {Kind.WORD, Kind.QUOTED}:
            name = name_of(token)
            instead = _name(name, aliases)
            if instead == name:
                continue
            instead = f'"{MASK}"' if instead == MASK else instead
        else:
            continue
        kept += [text[place : token.start], instead]
        place = token.start + len(token.text)
    return "".join([*kept, text[place:]])


def plan_signature(plan: Plan) -> str:
    """16 hexadecimal digits that are the same for plans of the same structure.

    That is the kinds of nodes, their order, and which relations and indexes they use; not costs, numbers of
    rows or conditions. Parts of an Append count by what they look like, each look once: a new partition with
    the same indexes does not change a plan.
    """
    structure = json.dumps(_structure(plan, named=True), separators=(",", ":"))
    return blake2b(structure.encode(), digest_size=8).hexdigest()


def _structure(node: Plan, *, named: bool) -> list[Any]:
    keys = _STRUCTURE + _WHERE if named else _STRUCTURE
    children: list[Any] = []
    for child in node.get("Plans", ()):
        member = child.get("Parent Relationship") == "Member"
        structure = _structure(child, named=named and not member)
        if not (member and structure in children):
            children.append(structure)
    return [[node.get(key) for key in keys], children]
