"""The server in a few numbers, from its facts. Pure."""

from __future__ import annotations

from exporter.analysis.report import ServerSummary
from exporter.facts.server import ServerFacts


def summary_of(server: ServerFacts, statements_seconds: float | None = None) -> ServerSummary:
    """The numbers that the head of a report shows.

    Args:
        server: the facts.
        statements_seconds: how long pg_stat_statements counts.
    """
    hit = sum(database.blks_hit for database in server.databases)
    read = sum(database.blks_read for database in server.databases)
    times = [database.seconds for database in server.databases if database.seconds]
    rates = [(d.xact_commit + d.xact_rollback) / d.seconds for d in server.databases if d.seconds]
    reserved = _number(server, "superuser_reserved_connections") or 0
    most = _number(server, "max_connections")
    version = server.settings.get("server_version")
    return ServerSummary(
        version=version.value if version else str(server.major),
        started_at=server.taken_at - server.uptime_seconds,
        is_standby=server.is_standby,
        connections=len(server.sessions),
        active=sum(session.state == "active" for session in server.sessions),
        max_connections=None if most is None else int(most - reserved),
        cache_hit_ratio=hit / (hit + read) if hit + read else None,
        transactions_per_second=sum(rates) if rates else None,
        statistics_seconds=min(times, default=None),
        statements_seconds=statements_seconds,
    )


def _number(server: ServerFacts, name: str) -> float | None:
    setting = server.settings.get(name)
    return setting.number if setting else None
