"""What an analysis of a PostgreSQL server found: findings with their evidence, and what was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from exporter.analysis.finding import Confidence, Finding, Gap, Kind, Severity
from exporter.analysis.report import Report
from exporter.http.api.data import LONGEST_SECONDS, Data, Place, With
from exporter.http.api.examining import examined
from exporter.http.api.facts import known_database
from exporter.http.api.problems import documented
from exporter.http.api.times import Time, moment
from exporter.http.served import TOP
from exporter.model.deadline import Deadline

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

router = APIRouter(prefix="/postgres", tags=["postgres"])

HOLDS_SECONDS = 60.0
"""How long an analysis is shared: it is the costliest that can be asked for."""
ANALYSIS_SECONDS = 45.0
"""How long one may take."""


class EvidenceRow(BaseModel):
    """One number or fact that a finding rests on."""

    name: str
    value: float | int | str
    unit: str = Field(examples=["seconds"])


class StatementRef(BaseModel):
    """A statement that a finding concerns."""

    id: str
    datname: str
    user: str


class Insight(BaseModel):
    """One finding."""

    kind: Kind
    rule: str = Field(description="Which of several rules of this kind.")
    severity: Severity
    confidence: Confidence
    title: str
    datname: str = Field(description="Empty where it is about the server.")
    subject: str
    why: str
    evidence: list[EvidenceRow]
    sql: list[str] = Field(description="Ready statements; nothing runs them but you.")
    cost: str
    statements: list[StatementRef]


class NotLookedAt(BaseModel):
    """Something that was not looked at, so that silence is never taken for health."""

    what: str
    why: str
    remedy: str


class Insights(BaseModel):
    """One analysis."""

    taken_at: Time
    duration_seconds: float
    worst: Severity | None = Field(description="Null without findings.")
    findings: list[Insight] = Field(description="The worst first.")
    gaps: list[NotLookedAt]


class Wanted(Place):
    """Which analysis."""

    database: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Only this database; without it all that are read.",
    )
    severity: Severity | None = Field(default=None, description="Only findings of this severity.")
    kind: Kind | None = Field(default=None, description="Only findings of this kind.")


@router.get("/insights", response_model=Insights, responses=documented(502, 504))
async def insights(data: With, wanted: Annotated[Wanted, Query()]) -> Insights:
    """Which query is slow, why, and what to do: findings, each with its evidence and ready SQL.

    N+1 patterns show in what was counted since somebody asked first, for twenty minutes.
    """
    server: PostgresServer = data.source(wanted.target, "postgres")
    memory = await _memory_bytes(data, server)

    async def read() -> Report:
        deadline = Deadline.after(ANALYSIS_SECONDS)
        await known_database(server, wanted.database, deadline)
        return await examined(server, deadline, database=wanted.database, memory_bytes=memory)

    key = ("insights", wanted.target or TOP, wanted.database)
    report = await data.shared(key, read, HOLDS_SECONDS, LONGEST_SECONDS)
    return insights_of(report, wanted)


async def _memory_bytes(data: Data, server: PostgresServer) -> int | None:
    """Memory of the server's machine, if it is this one: its address is a loopback one, or a socket."""
    host = server.address.rpartition(":")[0]
    if not (host in ("localhost", "::1") or host.startswith(("127.", "/"))):
        return None
    read = await data.snapshot(None, ("meminfo",))
    total = read.first("node_memory_MemTotal_bytes")
    return None if total is None else int(total)


def insights_of(report: Report, wanted: Wanted) -> Insights:
    """What is shown of an analysis; nothing of it is a text as the server has it."""
    found = [
        finding
        for finding in report.findings
        if wanted.severity in (None, finding.severity) and wanted.kind in (None, finding.kind)
    ]
    return Insights(
        taken_at=moment(report.taken_at),
        duration_seconds=report.seconds,
        worst=report.worst(),
        findings=[_insight(finding) for finding in found],
        gaps=[_gap(gap) for gap in report.gaps],
    )


def _insight(finding: Finding) -> Insight:
    return Insight(
        kind=finding.kind,
        rule=finding.rule,
        severity=finding.severity,
        confidence=finding.confidence,
        title=finding.title,
        datname=finding.datname,
        subject=finding.subject,
        why=finding.why,
        evidence=[EvidenceRow(name=e.name, value=e.value, unit=e.unit) for e in finding.evidence],
        sql=list(finding.sql),
        cost=finding.cost,
        statements=[StatementRef(id=s.id, datname=s.datname, user=s.user) for s in finding.statements],
    )


def _gap(gap: Gap) -> NotLookedAt:
    return NotLookedAt(what=gap.what, why=gap.why, remedy=gap.remedy)
