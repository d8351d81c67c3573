"""Databases of a few values: an old one with a large table, to which a test adds what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exporter.facts.relations import ForeignKey, Index, Relation, Relations

DAY = 86_400.0
MB = 1 << 20
ORDERS, CUSTOMERS = 1, 2
NOW = 1_700_000_000.0


def index(oid: int, *keys: str | None, **more: Any) -> Index:
    """An old index of 20 MB on the orders that nobody has scanned."""
    count = len(keys)
    given: dict[str, Any] = {
        "opclasses": (1978,) * count,
        "collations": (0,) * count,
        "options": (0,) * count,
        "bytes": 20 * MB,
        "age_seconds": 300 * DAY,
    }
    return Index(
        oid=oid,
        table=more.pop("table", ORDERS),
        schema="public",
        name=f"index_{oid}",
        keys=keys,
        **(given | more),
    )


def table(oid: int, name: str, **more: Any) -> Relation:
    """A large table that is used."""
    given: dict[str, Any] = {"rows": 1_000_000.0, "bytes": 500 * MB, "seq_scan": 5, "seq_tup_read": 100}
    return Relation(oid=oid, schema="public", name=name, **(given | more))


def key(*columns: str, table: int = ORDERS, **more: Any) -> ForeignKey:
    """A foreign key to the customers."""
    return ForeignKey(
        name="orders_fkey",
        table=table,
        columns=columns,
        referenced=CUSTOMERS,
        referenced_columns=columns,
        **more,
    )


def relations(*indexes: Index, keys: tuple[ForeignKey, ...] = (), **more: Any) -> Relations:
    """A database whose statistics are a hundred days old."""
    tables = more.pop("tables", (table(ORDERS, "orders"), table(CUSTOMERS, "customers")))
    given: dict[str, Any] = {"statistics_seconds": 100 * DAY, "taken_at": NOW, "datname": "shop"}
    return Relations(
        tables={t.oid: t for t in tables},
        indexes={i.oid: i for i in indexes},
        foreign_keys=keys,
        **(given | more),
    )


def executable(sql: str) -> bool:
    """Whether a line does something when it is run."""
    return not sql.startswith("--")


def used(found: Index, scans: int = 1000) -> Index:
    """The same with scans, the last one just now."""
    return replace(found, scans=scans, last_scan=NOW)
