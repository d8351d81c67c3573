"""A report as JSON has it: for `--format json`, and for whoever shows it. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from exporter.analysis.finding import Finding, Gap
from exporter.analysis.report import Report
from exporter.facts.relations import Relation, Relations
from exporter.facts.statement import Statement, StatementKey
from exporter.sources.postgres.plans import Explained
from exporter.sql.plan import redacted_plan

Document = dict[str, Any]


def report_document(report: Report, *, detailed: bool = False) -> Document:
    """The report: names as in its values, times in Unix seconds; texts of statements are redacted.

    Args:
        report: what was found.
        detailed: with all tables and plans; else the findings, the statements and the gaps.
    """
    found: Document = {
        "target": report.target,
        "taken_at": report.taken_at,
        "seconds": report.seconds,
        "server": asdict(report.server),
        "findings": [finding_document(finding) for finding in report.findings],
        "gaps": [gap_document(gap) for gap in report.gaps],
        "statements_total_seconds": report.statements_total_ms / 1000,
        "statements": [statement_document(one, report.statements_total_ms) for one in report.statements],
    }
    if detailed:
        found["tables"] = [
            table_document(table, relations)
            for relations in report.relations.values()
            for table in relations.tables.values()
        ]
        raw = {statement.key: statement.raw for statement in report.statements}
        found["plans"] = [_plan_document(key, one, raw.get(key, "")) for key, one in report.plans.items()]
    return found


def finding_document(finding: Finding) -> Document:
    """One finding."""
    return {
        "kind": str(finding.kind),
        "rule": finding.rule or str(finding.kind),
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "title": finding.title,
        "datname": finding.datname,
        "subject": finding.subject,
        "why": finding.why,
        "evidence": [asdict(one) for one in finding.evidence],
        "sql": list(finding.sql),
        "cost": finding.cost,
        "statements": [key._asdict() for key in finding.statements],
    }


def gap_document(gap: Gap) -> Document:
    """Something that was not looked at."""
    return {"what": gap.what, "why": gap.why, "remedy": gap.remedy}


def statement_document(statement: Statement, total_ms: float) -> Document:
    """One statement, times in seconds."""
    counters = statement.counters
    return {
        **statement.key._asdict(),
        "queryids": list(statement.queryids),
        "operation": statement.operation,
        "tables": list(statement.tables),
        "toplevel": statement.toplevel,
        "query": statement.text,
        "calls": int(counters.calls),
        "total_seconds": counters.exec_ms / 1000,
        "share": counters.exec_ms / total_ms if total_ms else None,
        "mean_seconds": counters.mean_ms / 1000,
        "stddev_seconds": counters.stddev_ms / 1000,
        "max_seconds": None if statement.max_ms is None else statement.max_ms / 1000,
        "rows": int(counters.rows),
        "shared_blks_hit": int(counters.shared_blks_hit),
        "shared_blks_read": int(counters.shared_blks_read),
        "temp_blks_written": int(counters.temp_blks_written),
        "wal_bytes": int(counters.wal_bytes),
    }


_TABLE = (
    "rows",
    "bytes",
    "toast_bytes",
    "index_bytes",
    "seq_scan",
    "seq_tup_read",
    "idx_scan",
    "n_live_tup",
    "n_dead_tup",
    "last_vacuum",
    "last_analyze",
    "xid_age",
)


def table_document(table: Relation, relations: Relations) -> Document:
    """One table."""
    return {
        "datname": relations.datname,
        "schemaname": table.schema,
        "relname": table.name,
        **{name: getattr(table, name) for name in _TABLE},
    }


def _plan_document(key: StatementKey, explained: Explained, statement: str) -> Document:
    return {
        **key._asdict(),
        "outcome": str(explained.outcome),
        "detail": explained.detail,
        "plan": None if explained.plan is None else redacted_plan(explained.plan, statement),
    }
