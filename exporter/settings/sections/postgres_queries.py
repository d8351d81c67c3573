"""Settings of what is asked about a PostgreSQL server's queries."""

from __future__ import annotations

from pydantic import Field

from exporter.settings.sections.base import Section
from exporter.settings.values import File, Seconds


class PostgresQueries(Section):
    """What counts as slow, and how plans are asked for."""

    slow_query_seconds: Seconds = Field(
        default=0.1, description="Mean seconds of a call from which a statement counts as slow."
    )
    slow_running_seconds: Seconds = Field(
        default=1.0, description="Seconds from which a query that still runs counts as slow."
    )
    plans_per_minute: int = Field(
        default=10, ge=1, le=600, description="Plans that the collector query_plans asks for at most."
    )
    plan_timeout_seconds: Seconds = Field(
        default=2.0, description="Seconds that planning one statement may take."
    )
    plan_lock_timeout_seconds: Seconds = Field(
        default=0.1, description="Seconds that planning waits for a lock."
    )
    history_file: File = Field(
        default=None,
        description="File in which the collector statement_anomalies keeps a week; empty: in memory only.",
    )
