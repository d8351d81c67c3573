"""Statements that are slow, or that take much of the server's time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import duration, percent
from exporter.facts.statement import Statement

MOST = 10
FEW_CALLS = 5
"""Below that many somebody may have tried something by hand."""
MUCH = 0.05
"""Share of the time of all statements from which a slow one is a warning."""
LITTLE = 0.001
"""Below that share nobody gains by making it faster."""


def slow_statements(
    statements: Sequence[Statement], total_ms: float, *, slow_seconds: float = 0.1
) -> Iterator[Finding]:
    """The ten costliest of those whose mean is at the threshold or above.

    Args:
        statements: with their counters.
        total_ms: execution time of all statements of the server.
        slow_seconds: the threshold, the setting postgres.slow_query_seconds.
    """
    slow = [
        statement
        for statement in statements
        if statement.counters.mean_ms >= slow_seconds * 1000
        and statement.counters.calls >= FEW_CALLS
        and statement.operation != "UTILITY"
        and statement.counters.exec_ms >= LITTLE * total_ms
    ]
    slow.sort(key=lambda statement: -statement.counters.exec_ms)
    for statement in slow[:MOST]:
        yield _finding(statement, total_ms)


def _finding(statement: Statement, total_ms: float) -> Finding:
    counters = statement.counters
    share = counters.exec_ms / total_ms if total_ms else 0.0
    of = f" of {statement.tables[0]}" if statement.tables else ""
    evidence = [
        Evidence("calls", int(counters.calls), "calls"),
        Evidence("mean time of a call", counters.mean_ms / 1000, "seconds"),
        Evidence("standard deviation", counters.stddev_ms / 1000, "seconds"),
        Evidence("share of the time of all statements", share, "ratio"),
        Evidence("rows a call", counters.rows / counters.calls, "rows"),
    ]
    if statement.max_ms is not None:
        evidence.insert(2, Evidence("longest call", statement.max_ms / 1000, "seconds"))
    return Finding(
        kind=Kind.SLOW_STATEMENT,
        severity=Severity.WARNING if share >= MUCH else Severity.INFO,
        confidence=Confidence.PROVEN,
        title=f"{statement.operation}{of} takes {duration(counters.mean_ms / 1000)} a call",
        datname=statement.key.datname,
        subject=statement.key.id,
        why=(
            f"It takes {percent(share)} of the time of all statements, and no rule says why: its plan may."
            " Where it reads what it needs and nothing more, it can only run less often."
        ),
        evidence=evidence,
        sql=(f"-- its plan: datastack-exporter plan {statement.key.id}",),
        statements=(statement.key,),
        weight=counters.exec_ms,
    )
