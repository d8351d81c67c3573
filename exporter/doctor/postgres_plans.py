"""What the collector query_plans needs beyond the right to read: a session that plans, rights to write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from exporter.doctor.finding import Notes
from exporter.doctor.postgres_facts import Facts, PostgresSource
from exporter.doctor.postgres_rights import PLANS
from exporter.doctor.sql import identifier
from exporter.model.deadline import Deadline
from exporter.model.errors import DeadlineExceeded, Refused, SourceError
from exporter.sources.postgres.plan_helper import USABLE
from exporter.sources.postgres.planning import POWERS
from exporter.sources.postgres.rows import Rows

HELPER = "datastack_exporter.explain_prepared"
SCRIPT = "deploy/sql/explain_helper.sql"

# Planning checks the rights of who plans, also to write.
WRITES = rf"""
SELECT (({USABLE}) > 0)::int AS usable,
       EXISTS (SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
               WHERE n.nspname = 'datastack_exporter' AND p.proname = 'explain_prepared')::int AS there,
       EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                 AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
                 AND NOT (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                          AND has_table_privilege(c.oid, 'DELETE')))::int AS forbidden
"""  # noqa: S608  constants


async def examine(
    server: PostgresSource,
    facts: Facts,
    own_role: Sequence[str],
    deadline: Deadline,
    notes: Notes,
) -> None:
    """Notes why the collector gets no plans, or not all; for a role that is no superuser.

    Args:
        server: as everywhere.
        facts: what it says.
        own_role: the lines that make a role which may plan.
        deadline: when all answers must be there.
        notes: where the findings go.

    Raises:
        SourceError: the list of databases did not come.
    """
    try:
        async with server.plan_session(deadline):
            pass
    except Refused as error:
        notes.advice(f"{PLANS}: {error}", *(_less(facts, str(error)) or own_role))
    except DeadlineExceeded:
        return  # its turn comes after the collector's own run, which has had all the time
    except SourceError as error:
        notes.advice(f"{PLANS}: {error}")
    else:
        await _writes(server, facts, deadline, notes)


def _less(facts: Facts, refusal: str) -> list[str]:
    """What takes away the rights that planning must not have; none where it is being a superuser."""
    login = identifier(facts.text("login"))
    had = [power for power in POWERS if power in facts.listed("memberships")]
    lines = [f"REVOKE {power} FROM {login};" for power in had]
    if had:
        lines.append("-- or from the role that it has them through")
    return [*lines, *([f"ALTER ROLE {login} NOREPLICATION;"] if "REPLICATION" in refusal else [])]


async def _writes(server: PostgresSource, facts: Facts, deadline: Deadline, notes: Notes) -> None:
    names = await server.databases(deadline)
    fetches = (server.fetch(WRITES, deadline, database=name) for name in names)
    answers = await asyncio.gather(*fetches, return_exceptions=True)
    missing: list[str] = []
    unused: list[str] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Rows):
            usable, there, forbidden = (column[0] == "1" for column in answer.columns)
            if forbidden and not usable:
                (unused if there else missing).append(name)
        elif not isinstance(answer, SourceError):  # those were found when its tables were looked at
            raise answer
    lost = f"{PLANS}: no plans of INSERT, UPDATE and DELETE in"
    if missing:
        notes.advice(
            f"{lost} {', '.join(missing)}: the function that asks for them is not there",
            f"-- {SCRIPT} makes it: put in the role and the schemas, and run it in each of these databases",
        )
    if unused:
        why = "the role may not call it, or its owner is a superuser or can become one"
        notes.advice(f"{lost} {', '.join(unused)}: {HELPER} is there, but {why}", *_allow(facts, unused))
    if not missing and not unused:
        notes.ok(f"{PLANS} may ask for plans, of INSERT, UPDATE and DELETE too")


def _allow(facts: Facts, databases: Sequence[str]) -> Iterator[str]:
    role = identifier(facts.text("role"))
    for name in databases:
        yield f"-- in database {identifier(name)}:"
        yield f"GRANT USAGE ON SCHEMA datastack_exporter TO {role};"
        yield f"GRANT EXECUTE ON FUNCTION {HELPER}(text, text) TO {role};"
    yield f"-- and an owner as in {SCRIPT}"
