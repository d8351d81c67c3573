"""How near databases and tables are to the transaction that the server refuses."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import number, percent
from exporter.facts.relations import Relations
from exporter.facts.server import ServerFacts
from exporter.sql.identifiers import identifier, qualified

LAST = 2**31 - 3_000_000
"""The age at which the server takes no more writing transactions."""
WARN, CRITICAL = 1_000_000_000, 1_500_000_000
"""Autovacuum is forced at 200 million as a rule: here it does not get through."""
MOST_TABLES = 5

WHY = (
    "VACUUM does not get to freezing old rows: it is off, too slow, or a transaction, a replication slot or "
    "a prepared transaction holds it back. At {last} the server stops taking writes."
)
COST = "VACUUM reads all pages that are not frozen; without FREEZE it would do the same a little later."


def of_databases(server: ServerFacts) -> Iterator[Finding]:
    """Databases with an age that forced autovacuum should have brought down."""
    for database in server.databases:
        for what, age in (("transactions", database.xid_age), ("multixacts", database.mxid_age)):
            if age >= WARN:
                yield Finding(
                    kind=Kind.WRAPAROUND,
                    rule=what,
                    severity=Severity.CRITICAL if age >= CRITICAL else Severity.WARNING,
                    confidence=Confidence.PROVEN,
                    title=f"Database {database.datname} is {percent(age / LAST)} of the way to wraparound",
                    datname=database.datname,
                    subject=identifier(database.datname),
                    why=WHY.format(last=number(LAST)),
                    evidence=[
                        Evidence(f"unfrozen {what}", age),
                        Evidence("part of what is possible", round(age / LAST, 2), "ratio"),
                    ],
                    sql=[
                        (
                            "SELECT pid, age(backend_xmin), state, xact_start FROM pg_stat_activity "
                            "WHERE backend_xmin IS NOT NULL ORDER BY 2 DESC;"
                        ),
                        f"-- then, in {identifier(database.datname)}: VACUUM (FREEZE) of the oldest tables",
                    ],
                    cost=COST,
                    weight=float(age),
                )


def of_tables(relations: Relations) -> Iterator[Finding]:
    """The tables that hold such an age, the oldest ones."""
    old = [table for table in relations.tables.values() if max(table.xid_age, table.mxid_age) >= WARN]
    for table in sorted(old, key=lambda table: -max(table.xid_age, table.mxid_age))[:MOST_TABLES]:
        name, age = qualified(table.schema, table.name), max(table.xid_age, table.mxid_age)
        yield Finding(
            kind=Kind.WRAPAROUND,
            rule="table",
            severity=Severity.CRITICAL if age >= CRITICAL else Severity.WARNING,
            confidence=Confidence.PROVEN,
            title=f"Table {table.name} has rows that are {number(age)} transactions old and not frozen",
            datname=relations.datname,
            subject=name,
            why=WHY.format(last=number(LAST)),
            evidence=[
                Evidence("unfrozen transactions", table.xid_age),
                Evidence("unfrozen multixacts", table.mxid_age),
                Evidence("size", table.bytes, "bytes"),
            ],
            sql=[f"VACUUM (FREEZE, VERBOSE) {name};"],
            cost=COST,
            weight=float(age),
        )
