"""Autovacuum: whether it runs, and whether it keeps up."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings.change import Advice, is_off, number_of
from exporter.analysis.finding import Confidence, Evidence, Finding, Severity
from exporter.facts.server import ServerFacts

SLOW_DELAY_MS = 10.0
LEAST_COST_LIMIT = 200.0


def autovacuum(server: ServerFacts) -> Iterator[Finding]:
    """Switched off, itself or what it goes by."""
    for name, why in (
        ("autovacuum", "Nobody removes dead rows or keeps the planner's statistics fresh, in any table."),
        ("track_counts", "Without counts autovacuum does not know where to go, and no table looks used."),
    ):
        if is_off(server, name):
            yield Advice(
                name=name,
                value="on",
                title=f"{name} is off",
                why=f"{why} Tables grow, plans get worse, until only VACUUM against wraparound comes.",
                severity=Severity.WARNING,
                confidence=Confidence.PROVEN,
                cost=(
                    "VACUUM reads and writes in the background, as much as autovacuum_vacuum_cost_limit "
                    "allows."
                ),
            ).finding(server)


def workers(server: ServerFacts) -> Iterator[Finding]:
    """All of its workers busy."""
    most = number_of(server, "autovacuum_max_workers")
    if most is None or server.autovacuum_workers < most or not most:
        return
    limit = number_of(server, "autovacuum_vacuum_cost_limit") or -1.0
    now = limit if limit > 0 else number_of(server, "vacuum_cost_limit") or LEAST_COST_LIMIT
    yield Advice(
        name="autovacuum_vacuum_cost_limit",
        rule="autovacuum_max_workers",
        value=f"{max(2 * now, 1000):.0f}",
        title=f"All {most:.0f} autovacuum workers are busy",
        why=(
            "Tables may wait for a free one. The workers share one cost limit, so more of them are slower "
            "each: raise the limit first, then autovacuum_max_workers."
        ),
        evidence=[Evidence("workers that run now", server.autovacuum_workers), Evidence("cost limit", now)],
        confidence=Confidence.LOW,
        cost="VACUUM reads and writes more in a second.",
    ).finding(server)


def cost_delay(server: ServerFacts) -> Iterator[Finding]:
    """The pause of old versions, with which VACUUM takes ten times as long."""
    delay = number_of(server, "autovacuum_vacuum_cost_delay")
    if delay is None or delay < SLOW_DELAY_MS:
        return
    yield Advice(
        name="autovacuum_vacuum_cost_delay",
        value="2ms",
        title=f"Autovacuum pauses {delay:g} ms after each small piece of work",
        why=(
            "That was the default up to PostgreSQL 11, for slower disks: large tables then take hours or "
            "days."
        ),
        cost="VACUUM reads and writes more in a second.",
    ).finding(server)
