"""The plans of a server's statements: which to ask for next, and how plans change. No I/O."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from exporter.facts.statement import Counters, Statement, StatementKey
from exporter.sources.postgres.plans import Explained, PlanOutcome
from exporter.sql.plan import plan_signature, redacted_plan

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

HOUR = 3600.0
LASTS: Mapping[PlanOutcome, float] = {
    PlanOutcome.PERMISSION: HOUR,
    PlanOutcome.UNDEFINED: 6 * HOUR,
    PlanOutcome.SUPERUSER: HOUR / 6,
    PlanOutcome.LOCK: HOUR / 6,
    PlanOutcome.UNAVAILABLE: HOUR / 6,
}
"""Seconds for which it is remembered that there is no plan, where that may pass."""
LASTS_OTHERWISE = 24 * HOUR
SLOWER = 2.0
"""How many times the mean at the time of a plan makes that plan an old one."""
BUSIEST = 20
"""Statements with most time that are explained though they are not slow."""
MOST = 500
"""Statements whose plans are kept."""
MOST_BYTES = 16_000_000
"""Of all kept plans, packed."""


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """What is known of a statement's plan: the newest one that was had, and how the last attempt ended.

    Attributes:
        text: of the statement, redacted.
        outcome: of the last attempt.
        asked_at: Unix time of it.
        mean_ms: of the statement's calls at that time.
        detail: what the server said, redacted.
        search_path: with which it was tried.
        taken_at: Unix time of the plan; None without one.
        signature: of the plan (`exporter.sql.plan`); empty without.
        cost: that the planner expects, in its own unit.
        packed: the plan as JSON, redacted and compressed; empty without.
        previous: the signature before the last change; empty if the plan never changed.
        changed_at: Unix time of the plan that was the first of its structure; None if it never changed.
    """

    text: str
    outcome: PlanOutcome
    asked_at: float
    mean_ms: float
    detail: str = ""
    search_path: str = ""
    taken_at: float | None = None
    signature: str = ""
    cost: float | None = None
    packed: bytes = b""
    previous: str = ""
    changed_at: float | None = None

    @property
    def explained(self) -> Explained:
        """The plan, redacted, or why there is none."""
        if not self.packed:
            return Explained(self.outcome, None, self.search_path, self.detail)
        plan = json.loads(zlib.decompress(self.packed))
        return Explained(PlanOutcome.OK, plan, self.search_path)


class Candidate(NamedTuple):
    """A statement whose plan is of interest.

    Attributes:
        statement: with its text as the server has it.
        mean_ms: of its newest calls.
    """

    statement: Statement
    mean_ms: float


class Plans:
    """The plans of one server.

    Attributes:
        records: by statement, the one that was asked for last at the end.
        results: how often each outcome was had.
        changes: plans that became others, by database.
    """

    def __init__(self) -> None:
        self.records: dict[StatementKey, PlanRecord] = {}
        self.results: Counter[PlanOutcome] = Counter()
        self.changes: Counter[str] = Counter()
        self._candidates: Sequence[Candidate] = ()
        self._counted: Mapping[StatementKey, Counters] = {}

    def consider(self, statements: Iterable[Statement], slow_ms: float) -> None:
        """Takes a new reading: what is slow, and what takes most time, is of interest.

        Args:
            statements: the one with most time first.
            slow_ms: the mean from which a statement is slow.
        """
        chosen = []
        counted = {}
        for place, statement in enumerate(statements):
            counted[statement.key] = statement.counters
            mean = self._mean(statement)
            if mean >= slow_ms or place < BUSIEST:
                chosen.append(Candidate(statement, mean))
        self._candidates = chosen
        self._counted = counted
        for datname in {candidate.statement.key.datname for candidate in chosen}:
            self.changes.setdefault(datname, 0)

    def _mean(self, statement: Statement) -> float:
        """Milliseconds of a call since the last reading; since ever where there was none."""
        before = self._counted.get(statement.key)
        if before is None or before.calls >= statement.counters.calls:
            return statement.counters.mean_ms
        return max(0.0, statement.counters.minus(before).mean_ms)

    def due(self, now: float) -> list[Candidate]:
        """Those whose plan is not known, or not any more, the one with most time first."""
        return [candidate for candidate in self._candidates if self._is_due(candidate, now)]

    def _is_due(self, candidate: Candidate, now: float) -> bool:
        record = self.records.get(candidate.statement.key)
        if record is None:
            return True
        if now - record.asked_at >= LASTS.get(record.outcome, LASTS_OTHERWISE):
            return True
        return record.outcome is PlanOutcome.OK and candidate.mean_ms > SLOWER * max(record.mean_ms, 0.001)

    def add(self, candidate: Candidate, explained: Explained, now: float) -> None:
        """Takes what became of a statement; a plan that was had before stays where there is none now."""
        key, text = candidate.statement.key, candidate.statement.text
        self.results[explained.outcome] += 1
        before = self.records.pop(key, None) or PlanRecord(text, explained.outcome, now, candidate.mean_ms)
        record = replace(
            before,
            outcome=explained.outcome,
            asked_at=now,
            mean_ms=candidate.mean_ms,
            detail=explained.detail,
            search_path=explained.search_path,
        )
        if explained.plan is not None:
            record = replace(record, **_about(explained.plan, candidate.statement.raw), taken_at=now)
            if before.signature not in ("", record.signature):
                self.changes[key.datname] += 1
                record = replace(record, previous=before.signature, changed_at=now)
        self.records[key] = record
        self._forget()

    def _forget(self) -> None:
        size = sum(len(record.packed) for record in self.records.values())
        for key in list(self.records):
            if len(self.records) <= MOST and size <= MOST_BYTES:
                return
            size -= len(self.records.pop(key).packed)


def _about(plan: Mapping[str, Any], statement: str) -> dict[str, Any]:
    shown = redacted_plan(plan, statement)
    return {
        "signature": plan_signature(plan),
        "cost": plan.get("Total Cost"),
        "packed": zlib.compress(json.dumps(shown, separators=(",", ":")).encode()),
    }


_OF_SERVER: WeakKeyDictionary[PostgresServer, Plans] = WeakKeyDictionary()


def plans_of(server: PostgresServer) -> Plans:
    """The plans of a server, as long as it lives; empty without the collector query_plans."""
    return _OF_SERVER.setdefault(server, Plans())
