"""Plans of the statements that are slow or take most time, asked for without executing anything.

Statements come from pg_stat_statements, with their texts, ten minutes after the last reading. Of those whose
plan is not known, or older than a day, or from a time when they took half as long, `plans_per_minute` are
explained in each minute. A plan is the generic one, for any parameters: `exporter.sources.postgres.planning`
says how it is had. A change is one of its structure, not of costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from time import monotonic, time
from typing import TYPE_CHECKING

from exporter.collectors.postgres._query_plans import Candidate, Plans, plans_of
from exporter.facts.pg_stat_statements import UNKNOWN, usual_columns
from exporter.facts.statement_entries import entries_query
from exporter.log import get_logger
from exporter.model.collector import Collect, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import Refused, SourceError
from exporter.model.metric import counter, gauge
from exporter.model.table import Table, by_row, single
from exporter.sources.postgres.planning import Limits, recipe
from exporter.sources.postgres.plans import Explained, PlanOutcome, PlanSession

if TYPE_CHECKING:
    from exporter.sources.postgres.server import PostgresServer

log = get_logger("exporter.collectors.postgres")

EVERY_SECONDS = 60.0
READ_SECONDS = 600.0
"""From one reading of statements with their texts to the next: the server reads all texts for it."""
STATEMENTS = 100
"""By time, and as many by calls, that are looked at."""
TRIES = 3
"""How many times the limit of one planning a statement may take with all that is tried."""

RESULTS = counter("pg_query_plans_total", "Plans that were asked for, by what became of it.", ("result",))
CHANGES = counter(
    "pg_query_plan_changes_total",
    "Plans of statements that became others: nodes, tables or indexes.",
    ("datname",),
)
KNOWN = gauge("pg_query_plans_known", "Statements whose plan is known, or why there is none.", ("result",))
NEWEST = gauge("pg_query_plans_newest_timestamp_seconds", "Unix time of the newest plan.")


class Planner:
    """Asks for the plans of one server's statements.

    Args:
        server: whose main database has pg_stat_statements.
    """

    def __init__(self, server: PostgresServer) -> None:
        self.plans = plans_of(server)
        self._server = server
        self._read_at = float("-inf")
        self._said = ""

    async def run(self, deadline: Deadline) -> None:
        """Reads statements if it is time to, then asks for the plans that are due.

        Raises:
            Skip: pg_stat_statements is not there, or shows the role nothing.
            SourceError: it could not be read.
        """
        if monotonic() - self._read_at >= READ_SECONDS:
            await self._read(deadline)
        due = [candidate for candidate in self.plans.due(time()) if self._is_wanted(candidate)]
        budget = self._server.options.queries.plans_per_minute
        self.plans.results[PlanOutcome.BUDGET] += len(due[budget:])
        by_database = sorted(due[:budget], key=_database)
        for database, candidates in groupby(by_database, key=_database):
            await self._explain(database, list(candidates), deadline)

    async def _read(self, deadline: Deadline) -> None:
        # The reader of texts and what it needs: only where this collector is on.
        from exporter.facts.read_statements import read_statements  # noqa: PLC0415

        reading = await read_statements(self._server, deadline, limit=STATEMENTS)
        self.plans.consider(reading.statements, 1000 * self._server.options.queries.slow_query_seconds)
        self._read_at = monotonic()

    def _is_wanted(self, candidate: Candidate) -> bool:
        database = _database(candidate)
        return database != UNKNOWN and self._server.shows(database)

    async def _explain(self, database: str, candidates: Sequence[Candidate], deadline: Deadline) -> None:
        """The plans of these statements of one database; what could not be asked for is due again."""
        left = list(candidates)
        try:
            async with self._server.plan_session(deadline, database) as session:
                while left:
                    explained = await self._ask(session, left[0], deadline)
                    self.plans.add(left.pop(0), explained, time())
                    if explained.outcome is PlanOutcome.UNAVAILABLE:
                        return
        except SourceError as error:
            outcome = PlanOutcome.SUPERUSER if isinstance(error, Refused) else PlanOutcome.UNAVAILABLE
            for candidate in left:
                self.plans.add(candidate, Explained(outcome, detail=str(error)), time())
            self._say(str(error))

    async def _ask(self, session: PlanSession, candidate: Candidate, deadline: Deadline) -> Explained:
        statement = candidate.statement
        before = self.plans.records.get(statement.key)
        return await session.explain(
            statement.raw,
            deadline.at_most(TRIES * self._server.options.queries.plan_timeout_seconds),
            statement.tables,
            user=statement.key.user,
            search_path=before.search_path if before is not None else "",
        )

    def _say(self, text: str) -> None:
        if text != self._said:
            log.warning("no plans", target=self._server.describe(), error=text)
            self._said = text


def _database(candidate: Candidate) -> str:
    return candidate.statement.key.datname


def tables(plans: Plans) -> list[Table]:
    """What the page shows of them."""
    known = [record.outcome for record in plans.records.values()]
    results = [((outcome.value,), (plans.results[outcome], known.count(outcome))) for outcome in PlanOutcome]
    changes = [((datname,), (count,)) for datname, count in plans.changes.items()]
    newest = max((r.taken_at for r in plans.records.values() if r.taken_at), default=None)
    return [
        by_row(("result",), (RESULTS, KNOWN), results),
        by_row(("datname",), (CHANGES,), changes),
        single({NEWEST: newest}),
    ]


def build(server: PostgresServer) -> Collect:
    """The collecting function: results, changes, and the newest plan's time."""
    planner = Planner(server)

    async def collect(deadline: Deadline) -> Sequence[Table]:
        await planner.run(deadline)
        return tables(planner.plans)

    return collect


def _asked(major: int | None) -> str:
    """Which statements there are, then what is sent for one of them."""
    return f"{entries_query('public', usual_columns(major))};\n{recipe(Limits(2.0, 0.1), major)}"


COLLECTOR = CollectorSpec(
    help="Plans of statements that are slow or take most time: how many are known, and which changed.",
    source="postgres",
    metrics=(RESULTS, KNOWN, CHANGES, NEWEST),
    build=build,
    default=False,
    cost=Cost.ROWS,
    every_seconds=EVERY_SECONDS,
    docs="sql-explain.html",
    needs=("pg_read_all_stats", "pg_read_all_data"),
    explain=_asked,
)
