"""What one analysis of a PostgreSQL server found: what the command line and the API show. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.analysis.finding import Finding, Gap, Severity
from exporter.facts.relations import Relations
from exporter.facts.statement import Statement, StatementKey
from exporter.sources.postgres.plans import Explained


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSummary:
    """The server in a few numbers, each None where it is not known.

    Attributes:
        version: as `server_version` has it: `15.18`.
        started_at: Unix time of the postmaster's start.
        is_standby: whether it replays the WAL of another.
        connections: sessions of clients now.
        active: those that run a query now.
        max_connections: the setting, less what is reserved for superusers.
        cache_hit_ratio: blocks found in shared buffers, of all that were wanted, in all databases.
        transactions_per_second: since the statistics began.
        database_bytes: of all databases.
        statistics_seconds: how long the statistics count.
        statements_seconds: how long pg_stat_statements counts.
    """

    version: str = ""
    started_at: float | None = None
    is_standby: bool | None = None
    connections: int | None = None
    active: int | None = None
    max_connections: int | None = None
    cache_hit_ratio: float | None = None
    transactions_per_second: float | None = None
    database_bytes: int | None = None
    statistics_seconds: float | None = None
    statements_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One analysis.

    Attributes:
        target: the address, as `host:port`.
        taken_at: Unix time of its beginning.
        seconds: how long it took.
        server: the server in a few numbers.
        statements: those that took most time, the costliest first.
        statements_total_ms: time of all statements, those included that are not in the list.
        relations: of each database that was looked at.
        plans: what became of the plan of each statement that was asked for.
        findings: the worst first.
        gaps: what was not looked at, and why.
    """

    target: str
    taken_at: float
    seconds: float
    server: ServerSummary = field(default_factory=ServerSummary)
    statements: Sequence[Statement] = ()
    statements_total_ms: float = 0.0
    relations: Mapping[str, Relations] = field(default_factory=dict)
    plans: Mapping[StatementKey, Explained] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    gaps: Sequence[Gap] = ()

    def worst(self) -> Severity | None:
        """The severity of the worst finding; None without findings."""
        order = list(Severity)
        return min((finding.severity for finding in self.findings), key=order.index, default=None)
