"""Plans of statements: those that the collector query_plans has, and one that is asked for now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Path, Query

from exporter.collectors.postgres._query_plans import PlanRecord, plans_of
from exporter.facts.statement import Statement, StatementKey
from exporter.http.api.data import Place, With
from exporter.http.api.facts import statements_of
from exporter.http.api.problems import ApiError, documented
from exporter.http.api.rates import Rates
from exporter.http.api.routes.plan_models import ID, KnownPlans, Plan, PlanRow, PlanWanted
from exporter.http.api.routes.postgres import Part
from exporter.http.api.times import at, moment
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused
from exporter.sources.postgres.plans import Explained, PlanOutcome
from exporter.sql.plan import redacted_plan

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

router = APIRouter(prefix="/postgres", tags=["plans"])

_ASKED: WeakKeyDictionary[PostgresServer, Rates] = WeakKeyDictionary()
"""How many plans each server was asked for: the bound of the configuration holds for all callers together."""


@router.get("/plans", response_model=KnownPlans, responses=documented())
async def known_plans(data: With, part: Annotated[Part, Query()]) -> KnownPlans:
    """What is known of the plans of statements; nothing where the collector query_plans is off."""
    records = list(plans_of(data.source(part.target, "postgres")).records.items())
    return KnownPlans(
        taken_at=moment(time()), total=len(records), items=[_row(*record) for record in part.of(records)]
    )


@router.get("/plans/{id}", response_model=list[Plan], responses=documented())
async def known_plan(
    data: With, id: Annotated[str, Path(pattern=ID)], place: Annotated[Place, Query()]
) -> list[Plan]:
    """The plans of a statement that are known, one for each role and database that runs it."""
    records = plans_of(data.source(place.target, "postgres")).records
    found = [(key, record) for key, record in records.items() if key.id == id]
    if not found:
        raise ApiError(404, "no plan of this statement is known")
    return [
        _plan(key, record.text, record.explained, record.taken_at or record.asked_at) for key, record in found
    ]


@router.post("/explain", response_model=Plan, responses=documented(408, 409, 502, 504))
async def explain(data: With, wanted: PlanWanted, place: Annotated[Place, Query()]) -> Plan:
    """Asks for the generic plan of a statement now. Nothing is executed, and why there is none is said."""
    reading = await statements_of(data, place.target)
    statement = _the_one(wanted, reading.statements)

    async def ask(server: PostgresServer, deadline: Deadline) -> Plan:
        await _count(server)
        try:
            async with server.plan_session(deadline, statement.key.datname) as session:
                explained = await session.explain(
                    statement.raw, deadline, statement.tables, user=statement.key.user
                )
        except Refused as error:
            explained = Explained(PlanOutcome.SUPERUSER, detail=str(error))
        if explained.plan is not None:
            explained = replace(explained, plan=redacted_plan(explained.plan, statement.raw))
        return _plan(statement.key, statement.text, explained, time())

    return await data.facts(place.target, ("plan", statement.key), ask)


def _the_one(wanted: PlanWanted, statements: Sequence[Statement]) -> Statement:
    found = [
        statement
        for statement in statements
        if statement.key.id == wanted.id
        and wanted.datname in (None, statement.key.datname)
        and wanted.user in (None, statement.key.user)
    ]
    if not found:
        raise ApiError(404, "this statement is not among those with most time or calls")
    if len(found) > 1:
        raise ApiError(409, "several roles or databases run it: expected datname and user as well")
    return found[0]


async def _count(server: PostgresServer) -> None:
    """Counts a plan.

    Raises:
        ApiError: 429, there were too many this minute.
    """
    if server not in _ASKED:
        _ASKED[server] = Rates(server.options.queries.plans_per_minute)
    wait = await _ASKED[server].of("plans")
    if wait is not None:
        raise ApiError(429, "too many plans this minute", {"Retry-After": str(wait)})


def _plan(key: StatementKey, text: str, explained: Explained, taken_at: float) -> Plan:
    plan = explained.plan
    return Plan(
        taken_at=moment(taken_at),
        id=key.id,
        datname=key.datname,
        user=key.user,
        query=text,
        outcome=explained.outcome,
        detail=explained.detail,
        plan=None if plan is None else dict(redacted_plan(plan)),
    )


def _row(key: StatementKey, record: PlanRecord) -> PlanRow:
    return PlanRow(
        id=key.id,
        datname=key.datname,
        user=key.user,
        query=record.text,
        outcome=record.outcome,
        asked_at=moment(record.asked_at),
        mean_exec_time_seconds=record.mean_ms / 1000,
        taken_at=at(record.taken_at),
        total_cost=record.cost,
        changed_at=at(record.changed_at),
    )
