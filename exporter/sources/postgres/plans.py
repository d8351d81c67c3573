"""What becomes of a statement whose plan is asked for. Who asks is `planning.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from exporter.model.deadline import Deadline


class PlanOutcome(StrEnum):
    """Why there is a plan or none: the bounded values of the label `result`."""

    OK = "ok"
    UTILITY = "utility"
    """Not SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES: it has no plan."""
    TRUNCATED = "truncated"
    """The server has only the beginning of the text."""
    SYNTAX = "syntax"
    """The normalized text is no statement any more, also after repair."""
    TYPE = "type"
    """The type of a parameter can't be told."""
    UNDEFINED = "undefined"
    """A table or function is not found on any search path that was tried."""
    PERMISSION = "permission"
    """The role may not plan it."""
    SUPERUSER = "superuser"
    """The role is a superuser: planning runs functions of the statement, so nothing is asked for."""
    LOCK = "lock"
    """A table was locked longer than the limit."""
    TIMEOUT = "timeout"
    """Planning took longer than the limit."""
    UNAVAILABLE = "unavailable"
    """The server could not be asked: not reachable, or behind a pooler that shares sessions."""
    BUDGET = "budget"
    """No more plans this minute."""
    ERROR = "error"
    """Anything else that the server said."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The plan of a statement, or why there is none.

    Attributes:
        outcome: why.
        plan: EXPLAIN's `Plan` object (VERBOSE, FORMAT JSON), a generic plan; None without. Its filters hold
            literals that stand in views, functions and partial indexes: redacted before it is shown.
        search_path: with which it worked.
        detail: what the server said, redacted; empty where there is nothing to say.
    """

    outcome: PlanOutcome
    plan: Mapping[str, Any] | None = None
    search_path: str = ""
    detail: str = ""


class Hypothetical(NamedTuple):
    """An index of HypoPG.

    Attributes:
        oid: HypoPG's.
        name: as plans name it: `<13543>btree_orders_customer_id`.
        bytes: estimated, too large as a rule.
    """

    oid: int
    name: str
    bytes: int


class PlanSession(Protocol):
    """One session in one database that asks for plans, and nothing else; all of one analysis use one.

    Attributes:
        hypopg: whether hypothetical indexes can be had.
        generic_plan: whether the server has EXPLAIN (GENERIC_PLAN): from 16 on.
    """

    hypopg: bool
    generic_plan: bool

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

    async def add_index(self, definition: str) -> Hypothetical | None:
        """Pretends that there is an index, by a CREATE INDEX statement of ours. None if refused."""

    async def drop_indexes(self) -> None:
        """Forgets all pretended indexes."""
