"""Health in detail: every target, every collector, its state and latency. It needs no token.

So it says nothing of where or what the targets are: no address, database, role or message of a server. What
it says is the names of targets and collectors, which the page of metrics has too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from fastapi import APIRouter
from pydantic import BaseModel, Field

from exporter.http.api.data import With
from exporter.http.api.problems import documented
from exporter.http.api.times import Time, at
from exporter.http.served import TOP, Watched
from exporter.model.deadline import Deadline
from exporter.model.errors import Reason
from exporter.model.snapshot import Outcome, Snapshot, State

router = APIRouter(tags=["health"])

HOLDS_SECONDS = 5.0
"""How long an answer is shared: nobody without a token can make the exporter collect more often."""
FAMILIES = ("postgres", "redis", "pgbouncer", "host")
"""The sources that are something else than this process."""
LATEST_SECONDS = 5.0
"""How long collecting for it may take."""


class Overall(StrEnum):
    """The worst of what is below."""

    OK = "ok"
    """Every server answers, and every collector gave what it should."""
    DEGRADED = "degraded"
    """Every server answers, and some collectors failed or were late."""
    DOWN = "down"
    """A server does not answer."""


class Server(BaseModel):
    """One configured source of a target."""

    family: str = Field(description="postgres, redis, pgbouncer or host.", examples=["postgres"])
    up: bool = Field(description="Whether it answered.")
    latency_seconds: float | None = Field(description="How long asking whether it is up took.")


class Check(BaseModel):
    """One collector."""

    collector: str = Field(examples=["stat_database"])
    family: str = Field(examples=["postgres"])
    state: State = Field(description="How its run ended.")
    reason: Reason | None = Field(description="Why it is not ok.")
    duration_seconds: float = Field(description="How long it ran, or has run so far.")
    age_seconds: float | None = Field(description="Age of its result; null for a result of now.")
    last_success: Time | None = Field(description="When it last gave all it should.")


class TargetHealth(BaseModel):
    """What is configured at the top level, or one named target."""

    name: str = Field(examples=[TOP])
    status: Overall
    servers: list[Server]
    collectors: list[Check]


class Health(BaseModel):
    """The health of all targets."""

    status: Overall
    time: Time = Field(description="When this was collected.")
    targets: list[TargetHealth]


@router.get("/health", response_model=Health, responses=documented())
async def health(data: With) -> Health:
    """The state and latency of each target and collector; 200 whatever they are."""

    async def collect() -> Health:
        served = data.served
        found = await served.scrape_each(Deadline.after(LATEST_SECONDS))
        shown = [(name or TOP, w, s) for name, w, s in found if name or w.running]
        targets = [_target(name, watched, snapshot) for name, watched, snapshot in shown]
        return Health(status=_worst([t.status for t in targets]), time=datetime.now(UTC), targets=targets)

    return await data.shared("health", collect, HOLDS_SECONDS, 2 * LATEST_SECONDS)


def _target(name: str, watched: Watched, snapshot: Snapshot) -> TargetHealth:
    checks = {o.collector: o for o in snapshot.outcomes}
    servers = [_server(f, checks.get(f"{f}_up")) for f in FAMILIES if f in watched.sources]
    failed = any(o.state in (State.FAILED, State.LATE) for o in snapshot.outcomes)
    down = not all(server.up for server in servers)
    status = Overall.DOWN if down else Overall.DEGRADED if failed else Overall.OK
    return TargetHealth(name=name, status=status, servers=servers, collectors=[*map(_check, checks.values())])


def _server(family: str, outcome: Outcome | None) -> Server:
    """The one collector `<family>_up` says so; what has none, as the host, is here."""
    if outcome is None:
        return Server(family=family, up=True, latency_seconds=None)
    return Server(family=family, up=outcome.state is State.OK, latency_seconds=outcome.seconds)


def _check(outcome: Outcome) -> Check:
    return Check(
        collector=outcome.collector,
        family=outcome.family,
        state=outcome.state,
        reason=outcome.reason,
        duration_seconds=outcome.seconds,
        age_seconds=outcome.age,
        last_success=at(outcome.last_success),
    )


def _worst(states: list[Overall]) -> Overall:
    return next((s for s in (Overall.DOWN, Overall.DEGRADED) if s in states), Overall.OK)
