"""Changes that change nothing, and queues whose consumers wait for each other."""

from __future__ import annotations

from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.analysis.patterns._seen import Seen

CALLS = 100
A_SECOND = 1.0
ROWS_PER_CALL = 0.01
WAITED_MS = 100.0
WAITED_TIMES = 10.0


def update_nothing(seen: Seen) -> Finding | None:
    """An UPDATE that runs all the time and finds no row."""
    frequent = (seen.calls_per_second or 0) >= A_SECOND and seen.statement.counters.calls >= CALLS
    if seen.statement.operation != "UPDATE" or not frequent or seen.rows_per_call > ROWS_PER_CALL:
        return None
    return seen.finding(
        "update_nothing",
        "An UPDATE that nearly never finds a row",
        "It runs more than once a second and changes nothing: each call still plans, searches, and opens a"
        " transaction.",
        evidence=(
            Evidence("rows a call", round(seen.rows_per_call, 4), "rows"),
            Evidence("calls a second", round(seen.calls_per_second or 0, 2), "1/s"),
        ),
        sql=(
            (
                "-- If it polls: ask less often, or wait with LISTEN/NOTIFY.\n"
                "-- If a row is missing on purpose: INSERT ... ON CONFLICT ... DO UPDATE."
            ),
        ),
        confidence=Confidence.MEDIUM,
    )


def queue_without_skip_locked(seen: Seen) -> Finding | None:
    """The first row of a queue FOR UPDATE, without SKIP LOCKED."""
    if not seen.text.queue or seen.text.skips_locked or not seen.often:
        return None
    longest = seen.statement.max_ms or 0.0
    waits = longest >= WAITED_MS and longest >= WAITED_TIMES * seen.mean_ms
    return seen.finding(
        "queue_without_skip_locked",
        "Consumers of a queue wait for each other's row",
        "All of them ask for the same first row; all but one wait until its transaction ends, and then look"
        " again.",
        evidence=(
            Evidence("longest call", round(longest / 1000, 6), "seconds"),
            Evidence(
                "standard deviation of a call", round(seen.statement.counters.stddev_ms / 1000, 6), "seconds"
            ),
        ),
        sql=("... ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",),
        severity=Severity.WARNING if waits else Severity.INFO,
        confidence=Confidence.HIGH if waits else Confidence.MEDIUM,
    )


RULES = (update_nothing, queue_without_skip_locked)
