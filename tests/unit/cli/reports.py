"""Reports made of values, for the tests of how they are shown."""

from __future__ import annotations

from typing import Any

from exporter.analysis.finding import Confidence, Evidence, Finding, Gap, Kind, Severity
from exporter.analysis.report import Report, ServerSummary
from exporter.facts.relations import Relation, Relations
from exporter.facts.statement import Counters, Statement, StatementKey

NOW = 1_700_000_000.0
RAW = "ALTER ROLE web PASSWORD 'topsecret'"


def finding(title: str = "Missing index on shop.items (order_id)", **changed: Any) -> Finding:
    """A finding of one statement."""
    fields: dict[str, Any] = {
        "kind": Kind.MISSING_INDEX,
        "severity": Severity.WARNING,
        "confidence": Confidence.PROVEN,
        "title": title,
        "datname": "shop",
        "subject": "shop.items",
        "why": "One statement reads more of items than it needs",
        "evidence": [Evidence("calls", 125.0, "calls"), Evidence("size of the index", 1_564_672, "bytes")],
        "sql": [f"CREATE INDEX CONCURRENTLY {'items_' * 20}idx ON shop.items (order_id);"],
        "cost": "Disk: 1.5 MB at most",
        "statements": [StatementKey("shop", "web", "02aa3118da4f026c")],
    }
    return Finding(**(fields | changed))


def statement(text: str = "SELECT * FROM shop.items WHERE order_id = $1", **changed: Any) -> Statement:
    """A statement with counters."""
    fields: dict[str, Any] = {
        "key": StatementKey("shop", "web", "02aa3118da4f026c"),
        "queryids": ("-1212445015417326744",),
        "text": text,
        "raw": RAW,
        "operation": "SELECT",
        "tables": ("shop.items",),
        "counters": Counters(125, 5825, 300_000, rows=7_500_000),
        "max_ms": 55.5,
    }
    return Statement(**(fields | changed))


def report(**changed: Any) -> Report:
    """A report with one of each."""
    tables = {1: Relation(oid=1, schema="shop", name="items", bytes=5 << 20, n_live_tup=60_000)}
    fields: dict[str, Any] = {
        "target": "db.example.org:5432",
        "taken_at": NOW,
        "seconds": 2.4,
        "server": ServerSummary(
            version="15.20 (Debian 15.20-0+deb12u1)",
            started_at=NOW - 86_400,
            is_standby=False,
            connections=12,
            active=1,
            max_connections=97,
            cache_hit_ratio=0.971,
            transactions_per_second=1234.5,
            statements_seconds=180.0,
        ),
        "statements": [statement()],
        "statements_total_ms": 12_000.0,
        "relations": {"shop": Relations(datname="shop", taken_at=NOW, tables=tables, indexes={})},
        "findings": [finding()],
        "gaps": [Gap("N+1 patterns", "Nobody watched", "datastack-exporter analyze --observe 60")],
    }
    return Report(**(fields | changed))


def hostile(text: str) -> Report:
    """A report in which all that a server or its users name is this text."""
    table = Relation(oid=1, schema=text, name=text)
    return report(
        target=text,
        server=ServerSummary(version=text),
        statements=[statement(text, key=StatementKey(text, text, "02aa3118da4f026c"), tables=(text,))],
        relations={text: Relations(datname=text, taken_at=NOW, tables={1: table}, indexes={})},
        findings=[
            finding(
                text,
                severity=severity,
                datname=text,
                subject=text,
                why=text,
                evidence=[Evidence(text, text)],
                sql=[f"-- {text}"],
                cost=text,
                statements=[StatementKey(text, text, "02aa3118da4f026c")],
            )
            for severity in Severity
        ],
        gaps=[Gap(text, text, text)],
    )
