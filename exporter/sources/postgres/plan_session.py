"""A session that asks for plans and nothing else: `exporter.sources.postgres.plans.PlanSession`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

from exporter.model.deadline import Deadline
from exporter.model.errors import Reason, Refused, Unavailable
from exporter.sources.postgres import plan_helper, planning
from exporter.sources.postgres.connect import QueryOptions
from exporter.sources.postgres.plan_attempt import Attempts
from exporter.sources.postgres.plan_paths import Paths
from exporter.sources.postgres.plan_types import guessed
from exporter.sources.postgres.plans import Explained, Hypothetical, PlanOutcome
from exporter.sources.postgres.session import Session
from exporter.sql.identifiers import identifier
from exporter.sql.shape import shape_of

# Who may become superuser by SET ROLE is one: a function of the statement may do that.
OPENING = f"""
SELECT (current_setting('is_superuser') = 'on'
        OR (SELECT bool_or(pg_has_role(session_user, oid, 'MEMBER') OR pg_has_role(oid, 'MEMBER'))
            FROM pg_roles WHERE rolsuper))::int,
       (SELECT string_agg(power, ', ') FROM (
            SELECT rolname::text FROM pg_roles
            WHERE rolname IN {planning.POWERS}
              AND (pg_has_role(session_user, oid, 'MEMBER') OR pg_has_role(oid, 'MEMBER'))
            UNION ALL
            SELECT 'REPLICATION' FROM pg_roles
            WHERE rolreplication AND rolname IN (session_user, current_user)) AS has (power)),
       (SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'hypopg' AND has_schema_privilege(n.oid, 'USAGE')),
       (SELECT reset_val FROM pg_settings WHERE name = 'search_path'),
       current_setting('pg_stat_statements.track', true),
       session_user,
       ({plan_helper.USABLE}),
       (SELECT set_config('work_mem', reset_val || unit, false) FROM pg_settings WHERE name = 'work_mem')
"""  # noqa: S608  # constants
# Where the role may set this, nothing that is asked for is counted; else two entries for each statement.
UNCOUNTED = """
SELECT set_config('pg_stat_statements.track', 'none', false)
WHERE has_parameter_privilege('pg_stat_statements.track', 'SET')
"""
ANOTHER_PATH = (PlanOutcome.UNDEFINED, PlanOutcome.TYPE)
"""Outcomes that may be others with another search_path: types and operators have schemas too."""
GUESSES = 6
"""How often parameters get types before a statement is given up: each names one more place."""
ANOTHER_FORM = (PlanOutcome.SYNTAX, PlanOutcome.TYPE)


class Opened(NamedTuple):
    """What a session finds out before it plans.

    Attributes:
        hypopg: the schema of HypoPG, as an SQL identifier; empty if it is not there.
        search_path: what the role's sessions start with.
        helper: whether there is a function that plans with rights of its own, and that is safe.
    """

    hypopg: str
    search_path: str
    helper: bool


async def open_plans(session: Session, options: QueryOptions, deadline: Deadline) -> ExplainSession:
    """Makes a fresh session one that asks for plans.

    Raises:
        Unavailable: a pooler stands between us and the server, or the connection broke.
        DeadlineExceeded: not done in time.
        Refused: the role has rights that planning must not have.
    """
    if session.conn.with_each:
        raise Unavailable("plans need a session of their own: connect without the pooler")
    rows = await session.run(OPENING, deadline)
    superuser, powers, hypopg, search_path, track, user, helper, _ = (c[0] or "" for c in rows.columns)
    if superuser == "1":
        raise Refused(f"no plans as {user}: it is a superuser or can become one", Reason.PERMISSION)
    if powers:
        raise Refused(f"no plans as {user}, which has {powers}: REVOKE it", Reason.PERMISSION)
    if track not in ("", "none") and session.major >= 15:
        await session.run(UNCOUNTED, deadline)
    return ExplainSession(session, options, Opened(hypopg, search_path, helper == "1"))


class ExplainSession:
    """Asks for plans, one statement after the other.

    Args:
        session: fresh, and nobody else's.
        options: the limits for time and locks.
        opened: what was found out about it.

    Attributes:
        hypopg: whether hypothetical indexes can be had.
        generic_plan: whether the server has EXPLAIN (GENERIC_PLAN).
    """

    def __init__(self, session: Session, options: QueryOptions, opened: Opened) -> None:
        self.hypopg = bool(opened.hypopg)
        self.generic_plan = session.major >= 16
        self._attempts = Attempts(session, options)
        self._paths = Paths(session, opened.search_path)
        self._opened = opened
        self._lock = asyncio.Lock()
        self._worked = "public"

    async def explain(
        self,
        text: str,
        deadline: Deadline,
        tables: tuple[str, ...] = (),
        *,
        user: str = "",
        search_path: str = "",
    ) -> Explained:
        """The generic plan of one statement; nothing of it is executed. Raises nothing of the server's.

        Args:
            text: as pg_stat_statements has it.
            deadline: of all that is tried; each try ends earlier by itself.
            tables: the names that stand in the text; found out if not given.
            user: the role whose statement it is: its search_path is the first that is tried.
            search_path: the one that worked the last time, if there was one.
        """
        if (known := planning.refused_at_sight(text)) is not None:
            return known
        text = planning.plain(text)
        async with self._lock:
            found = await self._on_some_path(
                text, self._paths.of(tables or shape_of(text).tables, user, search_path, deadline), deadline
            )
        if found.outcome is PlanOutcome.UNDEFINED and self._paths.closed:
            schemas = ", ".join(map(identifier, self._paths.closed))
            return replace(found, outcome=PlanOutcome.PERMISSION, detail=f"GRANT USAGE ON SCHEMA {schemas}")
        return found

    async def _on_some_path(self, text: str, paths: AsyncIterator[str], deadline: Deadline) -> Explained:
        first: Explained | None = None
        async for path in paths:
            found = await self._explain_with(text, path, deadline)
            if found.outcome is PlanOutcome.OK:
                self._worked = path
                return found
            first = first or found
            if found.outcome not in ANOTHER_PATH:
                break
        assert first is not None
        return first

    async def _explain_with(self, text: str, path: str, deadline: Deadline) -> Explained:
        first: Explained | None = None
        for form in planning.forms(text):
            found = await self._explain_form(form, path, deadline)
            if found.outcome not in ANOTHER_FORM:
                return found
            first = first or found
        assert first is not None
        return first

    async def _explain_form(self, form: str, path: str, deadline: Deadline) -> Explained:
        """With types that are guessed where they are what is missing, and by the helper where rights are."""
        first = tried = await self._attempts.plan(form, path, deadline)
        typed: str | None = form
        for _ in range(GUESSES):
            if tried.wrong is None or typed is None:
                break
            if (typed := guessed(typed, tried.wrong)) is not None:
                tried = await self._attempts.plan(typed, path, deadline)
        found = tried.explained
        if found.outcome is PlanOutcome.PERMISSION and self._opened.helper and typed is not None:
            helped = (await self._attempts.plan(typed, path, deadline, helper=True)).explained
            found = helped if helped.outcome is PlanOutcome.OK else found
        if typed != form and found.outcome is PlanOutcome.OK:
            return replace(found, detail="types of parameters are guessed")
        return first.explained if found.outcome is PlanOutcome.TYPE else found

    async def add_index(self, definition: str) -> Hypothetical | None:
        """Pretends that there is an index, by a CREATE INDEX statement of ours. None if refused.

        Args:
            definition: names are looked up as for the statement that was explained last.
        """
        if not self._opened.hypopg:
            return None
        async with self._lock:
            row = await self._attempts.pretend(definition, self._worked, self._opened.hypopg)
        return None if row is None else Hypothetical(int(row[0]), row[1], int(row[2]))

    async def drop_indexes(self) -> None:
        """Forgets all pretended indexes."""
        if self._opened.hypopg:
            async with self._lock:
                await self._attempts.forget(self._opened.hypopg)
