"""Tables, indexes, statements and plans for unit tests, with what matters given and the rest made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter.analysis.indexes.access import Access, accesses
from exporter.analysis.indexes.catalog import Catalog
from exporter.analysis.indexes.looked import Looked, looked
from exporter.analysis.plans.nodes import plan_of
from exporter.facts.relations import Column, Index, Relation, Relations
from exporter.facts.statement import Counters, Statement, StatementKey

Node = dict[str, Any]
ROWS = 100_000


def column(name: str, n_distinct: float | None = 1000, kind: str = "integer", **more: Any) -> Column:
    return Column(name=name, type=kind, n_distinct=n_distinct, **{"avg_width": 4, "null_frac": 0.0, **more})


def table(oid: int = 1, name: str = "orders", *columns: Column, **more: Any) -> Relation:
    known = {"schema": "shop", "pages": 2000, "rows": float(ROWS), **more}
    return Relation(oid=oid, name=name, columns={c.name: c for c in columns}, **known)


def index(name: str, *keys: str | None, on: int = 1, **more: Any) -> Index:
    return Index(oid=hash(name) % 10**6, table=on, schema="shop", name=name, keys=keys, **more)


def relations(tables: list[Relation], *indexes: Index, **more: Any) -> Relations:
    return Relations(
        datname="shop",
        taken_at=0.0,
        tables={each.oid: each for each in tables},
        indexes={each.oid: each for each in indexes},
        **more,
    )


def statement(text: str = "SELECT 1", name: str = "s", **counted: float) -> Statement:
    operation = text.split(maxsplit=1)[0].upper()
    counters = Counters(**{"calls": 100, "exec_ms": 36_000, "rows": 300, **counted})
    return Statement(
        key=StatementKey("shop", "app", name), queryids=(), text=text, raw=text, operation=operation,
        tables=("shop.orders",), counters=counters,
    )  # fmt: skip


def scan(
    name: str = "orders", condition: str = "", rows: float = 10, cost: float = 3000, **more: Any
) -> Node:
    filtered: Mapping[str, Any] = {"Filter": condition} if condition else {}
    return {
        "Node Type": "Seq Scan", "Schema": "shop", "Relation Name": name, "Alias": name, "Plan Rows": rows,
        "Total Cost": cost, **filtered, **more,
    }  # fmt: skip


def node(kind: str, *below: Node, rows: float = 10, cost: float = 3000, **more: Any) -> Node:
    named = {name.replace("_", " "): value for name, value in more.items()}
    return {"Node Type": kind, "Plan Rows": rows, "Total Cost": cost, **named, "Plans": list(below)}


def access(root: Node, known: Relations, number: int = 0) -> Access:
    return list(accesses(plan_of(root), Catalog.of(known)))[number]


def seen(root: Node, known: Relations, asked: Statement | None = None) -> Looked:
    asked = asked or statement()
    return looked(asked, asked.raw, root, "public", Catalog.of(known))
