"""Runs a declared PostgreSQL view: asks for its rows, hands them on as tables."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from exporter.collectors.view_plan import Plan, declared, tried
from exporter.model.collector import Collected, CollectorSpec, Cost
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Partial, Reason, Refused, Skip
from exporter.model.table import Table
from exporter.model.view import SUPPORTED_MAJORS, Scope, View

if TYPE_CHECKING:
    from exporter.sources.postgres.rows import Rows
    from exporter.sources.postgres.server import PostgresServer

RECHECK_SECONDS = {Reason.PERMISSION: 60.0, Reason.UNSUPPORTED: 600.0}
"""How long what the server refused is not asked for again, by the reason."""
DATABASE_LABEL = "datname"
MANY_ROWS = 500
"""A view that gave so many the last time is asked by itself: it would hold up the small ones."""
FIRST_SHARE = 0.6
"""How much of a scrape's time reading very many databases for the first time may take: their rows still have
to be written."""
KEPT_SECONDS = 3600.0
"""How long a database's rows are shown while others have their turn."""


def view_collector(view: View) -> CollectorSpec:
    """The collector that a view declares."""
    return CollectorSpec(
        help=view.help,
        source="postgres",
        metrics=tuple(map(view.metric, view.metrics)),
        build=lambda server: ViewCollector(view, server).collect,
        default=view.default,
        cost=view.cost,
        every_seconds=view.every_seconds,
        needs=view.needs,
        docs=view.docs,
        explain=lambda major: _shown(view, major or SUPPORTED_MAJORS[-1]),
        view=view,
    )


def _shown(view: View, major: int) -> str:
    return (view.sql(major) or "").replace("EXTENSION.", "public.")


def needed(view: View) -> str:
    """The versions that have what a view reads, as a sentence for a server that has not."""
    majors = [major for major in SUPPORTED_MAJORS if view.sql(major)]
    if majors[-1] < SUPPORTED_MAJORS[-1]:
        return f"needs PostgreSQL {majors[0]} to {majors[-1]}"
    return f"needs PostgreSQL {majors[0]} or newer"


class _Tried(NamedTuple):
    """What came of trying each column; good until then, and while the connections are the same."""

    result: Plan | Refused
    until: float
    connections: int


class _Kept(NamedTuple):
    """The tables of one database, and when they were read."""

    tables: Sequence[Table]
    at: float


class ViewCollector:
    """Collects one view from one server: once, or in each of its databases."""

    def __init__(self, view: View, server: PostgresServer) -> None:
        self._view = view
        self._server = server
        self._aside = view.every_seconds is not None
        few = view.cost is Cost.CHEAP and view.scope is Scope.CLUSTER
        self._rows_of: dict[str | None, int] = {None: 0} if few else {}
        self._plans: dict[int, Plan] = {}
        self._major = SUPPORTED_MAJORS[-1]
        self._tried: dict[str | None, _Tried] = {}
        self._trying = asyncio.Lock()
        self._kept: dict[str, _Kept] = {}

    async def collect(self, deadline: Deadline) -> Sequence[Table]:
        """The view's tables.

        Raises:
            Skip: the server does not have what the view reads: its version, an extension, a function.
            Partial: some databases did not answer, or some columns were refused.
        """
        if self._view.scope is Scope.CLUSTER:
            return await self._read(None, deadline)
        return await self._each_database(deadline)

    async def _read(self, database: str | None, deadline: Deadline) -> list[Table]:
        """The view in one database; None for the main one."""
        place = database if self._view.extension else None
        schema = await self._schema(database, deadline) if self._view.extension else ""
        known = self._remembered(place)
        try:
            rows = await self._fetch(known.sql if known else None, schema, database, deadline)
        except Refused as refused:
            if refused.reason not in RECHECK_SECONDS:
                raise
            known = await self._try_each(place, schema, database, deadline, refused)
            rows = await self._fetch(known.sql, schema, database, deadline)
        plan = known or self._plan(rows.major)
        tables = plan.tables(self._of_wanted_databases(rows))
        if plan.missing is not None:
            raise Partial(tables, plan.missing)
        return tables

    async def _fetch(self, sql: str | None, schema: str, database: str | None, deadline: Deadline) -> Rows:
        def query(major: int) -> str:
            self._major = major
            return (sql or self._plan(major).sql).replace("EXTENSION.", f"{schema}.")

        small = not self._aside and self._rows_of.get(database, MANY_ROWS) < MANY_ROWS
        rows = await self._server.fetch(query, deadline, database=database, aside=self._aside, together=small)
        self._rows_of[database] = rows.count
        return rows

    def _of_wanted_databases(self, rows: Rows) -> Rows:
        """Without the rows of databases that the settings exclude."""
        names = [label.name for label in self._view.labels_at(rows.major)]
        if self._view.scope is Scope.DATABASE or DATABASE_LABEL not in names:
            return rows
        wanted = [self._server.shows(name) for name in rows.columns[names.index(DATABASE_LABEL)]]
        if all(wanted):
            return rows
        columns = [list(compress(column, wanted)) for column in rows.columns]
        return replace(rows, columns=columns, count=sum(wanted))

    def _plan(self, major: int) -> Plan:
        plan = self._plans.get(major) or declared(self._view, major)
        if plan is None:
            raise Skip(Reason.VERSION, f"{needed(self._view)}, the server is {major}")
        self._plans[major] = plan
        return plan

    async def _schema(self, database: str | None, deadline: Deadline) -> str:
        found = await self._server.extensions(deadline, database=database, aside=self._aside)
        extension = found.get(self._view.extension)
        if extension is None:
            where = f"database {database}" if database else "the main database"
            raise Skip(Reason.UNSUPPORTED, f"needs the extension {self._view.extension} in {where}")
        return extension.schema

    def _remembered(self, place: str | None) -> Plan | None:
        """What an earlier trial found; None where there was none, or where it is out of date."""
        found = self._tried.get(place)
        if found is None:
            return None
        if monotonic() > found.until or found.connections != self._server.connections:
            del self._tried[place]
            return None
        if isinstance(found.result, Refused):
            raise _as_skip(found.result)
        return found.result

    async def _try_each(
        self, place: str | None, schema: str, database: str | None, deadline: Deadline, refused: Refused
    ) -> Plan:
        """Finds out what the server gives, once for all databases that are alike."""
        async with self._trying:
            if (known := self._remembered(place)) is not None:
                return known
            fetch = partial(self._fetch, schema=schema, database=database, deadline=deadline)
            result: Plan | Refused
            try:
                result = await tried(self._view, self._major, fetch, refused)
                reason = result.missing.reason if result.missing else Reason.UNSUPPORTED
            except Refused as nothing:
                result, reason = nothing, nothing.reason
            until = monotonic() + RECHECK_SECONDS.get(reason, 0.0)
            self._tried[place] = _Tried(result, until, self._server.connections)
        if isinstance(result, Refused):
            raise _as_skip(result)
        return result

    async def _each_database(self, deadline: Deadline) -> Sequence[Table]:
        names = await self._server.databases(deadline)
        turn = names if self._aside else self._server.turn(names)
        due = self._due(names, turn)
        if len(due) > len(turn):
            deadline = deadline.at_most(FIRST_SHARE * deadline.left())
        answers = await asyncio.gather(*(self._read(name, deadline) for name in due), return_exceptions=True)
        now = monotonic()
        turns = self._aside or len(due) < len(names)
        errors = self._keep(dict(zip(due, answers, strict=True)), now, turns=turns)
        self._kept = {n: k for n in names if (k := self._kept.get(n)) and now - k.at < KEPT_SECONDS}
        shown = list(self._kept.values())
        tables = [table for kept in shown for table in kept.tables]
        if errors and (not tables or not isinstance(errors[0], Skip)):
            raise Partial(tables, errors[0]) if tables else errors[0]
        return Collected(tables, age=max((now - kept.at for kept in shown), default=0.0) or None)

    def _due(self, names: Sequence[str], turn: Collection[str]) -> list[str]:
        """The databases to read now: those whose turn it is or that were never read, oldest rows first."""
        order = sorted(names, key=lambda name: self._kept[name].at if name in self._kept else 0.0)
        return [name for name in order if name in turn or name not in self._kept]

    def _keep(
        self, answers: Mapping[str, list[Table] | BaseException], now: float, *, turns: bool
    ) -> list[BaseException]:
        """Takes over what came, and returns what went wrong, the worst first.

        A database that failed shows nothing; where they take turns, one whose turn did not come in time
        shows what it had.
        """
        errors: list[BaseException] = []
        for name, answer in answers.items():
            if isinstance(answer, list):
                self._kept[name] = _Kept(answer, now)
            elif isinstance(answer, Partial):
                self._kept[name] = _Kept(answer.tables, now)
                errors.append(answer.error)
            else:
                if not (turns and isinstance(answer, DeadlineExceeded)):
                    self._kept.pop(name, None)
                errors.append(answer)
        return sorted(errors, key=_mildness)


def _mildness(error: BaseException) -> int:
    if isinstance(error, Skip):
        return 2
    return int(isinstance(error, Refused) and error.reason is Reason.UNSUPPORTED)


def _as_skip(refused: Refused) -> Skip | Refused:
    """What a server does not offer is rightly absent; a missing right is a failure."""
    if refused.reason is Reason.UNSUPPORTED:
        return Skip(Reason.UNSUPPORTED, str(refused))
    return refused.with_traceback(None)
