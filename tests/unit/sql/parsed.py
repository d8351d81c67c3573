"""What PostgreSQL's own parser (pgparse: libpg_query) says of a statement, to compare with ours."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

OPERATIONS = {f"{name.capitalize()}Stmt": name for name in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE")}
WRITES = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
WRITTEN_HERE = ("relation", "rel")

Place = tuple[int, str]


def operation_and_tables(sql: str) -> tuple[str, tuple[str, ...]]:
    """As our shape has them: in the order of the text, what is written first."""
    [statement] = import_module("pgparse").parse(sql)
    [(kind, node)] = statement["stmt"].items()
    found = sorted(_tables(node, frozenset()))
    if kind in WRITES:
        found.insert(0, (-1, _name(node["relation"])))
    return OPERATIONS.get(kind, "UTILITY"), tuple(dict.fromkeys(name for _, name in found))


def _tables(node: Any, visible: frozenset[str]) -> Iterator[Place]:
    """Every relation that is named, but those that WITH names where they can be seen."""
    if isinstance(node, list):
        for item in node:
            yield from _tables(item, visible)
    elif isinstance(node, dict) and "relname" in node:
        if "schemaname" in node or node["relname"] not in visible:
            yield node["location"], _name(node)
    elif isinstance(node, dict):
        yield from _parts(node, visible)


def _parts(node: dict[str, Any], visible: frozenset[str]) -> Iterator[Place]:
    queries = node.get("withClause", {})
    for query in queries.get("ctes", ()):
        body, name = query["CommonTableExpr"]["ctequery"], query["CommonTableExpr"]["ctename"]
        yield from _tables(body, visible | {name} if queries.get("recursive") else visible)
        visible |= {name}
    for key, part in node.items():
        if key in WRITTEN_HERE and "relname" in part:
            yield from _tables(part, frozenset())  # a table, whatever WITH names
        elif key not in {"withClause", "lockingClause", "typeName"}:
            yield from _tables(part, visible)


def _name(node: dict[str, Any]) -> str:
    return f"{node['schemaname']}.{node['relname']}" if "schemaname" in node else str(node["relname"])
