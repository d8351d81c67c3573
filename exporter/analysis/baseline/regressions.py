"""What a comparison found, as findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.baseline.comparison import RELATIVE, SHIFTED, Change, Comparison, Verdict
from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.facts.statement import Counters


def regressions(comparison: Comparison) -> Iterator[Finding]:
    """A finding for each statement that became slower, and one if all did."""
    for change in comparison.changes:
        if change.verdict is Verdict.WORSE:
            yield _finding(change)
    if comparison.shift >= SHIFTED and comparison.verdict is Verdict.WORSE:
        yield Finding(
            kind=Kind.REGRESSION,
            rule="server",
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM,
            title=f"All statements take {comparison.shift:.1f} times as long",
            why=(
                "The median statement is slower, so the cause is in what they share: the machine, its disks,"
                " a setting, or the load."
            ),
            evidence=(
                Evidence("median of all ratios", round(comparison.shift, 2)),
                Evidence("statements compared", len(comparison.changes)),
            ),
        )


def _finding(change: Change) -> Finding:
    before, after = change.before.counters, change.after.counters
    blocks = _blocks(before), _blocks(after)
    reads_more = blocks[1] > RELATIVE * blocks[0]
    tables = change.after.tables
    return Finding(
        kind=Kind.REGRESSION,
        rule="statement",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH if reads_more else Confidence.MEDIUM,
        title=f"{change.after.operation} of {', '.join(tables) or '?'}: {change.ratio:.1f} times as slow",
        datname=change.after.key.datname,
        subject=tables[0] if tables else "",
        why=(
            "It reads more blocks than before: another plan, a missing index, or more rows."
            if reads_more
            else "It reads no more blocks than before, so it waits or computes more: locks, the machine."
        ),
        evidence=(
            Evidence("mean before", round(before.mean_ms / 1000, 6), "seconds"),
            Evidence("mean after", round(after.mean_ms / 1000, 6), "seconds"),
            Evidence("chance of that without a cause", f"{change.probability:.1g}"),
            Evidence("blocks a call before", round(blocks[0], 1)),
            Evidence("blocks a call after", round(blocks[1], 1)),
            Evidence("calls before", before.calls, "calls"),
            Evidence("calls after", after.calls, "calls"),
        ),
        statements=(change.after.key,),
        weight=max(0.0, change.effect or 0.0),
    )


def _blocks(counters: Counters) -> float:
    return (counters.shared_blks_hit + counters.shared_blks_read) / counters.calls
