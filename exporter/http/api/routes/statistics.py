"""The one route that changes something: administrators reset statistics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from exporter.facts.reset_statistics import Statistics, reset_statistics
from exporter.http.api.data import Place, With
from exporter.http.api.facts import known_database
from exporter.http.api.problems import documented
from exporter.http.api.times import Time
from exporter.model.deadline import Deadline

router = APIRouter(prefix="/postgres/statistics", tags=["administration"])

RESET_SECONDS = 10.0


class OfStatements(BaseModel):
    """All entries of pg_stat_statements, by pg_stat_statements_reset()."""

    model_config = ConfigDict(extra="forbid")

    statistics: Literal[Statistics.STATEMENTS]

    @property
    def database(self) -> None:
        """They are of all databases."""


class OfDatabase(BaseModel):
    """All counters of one database, by pg_stat_reset(). Autovacuum begins anew, so ANALYZE afterwards."""

    model_config = ConfigDict(extra="forbid")

    statistics: Literal[Statistics.DATABASE]
    database: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Whose counters; without it the database of the configuration.",
        examples=["postgres"],
    )


Wanted = Annotated[OfStatements | OfDatabase, Body(discriminator="statistics")]


class Reset(BaseModel):
    """What was reset."""

    reset_at: Time
    statistics: Statistics
    database: str | None = Field(description="As asked for.")


@router.post("/reset", response_model=Reset, responses=documented(408, 502, 504))
async def reset(data: With, wanted: Wanted, place: Annotated[Place, Query()]) -> Reset:
    """Resets statistics; for the role admin (`access.FOR_ADMINISTRATORS`). The audit log says who did."""
    server = data.source(place.target, "postgres")
    deadline = Deadline.after(RESET_SECONDS)
    await known_database(server, wanted.database, deadline)
    await data.offered(reset_statistics(server, wanted.statistics, deadline, wanted.database))
    data.forget()
    return Reset(reset_at=datetime.now(UTC), statistics=wanted.statistics, database=wanted.database)
