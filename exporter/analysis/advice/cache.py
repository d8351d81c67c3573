"""Databases whose blocks are not found in shared buffers."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.finding import Confidence, Evidence, Finding, Kind, Severity
from exporter.analysis.wording import percent
from exporter.facts.relations import Relations
from exporter.facts.server import ServerFacts
from exporter.sql.identifiers import identifier, qualified

WARN_RATIO, LEAST_RATIO = 0.8, 0.95
LEAST_READS_A_SECOND = 100.0
"""Blocks: below that it does not matter how few are found."""
SHORTEST_SECONDS = 3600.0
MOST_TABLES = 3


def cache_misses(relations: Relations, server: ServerFacts) -> Iterator[Finding]:
    """The database, if it has traffic and finds less than 95 % of its blocks in shared buffers."""
    found = next((d for d in server.databases if d.datname == relations.datname), None)
    wanted = found.blks_hit + found.blks_read if found is not None else 0
    if found is None or not wanted:
        return
    ratio, reads = found.blks_hit / wanted, found.blks_read / max(found.seconds or 0.0, SHORTEST_SECONDS)
    if ratio >= LEAST_RATIO or reads < LEAST_READS_A_SECOND:
        return
    worst = sorted(relations.tables.values(), key=lambda table: -table.blks_read)[:MOST_TABLES]
    yield Finding(
        kind=Kind.CACHE_MISSES,
        severity=Severity.WARNING if ratio < WARN_RATIO else Severity.INFO,
        confidence=Confidence.MEDIUM,
        title=f"Database {found.datname} finds only {percent(ratio)} of its blocks in shared buffers",
        datname=found.datname,
        subject=identifier(found.datname),
        why=(
            "The others come from the operating system's cache at best, else from disk. Queries that read "
            "more than they need are the usual cause: see sequential scans, missing indexes and bloat "
            "before shared_buffers."
        ),
        evidence=[
            Evidence("blocks found in shared buffers", round(ratio, 3), "ratio"),
            Evidence("blocks read", round(reads, 1), "1/s"),
            *(
                Evidence(
                    f"of the blocks read: {qualified(t.schema, t.name)}",
                    round(t.blks_read / found.blks_read, 3),
                    "ratio",
                )
                for t in worst
                if t.blks_read
            ),
        ],
        weight=reads,
    )
