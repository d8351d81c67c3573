"""What the routes of plans answer with."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from exporter.http.api.routes.postgres_models import Listed
from exporter.http.api.times import Time
from exporter.sources.postgres.plans import PlanOutcome

ID = "^[0-9a-f]{16}$"


class PlanRow(BaseModel):
    """What is known of a statement's plan."""

    id: str = Field(description="Of the statement.", examples=["0a1b2c3d4e5f6071"])
    datname: str
    user: str
    query: str = Field(description="Redacted.")
    outcome: PlanOutcome = Field(description="How the last attempt ended.")
    asked_at: Time = Field(description="When that was.")
    mean_exec_time_seconds: float = Field(description="Of the statement's calls at that time.")
    taken_at: Time | None = Field(description="When the plan was had; null without one.")
    total_cost: float | None = Field(description="In the planner's unit.")
    changed_at: Time | None = Field(description="When the plan was first seen as it is; null if always.")


class KnownPlans(Listed):
    """Plans, the newest last."""

    items: list[PlanRow]


class PlanWanted(BaseModel):
    """The statement whose plan is asked for; it must be in pg_stat_statements."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=ID, description="Of the statement.", examples=["0a1b2c3d4e5f6071"])
    datname: str | None = Field(default=None, max_length=63, description="Where several run it, in which.")
    user: str | None = Field(default=None, max_length=63, description="Where several run it, whose.")


class Plan(BaseModel):
    """The plan of a statement, or why there is none."""

    taken_at: Time
    id: str
    datname: str
    user: str
    query: str = Field(description="Redacted.")
    outcome: PlanOutcome
    detail: str = Field(description="What the server said, redacted; empty where there is nothing to say.")
    plan: dict[str, Any] | None = Field(
        description="EXPLAIN's object `Plan` (VERBOSE, FORMAT JSON), a generic plan, with ? for literals."
    )
