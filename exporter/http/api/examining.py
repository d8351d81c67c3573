"""Analyses a server for the API: as the command line does, and with the daemon's own history for N+1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.analysis.examine import Scope, examine
from exporter.analysis.report import Report
from exporter.collectors.postgres._statements_source import history, known_statements
from exporter.model.deadline import Deadline

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer


async def examined(
    server: PostgresServer, deadline: Deadline, *, database: str | None, memory_bytes: int | None
) -> Report:
    """One analysis. The first one of a server begins its history: N+1 shows some minutes later.

    Args:
        server: which one.
        deadline: what is not done by then is a gap.
        database: the only one to look at; None for all that the settings include.
        memory_bytes: of the server's machine; None if that is not known.

    Raises:
        SourceError: the server does not answer.
    """
    scope = Scope(
        databases=[database] if database else (),
        memory_bytes=memory_bytes,
        history=history(server),
        described=known_statements(server),
    )
    return await examine(server, deadline, scope)
