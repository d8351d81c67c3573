"""Settings that do not fit what the server does. A value that may be on purpose is a hint, not a warning."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.analysis.advice.settings import memory, safety, upkeep, watching, writing
from exporter.analysis.finding import Finding
from exporter.facts.server import ServerFacts

RULES = (
    *(safety.durability, safety.passwords, safety.pending, safety.timeouts),
    *(memory.shared_buffers, memory.effective_cache_size, memory.work_mem, memory.maintenance_work_mem),
    *(memory.huge_pages, memory.max_connections),
    *(writing.max_wal_size, writing.checkpoint_timeout),
    *(upkeep.autovacuum, upkeep.workers, upkeep.cost_delay),
    *(watching.statements, watching.track_io_timing, watching.logs, watching.planner),
)


def settings(server: ServerFacts) -> Iterator[Finding]:
    """All that can be said of the settings of a server."""
    for rule in RULES:
        yield from rule(server)
