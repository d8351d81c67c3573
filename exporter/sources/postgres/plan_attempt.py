"""One try at a plan: one transaction, rolled back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import psycopg

from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded
from exporter.sources.postgres import plan_helper, planning
from exporter.sources.postgres.connect import QueryOptions
from exporter.sources.postgres.plan_types import Wrong
from exporter.sources.postgres.plans import Explained, PlanOutcome
from exporter.sources.postgres.session import Session, shut_down
from exporter.sql.identifiers import literal

ANSWER_SECONDS = 1.0
"""What an answer may take beyond the server's own limit, and everything that is not planning."""


class Tried(NamedTuple):
    """What became of one try.

    Attributes:
        explained: the plan, or why there is none.
        wrong: what the server said where types do not fit.
    """

    explained: Explained
    wrong: Wrong | None = None


class Attempts:
    """Tries in a session that is nobody else's.

    Args:
        session: fresh.
        options: the limits for time and locks.
    """

    def __init__(self, session: Session, options: QueryOptions) -> None:
        self._session = session
        self._options = options
        self._sent = ""
        self._limit = Deadline.after(0)

    async def plan(self, text: str, path: str, deadline: Deadline, *, helper: bool = False) -> Tried:
        """Asks for the plan of a text as it stands, with this search_path.

        Args:
            text: of one statement, as far as anybody knows.
            path: the search_path.
            deadline: the server ends planning before it.
            helper: by the function that plans with rights of its own.
        """
        if not deadline.left():
            return Tried(Explained(PlanOutcome.TIMEOUT, search_path=path, detail="no time was left"))
        if not self._session.usable:
            return Tried(Explained(PlanOutcome.UNAVAILABLE, search_path=path, detail="the connection broke"))
        self._limit = deadline.at_most(self._options.plan_timeout_seconds + ANSWER_SECONDS)
        wrong = None
        try:
            found = await self._ask(text, path, helper=helper)
        except DeadlineExceeded:
            await self._session.end()
            found = Explained(PlanOutcome.TIMEOUT, search_path=path, detail="the server did not answer")
        except psycopg.Error as error:
            found = planning.failure(error, self._sent, path, lost=self._session.conn.closed)
            if found.outcome is PlanOutcome.TYPE:
                place = planning.place_of(error) - len(self._sent) + len(text)
                wrong = Wrong(error.sqlstate or "", error.diag.message_primary or "", place)
        await self._leave()
        return Tried(found, wrong)

    async def _ask(self, text: str, path: str, *, helper: bool) -> Explained:
        generic = self._session.major >= 16 and not helper
        if not await self._begin(path, generic=generic):
            return Explained(PlanOutcome.SUPERUSER, search_path=path)
        try:
            await self._send(planning.PREPARE + text, extended=True)
        except psycopg.errors.IndeterminateDatatype:
            # It was parsed, so it is one statement that can be planned. GENERIC_PLAN needs no types.
            if not generic:
                raise
            await self._leave()
            await self._begin(path, generic=generic)
        if helper:
            message = plan_helper.call(path)
        elif generic:
            message = planning.GENERIC + text
        else:
            message = planning.EXECUTE + planning.nulls(int(await self._value(planning.PARAMETERS)))
        return planning.plan_in(await self._value(message), path)

    async def _begin(self, path: str, *, generic: bool) -> bool:
        """Begins the transaction; False if the role has become a superuser."""
        options = self._options
        limits = planning.Limits(
            min(options.plan_timeout_seconds, self._limit.left()), options.plan_lock_timeout_seconds
        )
        await self._send(planning.BEGIN)
        return await self._value(planning.settings(limits, path, generic=generic)) == "0"

    async def _send(self, message: str, *, extended: bool = False) -> Any:
        self._sent = message
        return await self._session.execute(message, self._limit, extended=extended)

    async def _value(self, message: str) -> str:
        """The first value of the only row of the only answer; empty if there is none."""
        cursor = await self._send(message)
        row = await cursor.fetchone()
        return "" if row is None or cursor.nextset() else str(row[0])

    async def _leave(self) -> None:
        if not self._session.usable:
            return
        try:
            await self._session.execute(planning.END, Deadline.after(ANSWER_SECONDS))
        except (DeadlineExceeded, psycopg.Error):
            await self._session.end()
            shut_down(self._session.conn)
            await self._session.conn.close()

    async def pretend(self, definition: str, path: str, schema: str) -> tuple[str, ...] | None:
        """HypoPG's oid, name and size of an index; None if it was refused."""
        self._limit = Deadline.after(self._options.plan_timeout_seconds + ANSWER_SECONDS)
        query = f"""SELECT i.indexrelid, i.indexname, {schema}.hypopg_relation_size(i.indexrelid)
                    FROM {schema}.hypopg_create_index({literal(definition)}) AS i"""  # noqa: S608  # a quoted identifier
        row = None
        with suppress(DeadlineExceeded, psycopg.Error):
            if await self._begin(path, generic=True):
                cursor = await self._send(query)
                row = await cursor.fetchone()
        await self._session.end()
        await self._leave()
        return row

    async def forget(self, schema: str) -> None:
        """Drops all of HypoPG's indexes."""
        with suppress(DeadlineExceeded, psycopg.Error):
            await self._session.execute(f"SELECT {schema}.hypopg_reset()", Deadline.after(ANSWER_SECONDS))
        await self._session.end()
