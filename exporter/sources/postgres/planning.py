"""How a plan is asked for without harm: what is sent, and what an answer means. No I/O.

Nothing of a statement is executed, but PostgreSQL plans with functions: one that says it is IMMUTABLE is run
while the planner looks, with our rights. Hence the rules here:

- never as a superuser or with rights that reach the machine or other sessions (`POWERS`);
- in a transaction that is READ ONLY and has its snapshot, after which it can't become anything else, and that
  is rolled back;
- a text goes first into PREPARE by the extended protocol: there the server itself takes one statement only,
  and one that can be planned only (SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES);
- then EXPLAIN, never with ANALYZE, under limits for time and locks. Parameters stay open: with values bound
  to NULL most plans would be `One-Time Filter: false`.

Source: https://www.postgresql.org/docs/current/sql-explain.html, sql-prepare.html, protocol-flow.html,
xfunc-volatility.html; measured on 13 to 18.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.sources.postgres.plans import Explained, PlanOutcome
from exporter.sql.commands import statements
from exporter.sql.identifiers import literal
from exporter.sql.prepared import after_prepare
from exporter.sql.repair import repaired
from exporter.sql.shape import UTILITY, shape_of
from exporter.sql.tokens import Kind, tokens

if TYPE_CHECKING:
    import psycopg

NAME = "datastack_exporter_plan"
"""Of the prepared statement."""
PREPARE = f"PREPARE {NAME} AS "
GENERIC = "EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) "
"""From 16 on, followed by a text that PREPARE took: the simple protocol would take more than one."""
EXECUTE = f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {NAME}"
PARAMETERS = f"""SELECT coalesce(pg_catalog.cardinality(parameter_types), 0)
FROM pg_catalog.pg_prepared_statements WHERE name OPERATOR(pg_catalog.=) '{NAME}'"""  # noqa: S608
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
END = "ROLLBACK; DEALLOCATE ALL; SELECT pg_catalog.pg_advisory_unlock_all()"
"""A function of the statement may have left a prepared statement or a lock that outlives the transaction."""

POWERS = (
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_signal_backend",
)
"""Predefined roles that a function could use against the server even in a READ ONLY transaction."""
IDLE_SECONDS = 5
"""After which the server ends our transaction if we are gone: it holds locks on tables."""
LARGEST_PLAN = 4_000_000
"""Characters of JSON; a statement over ten thousand partitions has more."""
DEEPEST_PLAN = 100
"""Nodes below each other: who works on plans goes down with them."""
HINT = "/*+"
LONGEST_TEXT = 10_000
"""As much of a text is read at most: one that is as long was cut, maybe where it still is a statement."""
HIDDEN_TEXT = "<insufficient privilege>"
LONGEST_DETAIL = 200


class Limits(NamedTuple):
    """Seconds that planning may take, and that it may wait for a lock."""

    plan: float
    lock: float


def settings(limits: Limits, search_path: str, *, generic: bool) -> str:
    """The first query of the transaction: limits, planner settings, and whether we are superuser by now."""
    wanted = {
        "statement_timeout": f"{max(1, round(limits.plan * 1000))}ms",
        "lock_timeout": f"{max(1, round(limits.lock * 1000))}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
        "plan_cache_mode": "force_generic_plan",
        # EXECUTE prunes with its arguments, which are NULL: no partition would be left to look at.
        **({} if generic else {"enable_partition_pruning": "off"}),
        "search_path": search_path,
    }
    calls = ", ".join(f"set_config('{name}', {literal(text)}, true)" for name, text in wanted.items())
    superuser = "(SELECT bool_or(rolsuper)::int FROM pg_roles WHERE rolname IN (current_user, session_user))"
    return f"SELECT {superuser}, {calls}"


def recipe(limits: Limits, major: int | None) -> str:
    """What is sent for one statement, for people to read."""
    generic = (major or 18) >= 16
    lines = (
        BEGIN,
        settings(limits, "...", generic=generic),
        f"{PREPARE}...  -- by the extended protocol, which takes one statement only",
        f"{GENERIC}..." if generic else f"{EXECUTE}(NULL, ...)",
        END,
    )
    return "\n".join(f"{line};" for line in lines)


def nulls(count: int) -> str:
    """The arguments of EXECUTE: the generic plan does not look at them."""
    return f"({', '.join(['NULL'] * count)})" if count else ""


def refused_at_sight(text: str) -> Explained | None:
    """Why the server need not be asked; None if it has to be.

    The server would refuse the same, and write it into its log, with whatever stands in the text.
    """
    if text == HIDDEN_TEXT:
        return Explained(PlanOutcome.PERMISSION, detail="GRANT pg_read_all_stats to see its text")
    if "\0" in text or not _encodable(text):
        return Explained(PlanOutcome.SYNTAX, detail="not a text")
    found = list(tokens(text))
    if len(text) >= LONGEST_TEXT or not all(token.closed for token in found):
        return Explained(PlanOutcome.TRUNCATED)
    if shape_of(text).operation == UTILITY:
        return Explained(PlanOutcome.UTILITY)
    if len(list(statements([token for token in found if token.kind is not Kind.COMMENT]))) > 1:
        return Explained(PlanOutcome.SYNTAX, detail="more than one statement")
    return None


def plain(text: str) -> str:
    """The text of PREPARE without its head, and a blank for each comment but hints of pg_hint_plan.

    What the server can't plan it writes into its log, where what an application puts into comments would be.
    """
    found = [token for token in tokens(text) if token.kind is not Kind.COMMENT]
    inner = after_prepare(found)
    pieces, copied = [], inner[0].start if inner else 0
    for token in tokens(text):
        if token.start < copied:
            continue
        if token.kind is Kind.COMMENT and not token.text.startswith(HINT):
            pieces += [text[copied : token.start], " "]
            copied = token.start + len(token.text)
    return "".join([*pieces, text[copied:]])


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def forms(text: str) -> Iterator[str]:
    """What is tried: the text as it is, then repaired where pg_stat_statements made it unreadable."""
    yield text
    if (other := repaired(text)) != text:
        yield other


def plan_in(answer: str, search_path: str) -> Explained:
    """EXPLAIN's JSON as a plan."""
    if len(answer) > LARGEST_PLAN:
        return Explained(PlanOutcome.ERROR, search_path=search_path, detail="the plan is too large")
    try:
        plan: Mapping[str, Any] = json.loads(answer)[0]["Plan"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return Explained(PlanOutcome.UTILITY, search_path=search_path, detail="EXPLAIN gave no plan")
    if _is_deep(plan):
        return Explained(PlanOutcome.ERROR, search_path=search_path, detail="the plan is too deep")
    return Explained(PlanOutcome.OK, plan, search_path)


def _is_deep(plan: Mapping[str, Any]) -> bool:
    level = [plan]
    for _ in range(DEEPEST_PLAN):
        level = [child for node in level for child in node.get("Plans", ())]
    return bool(level)


_OUTCOMES: Mapping[PlanOutcome, Iterable[str]] = {
    PlanOutcome.SYNTAX: ("42601", "42602", "42622", "42939"),
    PlanOutcome.TYPE: ("42P18", "42P08", "42P02", "42804", "42725", "42846", "22P02", "42P38"),
    PlanOutcome.UNDEFINED: ("42P01", "42703", "42704", "3F000", "42883", "42P10", "42809", "42702"),
    PlanOutcome.PERMISSION: ("42501",),
    PlanOutcome.UTILITY: ("42P14",),
    PlanOutcome.LOCK: ("55P03",),
    PlanOutcome.TIMEOUT: ("57014",),
}
_BY_STATE = {state: outcome for outcome, states in _OUTCOMES.items() for state in states}
_LOST = ("57P", "08", "53", "25P03", "58")
# Messages of the server that name objects and types, and never a value.
_TOLD = ("42P01", "42704", "3F000", "42883", "42501", "42P18", "42P08", "42804", "42725", "42846")


def failure(error: psycopg.Error, sent: str, search_path: str, *, lost: bool) -> Explained:
    """What an error of the server means.

    Args:
        error: the driver's.
        sent: the message that it was the answer to.
        search_path: the one that was tried.
        lost: whether the connection is gone.
    """
    state = error.sqlstate or ""
    if lost or not state or state.startswith(_LOST):
        return Explained(PlanOutcome.UNAVAILABLE, search_path=search_path, detail="the connection broke")
    outcome = _BY_STATE.get(state, PlanOutcome.ERROR)
    place = place_of(error)
    if state == "42601" and place >= len(sent.rstrip()):
        outcome = PlanOutcome.TRUNCATED
    elif state == "42883" and 0 <= place < len(sent) and not (sent[place].isalpha() or sent[place] in '"_'):
        outcome = PlanOutcome.TYPE  # an operator, not a function: the types do not fit
    return Explained(outcome, search_path=search_path, detail=_told(error, state))


def place_of(error: psycopg.Error) -> int:
    """The character of the message that an error means; -1 if it names none."""
    return int(error.diag.statement_position or 0) - 1


def _told(error: psycopg.Error, state: str) -> str:
    """What may be passed on of an error: functions can put any value into what they raise."""
    if error.diag.context or state not in _TOLD:
        inside = " in a function that planning ran" if error.diag.context else ""
        return f"SQLSTATE {state}{inside}"
    return " ".join((error.diag.message_primary or "").split())[:LONGEST_DETAIL]
