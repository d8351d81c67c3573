"""Analyses a PostgreSQL server: reads the facts, then lets the others judge. The one module here that asks.

What can't be read is a gap of the report, never an error, as long as the server answers at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from exporter.analysis import n_plus_one
from exporter.analysis.about_table import is_about, names, only
from exporter.analysis.advice.advice import database_advice, relation_gaps, server_advice, server_gaps
from exporter.analysis.finding import Finding, Gap, ordered, together
from exporter.analysis.hygiene.hygiene import dropped_by, index_hygiene
from exporter.analysis.indexes.advice import Surroundings
from exporter.analysis.indexes.proving import missing_indexes
from exporter.analysis.indexes.sequential import sequential_scans
from exporter.analysis.n_plus_one_findings import Described
from exporter.analysis.overlaps import without_overlaps
from exporter.analysis.patterns import anti_patterns
from exporter.analysis.plans.outcomes import WHY
from exporter.analysis.report import Report
from exporter.analysis.slow import slow_statements
from exporter.analysis.summary import summary_of
from exporter.analysis.wording import sentence
from exporter.facts.read_bloat import Bloat, read_bloat
from exporter.facts.read_indexes import read_definitions
from exporter.facts.read_relations import read_relations
from exporter.facts.read_server import read_server
from exporter.facts.read_statements import StatementReading, read_statements
from exporter.facts.relations import Relations
from exporter.facts.server import ServerFacts
from exporter.facts.statement import Interval, Statement, StatementKey
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Refused, Skip, SourceError
from exporter.sources.postgres.plans import Explained, PlanOutcome

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

Progress = Callable[[str, int, int], None]
"""Called with what comes next, how many steps are done, and how many there are."""

MOST_DEFINITIONS = 300
"""Indexes that may go whose definition is read, to undo it: each is asked for by itself."""
NOT_WATCHED = Gap(
    "N+1 patterns",
    "They show only in how often statements run from one minute to the next, and nobody watched that.",
    "datastack-exporter analyze --observe 60",
)
SHARE_OF_PLANS = 0.7
"""How much of the time that is left plans may take: what comes after them needs some as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an analysis is about.

    Attributes:
        databases: names; empty for all that the settings include.
        table: the only table to look at, with its schema or without; empty for all.
        plans: whether plans are asked for.
        most_plans: statements whose plans are asked for, the costliest ones.
        most_tables: tables of a database, the largest ones.
        memory_bytes: of the server's machine; None if that is not known.
        history: what was counted between readings, for N+1; None if nobody watched.
        described: the texts of those statements.
    """

    databases: Sequence[str] = ()
    table: str = ""
    plans: bool = True
    most_plans: int = 100
    most_tables: int = 1000
    memory_bytes: int | None = None
    history: Sequence[Interval] | None = None
    described: Mapping[StatementKey, Described] = field(default_factory=dict)


async def examine(
    server: PostgresServer,
    deadline: Deadline,
    scope: Scope | None = None,
    progress: Progress = lambda _what, _done, _of: None,
) -> Report:
    """Analyses one server.

    It uses one session for background work. With 5,000 statements and 10,000 tables it takes some seconds.

    Args:
        server: where to ask.
        deadline: what is not done by then is a gap.
        scope: what it is about; everything otherwise.
        progress: told of each step.

    Raises:
        SourceError: the server does not answer at all.
    """
    return await _Examination(server, deadline, scope or Scope(), progress).run()


class _Examination:
    """One analysis on its way."""

    def __init__(self, server: PostgresServer, deadline: Deadline, scope: Scope, progress: Progress) -> None:
        self._server, self._deadline, self._scope, self._progress = server, deadline, scope, progress
        self._started = monotonic()
        self._findings: list[Finding] = []
        self._gaps: list[Gap] = []
        self._relations: dict[str, Relations] = {}
        self._plans: dict[StatementKey, Explained] = {}
        self._reading: StatementReading | None = None

    async def run(self) -> Report:
        """All steps, and what came of them."""
        self._progress("settings and sessions", 0, 1)
        facts = await read_server(self._server, self._deadline, memory_bytes=self._scope.memory_bytes)
        self._gaps += server_gaps(facts)
        if not self._scope.table:
            self._findings += server_advice(facts)
        databases = self._scope.databases or await self._server.databases(self._deadline)
        steps = len(databases) + 2
        self._progress("statements", 1, steps)
        await self._read_statements()
        for done, database in enumerate(self._costliest(databases), 2):
            self._progress(f"database {database}", done, steps)
            await self._database(database, facts)
        await self._statements()
        self._progress("", steps, steps)
        return self._report(facts)

    async def _read_statements(self) -> None:
        try:
            self._reading = await read_statements(self._server, self._deadline)
        except (Skip, SourceError) as error:
            self._gaps.append(Gap("statements, and so missing indexes and anti-patterns", sentence(error)))
            return
        hidden, every = self._reading.hidden, self._reading.entries
        if hidden:
            self._gaps.append(
                Gap(
                    "statements of other roles",
                    f"{hidden:,} of {every:,} statements are not shown to the role.",
                    "GRANT pg_read_all_stats TO the exporter's role;",
                )
            )

    def _costliest(self, databases: Sequence[str]) -> list[str]:
        """The databases with most time in statements first: should there not be time enough for all."""
        spent = Counter[str]()
        for statement in self._reading.statements if self._reading else ():
            spent[statement.key.datname] += round(statement.counters.exec_ms)
        return sorted(databases, key=lambda database: (-spent[database], database))

    def _of(self, database: str) -> list[Statement]:
        """The statements of a database that are looked at, the costliest first."""
        every = self._reading.statements if self._reading else ()
        return [
            statement
            for statement in every
            if statement.key.datname == database
            and (not self._scope.table or is_about(statement, self._scope.table))
        ]

    async def _database(self, database: str, facts: ServerFacts) -> None:
        statements = self._of(database)
        try:
            relations = await read_relations(
                self._server,
                self._deadline,
                database,
                most_tables=self._scope.most_tables,
                columns_of={*(table for s in statements for table in s.tables), self._scope.table} - {""},
            )
            estimates = await read_bloat(self._server, self._deadline, database)
            going = await asyncio.to_thread(dropped_by, relations)
            definitions = await read_definitions(
                self._server, self._deadline, going[:MOST_DEFINITIONS], database
            )
        except SourceError as error:
            self._gaps.append(Gap("everything", sentence(error), datname=database))
            return
        self._relations[relations.datname] = relations
        self._gaps += relation_gaps(relations)
        found = await asyncio.to_thread(_of_relations, relations, facts, definitions, estimates)
        planned = await self._missing(database, statements, relations, facts) if self._scope.plans else []
        self._findings += self._wanted([*planned, *found])

    async def _missing(
        self, database: str, statements: Sequence[Statement], relations: Relations, facts: ServerFacts
    ) -> list[Finding]:
        chosen = [s for s in statements if s.operation != "UTILITY"][: self._scope.most_plans]
        if not chosen:
            return []
        until = self._deadline.at_most(self._deadline.left() * SHARE_OF_PLANS)
        cost = facts.settings.get("random_page_cost")
        try:
            extensions = await self._server.extensions(until, database=database, aside=True)
            around = Surroundings(self._seconds(), cost.number if cost else 4.0, frozenset(extensions))
            async with self._server.plan_session(until, database) as session:
                advice = await missing_indexes(session, relations, chosen, until, around)
        except (SourceError, TimeoutError) as error:
            self._gaps.append(_no_plans(database, error))
            return []
        self._plans |= advice.explained
        self._gaps += [replace(gap, datname=database) for gap in advice.gaps]
        return list(advice.findings)

    async def _statements(self) -> None:
        """What needs no more of the server: judged in a thread, because it may be thousands of texts."""
        if self._reading is None:
            return
        self._findings += await asyncio.to_thread(self._judged, self._reading)
        history = self._scope.history
        self._gaps += [NOT_WATCHED] if history is None else n_plus_one.gaps(history)

    def _judged(self, reading: StatementReading) -> list[Finding]:
        every = [s for database in self._relations for s in self._of(database)]
        plans: dict[StatementKey, Mapping[str, Any]] = {
            key: explained.plan for key, explained in self._plans.items() if explained.plan is not None
        }
        slow = self._server.options.queries.slow_query_seconds
        history = self._scope.history or ()
        # The history cuts long texts short.
        described = {**self._scope.described, **{one.key: one for one in reading.statements}}
        pairs = n_plus_one.suspected_pairs(history, described, self._relations)
        return [
            *slow_statements(every, reading.totals.exec_ms, slow_seconds=slow),
            *(pair for pair in pairs if self._is_wanted(pair, {s.key for s in every})),
            *anti_patterns(every, self._seconds(), plans, self._relations),
        ]

    def _is_wanted(self, pair: Finding, keys: Collection[StatementKey]) -> bool:
        if self._scope.table:
            return any(key in keys for key in pair.statements)
        return pair.datname in self._relations

    def _seconds(self) -> float | None:
        """For how long statements are counted."""
        reading = self._reading
        if reading is None or reading.about.since is None:
            return None
        return max(1.0, reading.taken_at - reading.about.since)

    def _wanted(self, findings: Iterable[Finding]) -> list[Finding]:
        table = self._scope.table
        return [f for f in findings if not table or names(f, table, self._relations)]

    def _report(self, facts: ServerFacts) -> Report:
        reading, relations = self._reading, self._relations
        if self._scope.table:
            relations = {name: only(known, self._scope.table) for name, known in relations.items()}
        return Report(
            target=self._server.address,
            taken_at=facts.taken_at,
            seconds=monotonic() - self._started,
            server=summary_of(facts, self._seconds()),
            statements=[s for database in self._relations for s in self._of(database)] if reading else (),
            statements_total_ms=reading.totals.exec_ms if reading else 0.0,
            relations=relations,
            plans=self._plans,
            findings=ordered(without_overlaps(self._findings, self._relations)),
            gaps=together(self._gaps),
        )


def _of_relations(
    relations: Relations, facts: ServerFacts, definitions: Mapping[int, str], estimates: Iterable[Bloat]
) -> list[Finding]:
    """What the relations of a database tell without plans."""
    return [
        *index_hygiene(relations, definitions),
        *database_advice(relations, facts, estimates),
        *sequential_scans(relations),
    ]


def _no_plans(database: str, error: Exception) -> Gap:
    why = WHY[PlanOutcome.SUPERUSER] if isinstance(error, Refused) else None
    late = isinstance(error, DeadlineExceeded | TimeoutError)
    return Gap(
        "missing indexes",
        "There was no time left for plans." if late else sentence(error),
        why.remedy if why else "",
        database,
    )
