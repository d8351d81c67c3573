"""Why statements have no plan, for people, and what would change that. Pure."""

from __future__ import annotations

from typing import NamedTuple

from exporter.sources.postgres.plans import PlanOutcome


class Why(NamedTuple):
    """What an outcome means.

    Attributes:
        reason: as what goes before `the planner ...` would say it: `the role has no rights on their tables`.
        remedy: what would change it; empty if nothing would.
    """

    reason: str
    remedy: str = ""


WHY = {
    PlanOutcome.OK: Why("there is one"),
    PlanOutcome.UTILITY: Why("utility statements have none"),
    PlanOutcome.TRUNCATED: Why("the server has only the beginning of the text"),
    PlanOutcome.SYNTAX: Why("the text with its values taken out is no statement any more"),
    PlanOutcome.TYPE: Why("the type of a parameter can't be told from the text"),
    PlanOutcome.UNDEFINED: Why("a table or function is gone, or on no search_path that was tried"),
    PlanOutcome.PERMISSION: Why(
        "the role has no rights on a table",
        "GRANT pg_read_all_data TO the exporter's role; for UPDATE, DELETE and INSERT see"
        " deploy/sql/explain_helper.sql.",
    ),
    PlanOutcome.SUPERUSER: Why(
        "the role is a superuser, and planning runs functions of the statement",
        "Use a role that is no superuser: docs/analysis.md says which rights it takes.",
    ),
    PlanOutcome.LOCK: Why("a table was locked for too long", "Try again."),
    PlanOutcome.TIMEOUT: Why("planning took too long", "Try again, or raise postgres.plan_timeout_seconds."),
    PlanOutcome.UNAVAILABLE: Why(
        "the server could not be asked", "Connect without a pooler that shares sessions."
    ),
    PlanOutcome.BUDGET: Why("no more plans this minute", "Raise postgres.plans_per_minute."),
    PlanOutcome.ERROR: Why("the server said no"),
}
"""What each outcome means."""
